"""Who is in the rooms that we are in, as far as we were told: for completing names, and for answering. Pure."""

from collections.abc import Iterable

from trio_chat.chat.events import Kind
from trio_chat.client.link.events import Answered, Connected, Entered, Exited, Heard, LinkEvent
from trio_chat.wire import frames

PEOPLE_MAX = 1000
"""Names remembered of each room: those who spoke last."""

_GONE = (Kind.LEFT, Kind.KICKED)
_NOBODY = (Kind.CROWD, Kind.ANNOUNCED)


class People:
    """Names by room, whoever spoke last at the end."""

    def __init__(self) -> None:
        self._rooms: dict[str, dict[str, None]] = {}
        self._writers: dict[str, None] = {}
        self._label = ""
        self._ignored: dict[str, str] = {}

    def note(self, happenings: Iterable[LinkEvent], label: str) -> None:
        """Take what happened to us, who are called `label`."""
        self._label = label
        for happening in happenings:
            self._note(happening)

    @property
    def rooms(self) -> list[str]:
        """The rooms that we are in."""
        return list(self._rooms)

    @property
    def last_writer(self) -> str:
        """Who was the last to write to us alone, or nobody."""
        return next(reversed(self._writers), "")

    @property
    def ignored(self) -> list[str]:
        """Whom we ignore."""
        return list(self._ignored.values())

    def ignore(self, name: str) -> None:
        """Ignore somebody, however they are called later."""
        self._ignored[name.casefold()] = name
        self._writers = {writer: None for writer in self._writers if not self.is_ignored(writer)}

    def heed(self, name: str) -> bool:
        """Ignore somebody no longer. -> whether they were ignored"""
        return self._ignored.pop(name.casefold(), None) is not None

    def is_ignored(self, name: str) -> bool:
        """Whether we ignore somebody."""
        return name.casefold() in self._ignored

    def names(self, room: str) -> list[str]:
        """Others in a room, whoever spoke last first."""
        return [name for name in reversed(self._rooms.get(room, {})) if name != self._label]

    def everybody(self) -> list[str]:
        """Everybody that we know of, and first those who wrote to us alone."""
        found = dict.fromkeys(reversed(self._writers))
        for room in self._rooms:
            found |= dict.fromkeys(self.names(room))
        return list(found)

    def _note(self, happening: LinkEvent) -> None:
        match happening:
            case Connected(rooms=rooms):
                self._rooms = {room: self._rooms.get(room, {}) for room in rooms}
            case Entered(room=room):
                self._rooms.setdefault(room, {})
            case Exited(room=room):
                self._rooms.pop(room, None)
            case Answered(answer=frames.Members(room=room, labels=labels)) if room in self._rooms:
                silent = dict.fromkeys(label for label in labels if label not in self._rooms[room])
                present = set(labels)
                spoke = [name for name in self._rooms[room] if name in present]
                self._rooms[room] = dict.fromkeys([*silent, *spoke][-PEOPLE_MAX:])
            case Heard(entry=entry):
                self._hear(entry)

    def _hear(self, entry: frames.Said) -> None:
        if entry.kind == Kind.TOLD:
            if entry.author != self._label and not self.is_ignored(entry.author):
                _add(self._writers, entry.author)
            return
        here = self._rooms.get(entry.room)
        if here is None or entry.kind in _NOBODY:
            return
        if entry.kind in _GONE:
            here.pop(entry.author, None)
        elif entry.kind == Kind.RENAMED:
            self._rename(entry.author, entry.text)
        else:
            _add(here, entry.author)

    def _rename(self, before: str, after: str) -> None:
        if self.heed(before):
            self.ignore(after)
        for names in (self._writers, *self._rooms.values()):
            if before in names:
                del names[before]
                names[after] = None


def _add(names: dict[str, None], name: str) -> None:
    names.pop(name, None)
    names[name] = None
    if len(names) > PEOPLE_MAX:
        del names[next(iter(names))]
