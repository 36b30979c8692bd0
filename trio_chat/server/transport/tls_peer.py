"""A TLS connection: a socket after its handshake, whose bytes are encrypted."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import trio

from trio_chat.server.shutdown_timeouts import TLS_CLOSE_S
from trio_chat.server.transport.admission import Ticket
from trio_chat.server.transport.outlet import NoticeEncoders
from trio_chat.server.transport.peer import FIRST_BYTES_TIMEOUT_S, READ_BYTES
from trio_chat.server.transport.socket_peer import SocketPeer
from trio_chat.server.transport.tls import Tls
from trio_chat.server.transport.tls_outlet import TlsOutlet

TLS_HANDSHAKE_TIMEOUT_S = 10

logger = logging.getLogger(__name__)


class TlsPeer:
    """A `Peer` over TLS. `open_tls` makes it and closes the stream; the socket's owner closes the socket."""

    __slots__ = ("_ahead", "_nursery", "_outlet", "_raw", "_stream", "binding")

    is_encrypted = True

    def __init__(
        self, raw: SocketPeer, stream: trio.SSLStream[trio.SocketStream], nursery: trio.Nursery, *, binding: str
    ) -> None:
        self._raw = raw
        self._stream = stream
        self._nursery = nursery
        self._ahead = b""
        self._outlet: TlsOutlet | None = None
        self.binding = binding

    @property
    def address(self) -> str:
        """IP address of the client."""
        return self._raw.address

    @property
    def port(self) -> int:
        """Port of the client."""
        return self._raw.port

    @property
    def ticket(self) -> Ticket:
        """The key under which the connection is counted."""
        return self._raw.ticket

    @property
    def is_behind_proxy(self) -> bool:
        """True if a proxy named the client."""
        return self._raw.is_behind_proxy

    @property
    def is_dead(self) -> bool:
        """The connection was reset or given up."""
        return self._raw.is_dead

    async def peek(self, timeout_s: float = FIRST_BYTES_TIMEOUT_S) -> bytes | None:
        """Return the first bytes, which can still be received; b"" at the end, None if none come in `timeout_s`.

        Raises trio.BrokenResourceError.
        """
        with trio.move_on_after(timeout_s):
            await self.receivable()
            return self._ahead
        return self._ahead or None

    async def receivable(self) -> None:
        """Return when input has come, or its end.

        Raises trio.BrokenResourceError where the connection was cut off instead of closed: its last line may be half a
        line (RFC 8446, 6.1).
        """
        if self._ahead:
            await trio.lowlevel.checkpoint()
        else:
            self._ahead = bytes(await self._stream.receive_some(READ_BYTES))

    def receive_nowait(self) -> bytes:
        """Return what `receivable` has waited for; none at the end."""
        data, self._ahead = self._ahead, b""
        return data

    async def receive(self) -> bytes:
        """Return the next bytes, up to READ_BYTES; none at the end. Raises trio.BrokenResourceError."""
        await self.receivable()
        return self.receive_nowait()

    def open_outlet(self, notices: NoticeEncoders) -> TlsOutlet:
        """Open the sending half, and start the task that writes. Its `hang_up` cancels the body of `open_tls`."""
        self._outlet = TlsOutlet(self._raw.socket, notices, self._nursery.cancel_scope)
        self._nursery.start_soon(self._outlet.write_forever, self._stream)
        return self._outlet

    async def reject_politely(self, answer: bytes) -> None:
        """Send the reason for a rejection. Raises trio.BrokenResourceError."""
        await self._stream.send_all(answer)

    async def finish(self) -> None:
        """Send the rest and the close_notify, and close the stream. Raises trio.BrokenResourceError.

        The stream is closed too where this is cancelled.
        """
        try:
            if self._outlet:
                await self._outlet.finish()
            await self._stream.aclose()
        finally:
            if self._outlet:
                self._outlet.stop()


@asynccontextmanager
async def open_tls(raw: SocketPeer, tls: Tls) -> AsyncIterator[TlsPeer]:
    """Shake hands, and yield the connection inside. Raises trio.BrokenResourceError where the handshake fails.

    On the way out, the rest is sent and the stream closed, within TLS_CLOSE_S whatever is cancelled; the socket stays
    open for its owner. Where the writing task finds the connection broken, the body is cancelled.
    """
    sock = trio.socket.from_stdlib_socket(raw.socket)
    stream = trio.SSLStream(trio.SocketStream(sock), tls.context, server_side=True)
    binding = tls.certificate_digest
    await _shake_hands(stream, raw)
    async with trio.open_nursery() as nursery:
        inner = TlsPeer(raw, stream, nursery, binding=binding)
        try:
            yield inner
        finally:
            with trio.move_on_after(TLS_CLOSE_S, shield=True), suppress(trio.BrokenResourceError):
                await inner.finish()


async def _shake_hands(stream: trio.SSLStream[trio.SocketStream], raw: SocketPeer) -> None:
    with trio.move_on_after(TLS_HANDSHAKE_TIMEOUT_S) as timeout:
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError as error:
            why = getattr(error.__cause__, "reason", None) or "the connection broke"
            logger.info("no TLS handshake with %s port %d: %s", raw.address, raw.port, why)
            raise
    if timeout.cancelled_caught:
        logger.info(
            "no TLS handshake with %s port %d: not done after %d s", raw.address, raw.port, TLS_HANDSHAKE_TIMEOUT_S
        )
        raise trio.BrokenResourceError("the handshake took too long")
