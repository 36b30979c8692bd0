"""Outlets: the sending half of a connection, and the farewell with which the server closes one."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from trio_chat.chat.counters import DisconnectReason


class CloseReason(Enum):
    """The reasons for which the server closes a connection, each with its farewell: what the client is told.

    `code` is how the disconnect is counted, and the word for programs; `text` is the sentence for people. `retry_s` is
    the time in seconds after which to connect again; None is never.
    """

    KICKED = (DisconnectReason.KICKED, "you were kicked", None)
    UNPROVEN = (DisconnectReason.UNPROVEN, "that name, or your proof of it, was taken away", None)
    RESUMED = (DisconnectReason.RESUMED, "your session goes on in another connection", None)
    MOVED = (DisconnectReason.RESUMED, "your session goes on on another server", 1.0)
    EPOCH = (DisconnectReason.EPOCH, "messages that you have seen may be lost", 1.0)
    STALLED = (DisconnectReason.STALLED, "you took nothing for too long", 1.0)
    DEAD = (DisconnectReason.DEAD, "you did not answer for too long", 1.0)
    STOPPING = (DisconnectReason.STOPPING, "the server is shutting down", 1.0)
    DRAINED = (DisconnectReason.STOPPING, "this server is about to stop, and another takes over", 0.0)

    def __init__(self, code: DisconnectReason, text: str, retry_s: float | None) -> None:
        self.code = code
        self.text = text
        self.retry_s = retry_s

    @property
    def is_removal(self) -> bool:
        """True where the chat has removed the client, and not only its connection: it has left its rooms by that."""
        return self in (CloseReason.KICKED, CloseReason.UNPROVEN)


@dataclass(slots=True)
class Backlog:
    """The time since which the socket of a client is full, and that at which its peer last took something.

    Times are those of the chat's steady clock.
    """

    since: float
    taken_at: float


class Unsent(Protocol):
    """The unsent part of a room's log for one member: bytes, and a cursor that moves as they are sent."""

    def slice(self) -> tuple[bytes, int]:
        """Return the bytes to send next, and the cursor once they are sent."""

    def advance(self, end: int) -> None:
        """Move the cursor to `end`: all of the slice was sent."""

    def advance_partially(self, sent: int) -> bytes:
        """Move the cursor where only `sent` bytes of the slice were. -> the rest of the entry that was torn"""


class Sink(Protocol):
    """A part of an outlet that takes bytes as they are: a socket."""

    def send(self, data: bytes, /) -> int:
        """Take bytes without waiting. -> how many

        Raises BlockingIOError where it takes none, and OSError where the connection is broken.
        """


class _TakesNothing:
    """The sink of an outlet that has something else to send first, or changes bytes on their way, or has ended."""

    __slots__ = ()

    def send(self, data: bytes, /) -> int:
        return 0


TAKES_NOTHING: Sink = _TakesNothing()


class Outlet(Protocol):
    """The sending half of a client's connection, which its session provides."""

    sink: Sink
    """The sink for bytes that are shared with others: `TAKES_NOTHING` while there can be none."""

    is_paused: bool
    """True while nothing is sent here. Set by the pump alone."""

    backlog: Backlog | None
    """There while the socket is full. Set by the pump alone."""

    bytes_out: int
    """Bytes that the kernel has taken so far, without those that a cohort counts: see `Client.bytes_out`."""

    @property
    def is_encrypted(self) -> bool:
        """True if this server encrypts what it sends here. What a proxy does is not known."""

    @property
    def unsent_bytes(self) -> int:
        """Bytes for this client alone (answers, the rest of a torn line) that are not sent yet."""

    def write(self, data: bytes) -> None:
        """Add whole lines for this client alone; the next push sends them."""

    def write_bytes(self, data: bytes) -> None:
        """Add bytes for this client alone, as they are; the next push sends them."""

    def report_gap(self, room: str, missed: int) -> None:
        """Tell this client that it missed so many entries of a room."""

    def report_fault(self, error: OSError) -> None:
        """Note that the connection is broken: a send has failed."""

    def push(self, member: Unsent | None) -> bool:
        """Send, without waiting, what is for this client alone and then what `member` has not been sent.

        -> whether that was all. A broken connection counts as sent: its session learns of it by reading.
        """

    async def wait_writable(self) -> None:
        """Return when a push is worth trying again. Raises the error of the transport once that is closed."""

    def hang_up(self, reason: CloseReason, text: str = "") -> None:
        """End the connection soon, whatever its peer does. The farewell is sent if the peer still takes it.

        `text` is a sentence in place of the reason's own.
        """


class NoOutlet:
    """The outlet of a client that is away: it sends nothing, and has no connection to close."""

    __slots__ = ()

    sink = TAKES_NOTHING
    is_paused = True
    backlog: Backlog | None = None
    bytes_out = 0
    unsent_bytes = 0
    is_encrypted = False

    def write(self, data: bytes) -> None:
        """Drop it: nobody reads here."""

    def write_bytes(self, data: bytes) -> None:
        """Drop it: nobody reads here."""

    def report_gap(self, room: str, missed: int) -> None:
        """Drop it: nobody reads here."""

    def report_fault(self, error: OSError) -> None:
        """Do nothing: there is no connection."""

    def push(self, member: Unsent | None) -> bool:
        """Send nothing."""
        return False

    async def wait_writable(self) -> None:
        """Return at once: nothing is ever pushed here."""

    def hang_up(self, reason: CloseReason, text: str = "") -> None:
        """Do nothing: there is no connection."""
