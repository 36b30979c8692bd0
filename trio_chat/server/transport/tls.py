"""TLS on the chat port: the certificate, and a connection whose bytes are encrypted.

Such a connection has a task that writes, since TLS can't take back what it was given: the outlet hands it one record's
worth at a time and is blocked until that is sent. So the log and its cursors serve these clients as they do all others.
"""

import hashlib
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NoReturn

import trio

from trio_chat.chat.room import Member
from trio_chat.server.errors import SetupError
from trio_chat.server.shutdown_timeouts import TLS_CLOSE_S
from trio_chat.server.transport.socket_outlet import SocketOutlet, Voice
from trio_chat.server.transport.socket_peer import READ_BYTES, SNIFF_S, SocketPeer

HANDSHAKE_S = 10

RECORD_BYTES = 16 * 1024
"""The most that a TLS record carries (RFC 8446, 5.1), and all that is held for a reader that is stuck."""

logger = logging.getLogger(__name__)


class Tls:
    """The server's certificate. `context` is for handshakes; `fingerprint` differs where the files do."""

    def __init__(self, certificate: Path, key: Path | None, *, is_required: bool) -> None:
        """Load both; the key is in the file of the certificate where it has none of its own. Raises SetupError."""
        self._certificate = certificate
        self._key = key or certificate
        self.is_required = is_required
        self.fingerprint = self._read()
        self.context = self._load()

    def _read(self) -> bytes:
        digest = hashlib.sha256()
        for file, what in ((self._certificate, "certificate"), (self._key, "key")):
            try:
                digest.update(file.read_bytes())
            except OSError as error:
                raise SetupError(f"cannot read the TLS {what} {file}: {error.strerror}") from error
        return digest.digest()

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        # With this, which some builds of Python set, what was cut off would look like a proper end: see `receivable`.
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        try:
            context.load_cert_chain(self._certificate, self._key, _no_passphrase)
        except (OSError, ValueError) as error:  # also a file that went since it was read
            raise SetupError(self._explain(error)) from error
        return context

    def _explain(self, error: Exception) -> str:
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            why = "they do not belong together"
        elif isinstance(error, ssl.SSLError):
            why = f"expected PEM files, and the chain with the server's own certificate first ({error.reason or error})"
        elif isinstance(error, OSError):
            why = error.strerror or str(error)
        else:
            why = "the key has a passphrase; decrypt it with: openssl pkey"
        return f"cannot use the TLS certificate {self._certificate} with the key {self._key}: {why}"


def _no_passphrase() -> NoReturn:
    raise ValueError("OpenSSL would ask for it on the terminal")


class TlsOutlet(SocketOutlet):
    """Sends through the TLS of a connection, by a task that runs `write_forever`."""

    __slots__ = ("_given", "_in_flight", "_is_closed", "_taken", "_writing")

    def __init__(self, peer: SocketPeer, voice: Voice, session: trio.CancelScope) -> None:
        super().__init__(peer.socket, voice, session)
        self._in_flight = b""
        self._given = trio.Event()
        self._taken = trio.Event()
        self._writing = trio.CancelScope(shield=True)
        self._is_closed = False

    @property
    def unsent_bytes(self) -> int:
        """Bytes for this client alone that are not handed over, and all that are handed over and not sent."""
        return len(self._pending) + len(self._in_flight)

    def push(self, member: Member | None) -> bool:
        """Hand over what comes next, and be blocked until that is sent; see `chat.outlet.Outlet`."""
        if self._in_flight:
            return False
        if self._is_closed:
            return self._discard(member)
        record = b""
        if self._pending:
            pending = memoryview(self._pending)
            record, self._pending = bytes(pending[:RECORD_BYTES]), pending[RECORD_BYTES:] or b""
        elif member and self.farewell:  # nothing comes after it
            member.advance(member.slice()[1])
        elif member:
            data, end = member.slice()
            record = data[:RECORD_BYTES]
            if len(record) == len(data):
                member.advance(end)
            else:
                self._pending = member.tear(len(record))
        if record:
            self._in_flight = record
            self._taken = trio.Event()
            self._given.set()
        return not record

    async def wait_writable(self) -> None:
        """Return when what was handed over is sent."""
        await self._taken.wait()
        if self._is_closed:
            raise trio.ClosedResourceError

    async def write_forever(self, stream: trio.abc.SendStream) -> None:
        """Send what is handed over, until `stop`. Raises trio.BrokenResourceError; after that nothing is sent any more.

        Cancelling what is around it does not end it: who is hung up on is still told why.
        """
        try:
            with self._writing:
                while True:
                    await self._given.wait()
                    await stream.send_all(self._in_flight)
                    self.bytes_out += len(self._in_flight)
                    self._in_flight = b""
                    self._given = trio.Event()
                    self._taken.set()
        finally:
            self._is_closed = True
            self._in_flight = b""
            self._taken.set()

    async def finish(self) -> None:
        """Return when all that was for this client alone is sent, or cannot be."""
        while not self._is_closed and not self.push(None):
            await self._taken.wait()

    def stop(self) -> None:
        """End `write_forever`."""
        self._writing.cancel()

    def _discard(self, member: Member | None) -> bool:
        self._pending = b""
        if member:
            member.advance(member.slice()[1])
        return True


