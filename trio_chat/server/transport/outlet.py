"""The base of all outlets: bytes that wait for one client alone, and the farewell."""

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import trio

from trio_chat.chat.outlet import TAKES_NOTHING, Backlog, CloseReason, Sink, Unsent

_TCP_CLOSE = 7
"""The state of a connection that was reset or given up, in the first byte of TCP_INFO (linux/tcp_states.h)."""


def is_dead(sock: socket.socket) -> bool:
    """Tell whether a connection was reset or given up; False where the system cannot tell."""
    if not hasattr(socket, "TCP_INFO"):
        return False
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE


@dataclass(frozen=True, slots=True)
class NoticeEncoders:
    """Encoders, for one wire format, of the notices that an outlet itself sends."""

    gap: Callable[[str, int], bytes]
    """Called with the name of a room and the number of entries missed there."""

    farewell: Callable[[CloseReason, str], bytes]
    """Encodes the last notice of a connection that the server closes: the reason, and the sentence for people."""


class PeerOutlet(ABC):
    """The sending half of a connection; see `chat.outlet.Outlet`. Whoever opened the connection closes it."""

    is_encrypted = False

    __slots__ = (
        "_farewell",
        "_notices",
        "_pending",
        "_session",
        "backlog",
        "bytes_out",
        "close_reason",
        "ends_in_crlf",
        "fault",
        "is_paused",
        "sink",
        "socket",
    )

    def __init__(self, sock: socket.socket, notices: NoticeEncoders, session: trio.CancelScope | None = None) -> None:
        """`hang_up` cancels `session`; while there is none, it ends the wait for input."""
        self.sink: Sink = TAKES_NOTHING
        self.is_paused = False
        self.backlog: Backlog | None = None
        self.bytes_out = 0
        self.ends_in_crlf = False
        """True if lines end in CR LF for this client. The log has lines in LF; they are changed as they are sent."""
        self.close_reason: CloseReason | None = None
        """The reason for which the server closes the connection, if it does. Nothing is sent after the farewell."""
        self.fault: OSError | None = None
        """The error of a failed send. The system reports it once: reading gets an end of input then."""
        self.socket = sock
        self._notices = notices
        self._pending: bytes | memoryview = b""
        self._farewell = b""
        self._session = session

    @property
    def is_dead(self) -> bool:
        """True if the connection was reset or given up. Reading reports that only after everything received before."""
        return is_dead(self.socket)

    @property
    @abstractmethod
    def unsent_bytes(self) -> int:
        """Bytes for this client alone that are not sent yet."""

    @abstractmethod
    def push(self, member: Unsent | None) -> bool:
        """Send what is pending, then what `member` has not been sent yet, without waiting. -> whether that was all"""

    @abstractmethod
    async def wait_writable(self) -> None:
        """Return when a push is worth trying again. Raises trio.ClosedResourceError."""

    def end_in_crlf(self) -> None:
        """End lines in CR LF from now on: the terminal of this client does not return to the left margin for LF."""
        self.ends_in_crlf = True
        self.sink = TAKES_NOTHING

    def write(self, data: bytes) -> None:
        """Add whole lines for this client alone, in LF; the next push sends them."""
        self.write_bytes(self._ended(data))

    def write_bytes(self, data: bytes) -> None:
        """Add bytes for this client alone, as they are; the next push sends them."""
        self._pending = b"".join((self._pending, data)) if self._pending else data
        self.sink = TAKES_NOTHING

    def _ended(self, lines: bytes) -> bytes:
        """Return lines of LF with the ending that this client needs."""
        return lines.replace(b"\n", b"\r\n") if self.ends_in_crlf else lines

    def report_gap(self, room: str, missed: int) -> None:
        """Tell this client that it missed so many entries of a room."""
        if not self.close_reason:
            self.write(self._notices.gap(room, missed))

    def report_fault(self, error: OSError) -> None:
        """Note that the connection is broken: a send has failed with this error."""
        self.fault = self.fault or OSError(*error.args)  # without its traceback, whose frames hold this outlet

    def interruptible(self) -> trio.CancelScope:
        """Return a scope for the rest of the session, which `hang_up` cancels.

        It costs 0.8 KB. A session that only waits for input does without: `hang_up` makes that wait raise
        trio.ClosedResourceError.
        """
        self._session = trio.CancelScope()
        if self.close_reason:
            self._session.cancel()
        return self._session

    def hang_up(self, reason: CloseReason, text: str = "") -> None:
        """End the session, which sends the farewell on its way out, without waiting. The first reason counts.

        `text` is told in place of the reason's own.
        """
        if self.close_reason:
            return
        self.close_reason = reason
        self.sink = TAKES_NOTHING  # nothing comes after the farewell
        self._farewell = self._notices.farewell(reason, text or reason.text)
        if self._session:
            self._session.cancel()
        else:
            trio.lowlevel.notify_closing(self.socket)

    def say_farewell(self) -> None:
        """Send the farewell, if the server closes the connection, after all that is pending, without waiting."""
        farewell, self._farewell = self._farewell, b""
        if farewell:
            self.write(farewell)
        self.push(None)
