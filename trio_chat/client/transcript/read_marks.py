"""Read marks: how far the person has read in each room, from one sitting to the next. Pure."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from trio_chat.client.memory.records import ReadMark
from trio_chat.client.transcript.link_state import JoinedRooms
from trio_chat.wire import frames

MARKS_MAX = 201
"""Marks from the server that are kept: of 200 rooms and of the mailbox."""

_ID_MAX = 2**63 - 1

_NONE: Mapping[str, ReadMark] = MappingProxyType({})


class ReadMarks:
    """The marks of the rooms. They move with what is shown, except in a room of which something older is unread."""

    def __init__(self, marks: Mapping[str, ReadMark] = _NONE, epoch: str = "") -> None:
        """`marks` are those of last time; their ids belong to an `epoch`."""
        self.epoch = epoch
        self._last_time = dict(marks)
        self._seen = dict(marks)
        self._unread: set[str] = set()

    @property
    def marks(self) -> Mapping[str, ReadMark]:
        """The marks by room, as they are now."""
        return self._seen | {room: self._last_time[room] for room in self._unread}

    def begin(self, joined: JoinedRooms) -> None:
        """Begin with a connection to the journal of an epoch: marks of another mean nothing in it."""
        if joined.epoch != self.epoch:
            self._forget(joined.epoch)
        self._unread |= {room for room in joined.rooms if self.has_news(room, joined.newest_id_before(room))}

    def _forget(self, epoch: str) -> None:
        """Begin with another epoch, without marks."""
        self.epoch = epoch
        self._last_time.clear()
        self._seen.clear()
        self._unread.clear()

    def of_last_time(self, room: str) -> ReadMark | None:
        """Return the mark of last time; None where there is none, or everything up to now has been shown."""
        return self._last_time.get(room)

    def has_news(self, room: str, newest_id: int | None) -> bool:
        """Tell whether there is something newer than the mark of last time."""
        mark = self._last_time.get(room)
        return mark is not None and newest_id is not None and newest_id > mark.id

    def catch_up(self, room: str, newest_id: int | None, now: float) -> None:
        """Take a room for read up to an id: what was newer than the mark has been shown, or was nothing."""
        self._unread.discard(room)
        self._last_time.pop(room, None)
        if newest_id is not None:
            self.read(room, newest_id, now)

    def read(self, room: str, entry_id: int, now: float) -> None:
        """Move the mark of a room to an entry that is shown; where something older is unread, once that is shown."""
        mark = self._seen.get(room)
        if mark is None or mark.id <= entry_id:
            self._seen[room] = ReadMark(entry_id, now)

    def merge(self, marks: Mapping[str, frames.Mark], epoch: str) -> None:
        """Take over marks that the server remembers, of an epoch, where they are newer than ours."""
        if epoch != self.epoch:
            self._forget(epoch)
        for room, mark in list(marks.items())[-MARKS_MAX:]:
            kept = ReadMark(min(max(mark.id, 0), _ID_MAX), mark.time)
            for known in (self._last_time, self._seen):
                known[room] = max(kept, known.get(room, kept), key=lambda it: it.id)

    def read_elsewhere(self, room: str, entry_id: int, now: float) -> None:
        """Note that the person has read a room somewhere else, up to an entry."""
        if room in self._seen or len(self._seen) < MARKS_MAX:
            self.read(room, min(max(entry_id, 0), _ID_MAX), now)
        if (mark := self._last_time.get(room)) and mark.id < entry_id:
            self._last_time[room] = self._seen[room]

    def touch(self, rooms: Iterable[str], now: float) -> None:
        """Note that nothing newer has come until now."""
        for room in rooms:
            if room in self._seen:
                self._seen[room] = ReadMark(self._seen[room].id, now)
