"""The receiving half of a connection, and where it comes from."""

import socket
from collections.abc import Awaitable
from contextlib import suppress

import trio

from trio_chat.chat.outlet import CloseReason
from trio_chat.server.shutdown_timeouts import FAREWELL_S
from trio_chat.server.transport.admission import NO_TICKET
from trio_chat.server.transport.socket_outlet import SocketOutlet, Voice
from trio_chat.wire.proxy_header import HEADER_LIMIT, ProxyHeader

READ_BYTES = 4 * 1024
"""Read at once: the longest line. It bounds what one client can have waiting for the journal, and with that how long
others wait behind one who says very much at once. Reading four times as much keeps no more lines a second."""

SNIFF_S = 0.25
"""How long to look at the first bytes: a client that says nothing joins after this."""

PEEK_BYTES = 4096

REFUSAL_S = 1.0
"""How long one that was refused may go on sending before it is cut off, and may lose the answer with that."""

_TCP_CLOSE = 7
"""The state of a connection that was reset or given up, in the first byte of TCP_INFO (linux/tcp_states.h)."""


class SocketPeer:
    """A plain connection: an accepted, non-blocking socket. Whoever makes this calls `close`."""

    __slots__ = ("_outlet", "address", "port", "socket", "ticket")

    is_encrypted = False

    def __init__(self, sock: socket.socket, address: str, port: int) -> None:
        self.socket = sock
        self.address = address
        self.port = port
        self.ticket = NO_TICKET
        self._outlet: SocketOutlet | None = None

    async def peek(self, patience_s: float = SNIFF_S) -> bytes:
        """Wait for the first bytes; return them, or none, still to be received. Raises OSError."""
        with trio.move_on_after(patience_s):
            await trio.lowlevel.wait_readable(self.socket)
            return self.socket.recv(PEEK_BYTES, socket.MSG_PEEK)
        return b""

    async def read_proxy_header(self) -> None:
        """Learn from the proxy at the other end for whom it connects. Raises OSError; ChatError for a bad header."""
        header = ProxyHeader()
        while not header.is_complete:
            await trio.lowlevel.wait_readable(self.socket)
            ahead = self.socket.recv(HEADER_LIMIT, socket.MSG_PEEK)
            if not ahead:
                raise trio.BrokenResourceError("the proxy hung up before its header was complete")
            self.socket.recv(header.feed(ahead))
        if header.source:
            self.address, self.port = header.source

    def receivable(self) -> Awaitable[None]:
        """-> what to await until something has come, or the end. Raises trio.ClosedResourceError.

        Here ten thousand clients wait for most of their time. A coroutine of our own around Trio's would cost another
        200 bytes for each of them.
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

    def outlet(self, voice: Voice, session: trio.CancelScope) -> SocketOutlet:
        """Make the sending half."""
        self._outlet = SocketOutlet(self.socket, voice, session)
        return self._outlet

    @property
    def is_dead(self) -> bool:
        """Whether the connection was reset or given up, which reading tells only after all that came before."""
        if not hasattr(socket, "TCP_INFO"):
            return False
        return self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE

    async def reject_politely(self, answer: bytes) -> None:
        """Say why this connection is not wanted, then read what it still sends: a reset would eat the answer."""
        self.socket.send(answer)
        self.socket.shutdown(socket.SHUT_WR)
        with trio.move_on_after(REFUSAL_S):
            while await self.receive():
                pass

    def reject_now(self, answer: bytes) -> None:
        """Say why this connection is not wanted, and be done with it: there may be thousands of its kind."""
        with suppress(OSError):
            self.socket.send(answer)
        self.close()

    async def flush_farewell(self) -> None:
        """Where the server stops, let the client have what is left to say to it, for FAREWELL_S at most.

        Who still speaks is listened to until it has noticed: else a reset would eat what it has not read.
        """
        if self._outlet is None or self._outlet.farewell is not CloseReason.STOPPING:
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
        """Close the socket; whoever waits for it is woken."""
        if self.socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()
