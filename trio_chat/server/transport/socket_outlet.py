"""The sending half of a plain connection: one non-blocking send at a time, and never a queue.

What a client has not heard stays in the rooms' logs; only its cursor moves. Kept here is what is in no log: answers to
its own requests, and the rest of a line that the kernel took half of. (A cursor with an offset into that line would not
do: the line can leave the log's window while its reader is stuck, and what follows would then begin in mid-line.)
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass

import trio

from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.room import Member


@dataclass(frozen=True, slots=True)
class Voice:
    """How what the outlet itself has to say is put in one wire format."""

    gap: Callable[[str, int], bytes]
    farewell: Callable[[CloseReason], bytes]


class SocketOutlet:
    """Sends to a non-blocking socket, which its maker closes."""

    __slots__ = ("_pending", "_session", "_voice", "bytes_out", "farewell", "fault", "is_paused", "socket")

    def __init__(self, sock: socket.socket, voice: Voice, session: trio.CancelScope) -> None:
        self.is_paused = False
        self.bytes_out = 0
        self.farewell: CloseReason | None = None
        """Why we ended the connection, if we did."""
        self.fault: OSError | None = None
        """What a send met. The system tells it once: reading gets an end of input then."""
        self.socket = sock
        self._voice = voice
        self._pending: bytes | memoryview = b""
        self._session = session

    @property
    def unsent_bytes(self) -> int:
        """Bytes for this client alone that are not sent yet."""
        return len(self._pending)

    def write(self, data: bytes) -> None:
        """Give this client alone some whole lines, at the next push."""
        self._pending = b"".join((self._pending, data)) if self._pending else data

    def report_gap(self, room: str, missed: int) -> None:
        """Tell this client that it missed so many entries of a room."""
        if not self.farewell:
            self.write(self._voice.gap(room, missed))

    def push(self, member: Member | None) -> bool:
        """Offer the kernel what is pending, then what `member` has not heard; see `chat.outlet.Outlet`."""
        if self._pending and not self._push_pending():
            return False
        if member is None:
            return True
        data, end = member.slice()
        if self.farewell:  # nothing comes after it
            member.advance(end)
            return True
        sent = self._offer(data) if data else 0
        if sent == len(data):
            member.advance(end)
            return True
        self._pending = member.tear(sent)
        return False

    def _push_pending(self) -> bool:
        """Offer what is pending, as a view: of megabytes, the rest would else be copied after every send."""
        pending = memoryview(self._pending)
        self._pending = pending[self._offer(pending) :] or b""
        return not self._pending

    def _offer(self, data: bytes | memoryview) -> int:
        """-> how many bytes the kernel took. All of them where the connection is broken: reading tells of it."""
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self.fault = error
            sent = len(data)
        self.bytes_out += sent
        return sent

    async def wait_writable(self) -> None:
        """Return when the kernel has room again. Raises trio.ClosedResourceError."""
        if self.socket.fileno() < 0:  # closed since it was found to be full: Trio would raise ValueError
            raise trio.ClosedResourceError
        await trio.lowlevel.wait_writable(self.socket)

    def hang_up(self, farewell: CloseReason) -> None:
        """Cancel the session; on its way out it sends the farewell, the first if there are several, without waiting."""
        if self.farewell:
            return
        self.farewell = farewell
        self.write(self._voice.farewell(farewell))
        self._session.cancel()
