"""Counters of events since the server started, for metrics and the log."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from trio_chat.chat.events import Entry, Kind
from trio_chat.chat.log import Mode


class DisconnectReason(StrEnum):
    """The reason for which a connection ended, on either side, as it is counted, logged and reported to operators."""

    LEFT = "left"
    """The client said so, or closed its end in good order."""
    BROKEN = "broken"
    DEAD = "dead"
    """Its peer did not answer for too long."""
    STALLED = "stalled"
    """Its peer took nothing for too long."""
    KICKED = "kicked"
    RESUMED = "resumed"
    """Its session goes on in another connection."""
    EPOCH = "epoch"
    """The journal lost entries: a client in frames is to connect again, and is told by the new epoch."""
    UNPROVEN = "unproven"
    """The proof of its name counts no more."""
    STOPPING = "stopping"
    FAILED = "failed"
    """A bug of the server ended it."""


class Counters:
    """The counts. All of them only rise."""

    __slots__ = ("bytes_out", "connects", "deliveries", "disconnects", "entries", "lines_in")

    def __init__(self) -> None:
        self.connects: Counter[Mode] = Counter()
        self.disconnects: Counter[DisconnectReason] = Counter()
        self.entries: Counter[Kind] = Counter()
        """Entries that became durable and were delivered to a room."""
        self.deliveries = 0
        """The sum over these entries of the members that each was for."""
        self.lines_in = 0
        """Lines and frames that clients sent."""
        self.bytes_out = 0
        """Bytes sent on connections that have ended; the outlets of open ones count their own."""

    def count_deliveries(self, entries: Sequence[Entry], *, listeners: int) -> None:
        """Count entries that were delivered to a room with so many listeners."""
        self.entries.update([entry.draft.kind for entry in entries])
        self.deliveries += len(entries) * listeners
