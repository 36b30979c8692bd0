"""The sending half of a TLS connection.

TLS cannot take back what it was given, so a task of its own writes: the outlet hands it one record at a time and counts
as full until that is sent. So the log and its cursors serve these clients as they do all others.
"""

import socket

import trio

from trio_chat.chat.outlet import Unsent
from trio_chat.server.transport.outlet import NoticeEncoders, PeerOutlet

RECORD_BYTES = 16 * 1024
"""Bytes that a TLS record carries at most (RFC 8446, 5.1), and the most that is held for a stuck reader."""


class TlsOutlet(PeerOutlet):
    """Sends through the TLS of a connection, by a task that runs `write_forever`.

    `push` hands that task one record at a time, and takes nothing more until it is sent.
    """

    is_encrypted = True

    __slots__ = ("_given", "_in_flight", "_is_closed", "_taken", "_writing")

    def __init__(self, sock: socket.socket, notices: NoticeEncoders, session: trio.CancelScope) -> None:
        super().__init__(sock, notices, session)
        self._in_flight = b""
        self._given = trio.Event()
        self._taken = trio.Event()
        self._writing = trio.CancelScope(shield=True)
        self._is_closed = False

    @property
    def unsent_bytes(self) -> int:
        """Bytes for this client alone that are not handed over yet, and all bytes handed over and not sent yet."""
        return len(self._pending) + len(self._in_flight)

    def push(self, member: Unsent | None) -> bool:
        """Hand over the next record. -> False until it is sent"""
        if self._in_flight:
            return False
        if self._is_closed:
            return self._discard(member)
        record = b""
        if self._pending:
            pending = memoryview(self._pending)
            record, self._pending = bytes(pending[:RECORD_BYTES]), pending[RECORD_BYTES:] or b""
        elif member and self.close_reason:  # nothing is sent after it
            member.advance(member.slice()[1])
        elif member:
            data, end = member.slice()
            record = data[:RECORD_BYTES]
            if len(record) == len(data):
                member.advance(end)
            else:
                self._pending = self._ended(member.advance_partially(len(record)))
            record = self._ended(record)
        if record:
            self._in_flight = record
            self._taken = trio.Event()
            self._given.set()
        return not record

    async def wait_writable(self) -> None:
        """Return when the bytes handed over are sent. Raises trio.ClosedResourceError after `write_forever`."""
        await self._taken.wait()
        if self._is_closed:
            raise trio.ClosedResourceError

    async def write_forever(self, stream: trio.abc.SendStream) -> None:
        """Send what is handed over, until `stop`. Raises trio.BrokenResourceError; nothing is sent after that.

        It is shielded: cancelling the session does not end it, so that the farewell is still sent. `stream` is closed
        by its owner.
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
        """Return when all that is pending is sent, or cannot be. There is no time limit here."""
        while not self._is_closed and not self.push(None):
            await self._taken.wait()

    def stop(self) -> None:
        """End `write_forever` at once, whatever is not sent yet."""
        self._writing.cancel()

    def _discard(self, member: Unsent | None) -> bool:
        self._pending = b""
        if member:
            member.advance(member.slice()[1])
        return True
