"""The memory of one member while they are here: rooms, those whom they ignore, and read marks. All sums are bounded."""

from collections.abc import Iterable

from trio_chat.chat.accounts.account import AccountMemory, RoomMark

MAILBOX = "@"
"""The key of the mailbox among the marks."""

ROOMS_MAX = 100
IGNORED_MAX = 200
MARKS_MAX = 300


class LiveMemory:
    """The memory of a member. Each change tells whether there was anything to be kept."""

    __slots__ = ("_ignored", "_marks", "_rooms")

    def __init__(self, kept: AccountMemory) -> None:
        self._rooms = dict.fromkeys(kept.rooms)
        self._ignored = kept.ignored
        self._marks = dict(kept.marks)

    @property
    def now(self) -> AccountMemory:
        """A copy of the memory as it is."""
        return AccountMemory(tuple(self._rooms), self._ignored, dict(self._marks))

    def mark_of(self, room: str) -> RoomMark | None:
        """Return the read mark of a room, or of the MAILBOX."""
        return self._marks.get(room)

    def enter(self, room: str, mark: RoomMark) -> bool:
        """Remember a room. One without a read mark gets this one: what was said before is not new to its members."""
        is_new = room not in self._rooms and len(self._rooms) < ROOMS_MAX
        if is_new:
            self._rooms[room] = None
        return (room not in self._marks and self.read(room, mark)) or is_new

    def leave(self, room: str) -> bool:
        """Forget a room, and how far it was read."""
        was_known = room in self._rooms or room in self._marks
        self._rooms.pop(room, None)
        self._marks.pop(room, None)
        return was_known

    def read(self, room: str, mark: RoomMark) -> bool:
        """Move the read mark of a room. It never goes back. Of too many, that of the room read longest ago goes."""
        known = self._marks.get(room)
        if known and mark.id <= known.id:
            return False
        self._marks[room] = mark
        if len(self._marks) > MARKS_MAX:
            others = (it for it in self._marks if it not in (room, MAILBOX))
            del self._marks[min(others, key=lambda it: self._marks[it].time)]
        return True

    def ignore(self, names: Iterable[str]) -> bool:
        """Replace the names of those who are ignored."""
        before, self._ignored = self._ignored, tuple(dict.fromkeys(names))[:IGNORED_MAX]
        return self._ignored != before
