"""The sending half of a plain connection: one non-blocking send at a time, and never a queue.

What a client has not heard stays in the rooms' logs; only its cursor moves. Kept here is what is in no log: answers to
its own requests, and the rest of a line that the kernel took half of. (The design's cursor had an offset into such a
line; but the line can leave the log's window while its reader is stuck, and what follows would then begin in mid-line.)
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass

import trio

from trio_chat.chat.client import Farewell
from trio_chat.chat.room import Member


@dataclass(frozen=True, slots=True)
class Voice:
    """How what the outlet itself has to say is put in one wire format."""

    gap: Callable[[str, int], bytes]
    farewell: Callable[[Farewell], bytes]


class SocketOutlet:
    """Sends to a non-blocking socket, which its maker closes."""

    __slots__ = ("_end_session", "_pending", "_voice", "bytes_out", "farewell", "fault", "is_blocked", "socket")

    def __init__(self, sock: socket.socket, voice: Voice, end_session: Callable[[], None]) -> None:
        self.is_blocked = False
        self.bytes_out = 0
        self.farewell: Farewell | None = None
        """Why we ended the connection, if we did."""
        self.fault: OSError | None = None
        """What a send met. The system tells it once: reading gets an end of input then."""
        self.socket = sock
        self._voice = voice
        self._pending = b""
        self._end_session = end_session

    @property
    def unsent_bytes(self) -> int:
        """Bytes for this client alone that are not sent yet."""
        return len(self._pending)

    def write(self, data: bytes) -> None:
        """Give this client alone some whole lines, at the next push."""
        self._pending += data

    def report_gap(self, room: str, missed: int) -> None:
        """Tell this client that it missed so many entries of a room."""
        if not self.farewell:
            self.write(self._voice.gap(room, missed))

    def push(self, member: Member | None) -> bool:
        """Offer the kernel, once, what is pending and then what `member` has not heard; see `chat.client.Outlet`."""
        if self.farewell and member:  # nothing comes after it
            member.advance(member.slice()[1])
            member = None
        pending = self._pending
        data, end = member.slice() if member else (b"", 0)
        if pending:
            data = pending + data
        try:
            sent = self.socket.send(data) if data else 0
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.fault = error
            sent = len(data)
        self.bytes_out += sent
        if sent == len(data):
            self._pending = b""
            if member:
                member.advance(end)
            return True
        if sent < len(pending):
            self._pending = pending[sent:]
        elif member:
            self._pending = member.tear(sent - len(pending))
        return False

    async def wait_writable(self) -> None:
        """Return when the kernel has room again. Raises trio.ClosedResourceError."""
        if self.socket.fileno() < 0:  # closed since it was found to be full: Trio would raise ValueError
            raise trio.ClosedResourceError
        await trio.lowlevel.wait_writable(self.socket)

    def hang_up(self, farewell: Farewell) -> None:
        """Cancel the session; on its way out it sends the farewell, the first if there are several, without waiting."""
        if self.farewell:
            return
        self.farewell = farewell
        self.write(self._voice.farewell(farewell))
        self._end_session()
