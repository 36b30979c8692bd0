"""A plain connection: an accepted socket."""

import socket
from collections.abc import Awaitable
from contextlib import suppress

import trio

from trio_chat.chat.accounts.proof import UNBOUND
from trio_chat.chat.outlet import CloseReason
from trio_chat.server.shutdown_timeouts import FAREWELL_S
from trio_chat.server.transport.admission import NO_TICKET
from trio_chat.server.transport.outlet import NoticeEncoders, is_dead
from trio_chat.server.transport.peer import FIRST_BYTES_TIMEOUT_S, READ_BYTES
from trio_chat.server.transport.socket_outlet import SocketOutlet
from trio_chat.wire.proxy_header import HEADER_LIMIT, ProxyHeader

PEEK_BYTES = 4096

REJECTED_DRAIN_S = 1.0
"""Time for which input of a rejected client is still read: a reset could keep the answer from it."""

_WAITED_FOR = (CloseReason.STOPPING, CloseReason.DRAINED)
"""Reasons for which a server hangs up whose farewell may take time: nothing is wrong with the client."""


class SocketPeer:
    """A `Peer` over an accepted, non-blocking socket. Its maker calls `close`."""

    __slots__ = ("_outlet", "address", "is_behind_proxy", "port", "socket", "ticket")

    is_encrypted = False
    binding = UNBOUND

    def __init__(self, sock: socket.socket, address: str, port: int) -> None:
        self.socket = sock
        self.address = address
        self.port = port
        self.ticket = NO_TICKET
        self.is_behind_proxy = False
        self._outlet: SocketOutlet | None = None

    async def peek(self, timeout_s: float = FIRST_BYTES_TIMEOUT_S) -> bytes | None:
        """Return the first bytes, which can still be received; b"" at the end, None if none come in `timeout_s`.

        Raises OSError.
        """
        with trio.move_on_after(timeout_s):
            await trio.lowlevel.wait_readable(self.socket)
        try:
            return self.socket.recv(PEEK_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return None

    async def read_proxy_header(self) -> bool:
        """Take the address of the client from the header that a proxy sends. Waits without a limit of its own.

        -> whether it names a client: that of a health check (LOCAL, UNKNOWN) does not

        Raises OSError; trio.BrokenResourceError where the proxy hangs up first; ChatError for a bad header.
        """
        header = ProxyHeader()
        while not header.is_complete:
            await trio.lowlevel.wait_readable(self.socket)
            ahead = self.socket.recv(HEADER_LIMIT, socket.MSG_PEEK)
            if not ahead:
                raise trio.BrokenResourceError("the proxy hung up before its header was complete")
            self.socket.recv(header.feed(ahead))
        if header.source:
            self.address, self.port = header.source
            self.is_behind_proxy = True
        return header.source is not None

    def receivable(self) -> Awaitable[None]:
        """Return an awaitable that ends when input has come, or its end. Raises trio.ClosedResourceError.

        Ten thousand clients spend most of their time here. A coroutine of our own around Trio's would cost another
        200 bytes for each.
        """
        return trio.lowlevel.wait_readable(self.socket)  # noqa: ASYNC105  # awaited by the caller: see above

    def receive_nowait(self) -> bytes | None:
        """Return the bytes that have come, up to READ_BYTES; none at the end, None where there is nothing after all.

        Raises OSError.
        """
        try:
            return self.socket.recv(READ_BYTES)
        except BlockingIOError:  # readiness is only a hint
            return None

    async def receive(self) -> bytes:
        """Return the next bytes, up to READ_BYTES; none at the end. Raises OSError and trio.ClosedResourceError."""
        while True:
            await self.receivable()
            if (data := self.receive_nowait()) is not None:
                return data

    def open_outlet(self, notices: NoticeEncoders) -> SocketOutlet:
        """Open the sending half."""
        self._outlet = SocketOutlet(self.socket, notices)
        return self._outlet

    @property
    def is_dead(self) -> bool:
        """True if the connection was reset or given up. Reading reports that only after everything received before."""
        return is_dead(self.socket)

    async def reject_politely(self, answer: bytes) -> None:
        """Send the reason for a rejection, then read the remaining input: a reset would discard the answer.

        Raises OSError.
        """
        self.socket.send(answer)
        self.socket.shutdown(socket.SHUT_WR)
        with trio.move_on_after(REJECTED_DRAIN_S):
            while await self.receive():
                pass

    def reject_now(self, answer: bytes) -> None:
        """Send the reason for a rejection without waiting: there may be thousands at once."""
        with suppress(OSError):
            self.socket.send(answer)
        self.close()

    async def finish(self) -> None:
        """Send the rest where the server stops, and close the socket."""
        try:
            await self._flush_farewell()
        finally:
            self.close()

    async def _flush_farewell(self) -> None:
        """Send the rest, where the server stops or is drained, for FAREWELL_S at most, whatever is cancelled.

        Input is read until the client hangs up: a reset would discard what it has not read.
        """
        if self._outlet is None or self._outlet.close_reason not in _WAITED_FOR:
            return
        with trio.move_on_after(FAREWELL_S, shield=True), suppress(OSError, trio.ClosedResourceError):
            while not self._outlet.push(None):
                trio.lowlevel.notify_closing(self.socket)  # the pump may wait for the same
                await self._outlet.wait_writable()
            self.socket.shutdown(socket.SHUT_WR)
            if self.socket.recv(READ_BYTES):
                while await self.receive():
                    pass

    def close(self) -> None:
        """Close the socket; tasks that wait for it get trio.ClosedResourceError."""
        if self.socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()
