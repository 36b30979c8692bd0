"""Read marks: how far the person has read in each room, from one sitting to the next. Pure."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from trio_chat.client.memory.records import ReadMark
from trio_chat.client.transcript.link_state import JoinedRooms

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
            self.epoch = joined.epoch
            self._last_time.clear()
            self._seen.clear()
            self._unread.clear()
        self._unread |= {room for room in joined.rooms if self.has_news(room, joined.newest_id_before(room))}

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

    def touch(self, rooms: Iterable[str], now: float) -> None:
        """Note that nothing newer has come until now."""
        for room in rooms:
            if room in self._seen:
                self._seen[room] = ReadMark(self._seen[room].id, now)