class TlsPeer(SocketPeer):
    """A connection after its handshake. `open_tls` makes it and closes the stream; the socket's owner closes that."""

    __slots__ = ("_ahead", "_nursery", "_stream", "_tls_outlet")

    is_encrypted = True

    def __init__(self, peer: SocketPeer, stream: trio.SSLStream[trio.SocketStream], nursery: trio.Nursery) -> None:
        super().__init__(peer.socket, peer.address, peer.port)
        self.ticket = peer.ticket
        self._stream = stream
        self._nursery = nursery
        self._ahead = b""
        self._tls_outlet: TlsOutlet | None = None

    async def peek(self, patience_s: float = SNIFF_S) -> bytes:
        """Wait for the first bytes; return them, or none, still to be received. Raises trio.BrokenResourceError."""
        with trio.move_on_after(patience_s):
            await self.receivable()
        return self._ahead

    async def receivable(self) -> None:
        """Return when something has come, or the end.

        Raises trio.BrokenResourceError where the connection was cut off instead of ended: what was said last may be
        half a line (RFC 8446, 6.1).
        """
        if self._ahead:
            await trio.lowlevel.checkpoint()
        else:
            self._ahead = bytes(await self._stream.receive_some(READ_BYTES))

    def receive_nowait(self) -> bytes:
        """Return what has come; none at the end."""
        data, self._ahead = self._ahead, b""
        return data

    def outlet(self, voice: Voice, session: trio.CancelScope) -> SocketOutlet:
        """Make the sending half, and let its task run."""
        self._tls_outlet = TlsOutlet(self, voice, session)
        self._nursery.start_soon(self._tls_outlet.write_forever, self._stream)
        return self._tls_outlet

    async def reject_politely(self, answer: bytes) -> None:
        """Say why this connection is not wanted."""
        await self._stream.send_all(answer)

    async def finish(self) -> None:
        """Send what is left to say, and that this is the end. Raises trio.BrokenResourceError."""
        try:
            if self._tls_outlet:
                await self._tls_outlet.finish()
            await self._stream.aclose()
        finally:
            if self._tls_outlet:
                self._tls_outlet.stop()


@asynccontextmanager
async def open_tls(peer: SocketPeer, context: ssl.SSLContext) -> AsyncIterator[TlsPeer]:
    """Shake hands, and give the connection that this makes. Raises trio.BrokenResourceError where the other can't."""
    sock = trio.socket.from_stdlib_socket(peer.socket)
    stream = trio.SSLStream(trio.SocketStream(sock), context, server_side=True)
    await _shake_hands(stream, peer)
    async with trio.open_nursery() as nursery:
        inner = TlsPeer(peer, stream, nursery)
        try:
            yield inner
        finally:
            with trio.move_on_after(TLS_CLOSE_S, shield=True), suppress(trio.BrokenResourceError):
                await inner.finish()


async def _shake_hands(stream: trio.SSLStream[trio.SocketStream], peer: SocketPeer) -> None:
    with trio.move_on_after(HANDSHAKE_S) as patience:
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError as error:
            why = getattr(error.__cause__, "reason", None) or "the connection broke"
            logger.info("no TLS handshake with %s port %d: %s", peer.address, peer.port, why)
            raise
    if patience.cancelled_caught:
        logger.info("no TLS handshake with %s port %d: not done after %d s", peer.address, peer.port, HANDSHAKE_S)
        raise trio.BrokenResourceError("the handshake took too long")
