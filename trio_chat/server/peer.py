"""The receiving half of a connection, and where it comes from."""

import socket
from collections.abc import Callable

import trio

from trio_chat.server.outlet import SocketOutlet, Voice

READ_BYTES = 16 * 1024
"""Read at once: four of the longest lines. It bounds what one client can have waiting for the journal."""

SNIFF_S = 0.25
"""How long to look at the first bytes: a client that says nothing joins after this."""

PEEK_BYTES = 4096


class SocketPeer:
    """A plain connection: an accepted, non-blocking socket. Whoever makes this calls `close`."""

    __slots__ = ("_socket", "address", "port")

    def __init__(self, sock: socket.socket, address: str, port: int) -> None:
        self._socket = sock
        self.address = address
        self.port = port

    async def peek(self) -> bytes:
        """Wait up to SNIFF_S for the first bytes; return them, still to be received. Raises OSError."""
        with trio.move_on_after(SNIFF_S):
            await trio.lowlevel.wait_readable(self._socket)
            return self._socket.recv(PEEK_BYTES, socket.MSG_PEEK)
        return b""

    async def receive(self) -> bytes:
        """Return the next bytes, up to READ_BYTES; none at the end. Raises OSError."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(READ_BYTES)
            except BlockingIOError:  # readiness is only a hint
                continue

    def outlet(self, voice: Voice, end_session: Callable[[], None]) -> SocketOutlet:
        """Make the sending half."""
        return SocketOutlet(self._socket, voice, end_session)

    async def refuse(self, answer: bytes) -> None:
        """Say why this connection is not wanted, then read what it still sends: a reset would eat the answer."""
        self._socket.send(answer)
        self._socket.shutdown(socket.SHUT_WR)
        with trio.move_on_after(1):
            while await self.receive():
                pass

    def close(self) -> None:
        """Close the socket; whoever waits for it is woken."""
        trio.lowlevel.notify_closing(self._socket)
        self._socket.close()
