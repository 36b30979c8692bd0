"""What has been seen of each room, so that everything is shown once, across any number of connections. Pure."""

from collections.abc import Iterable, Mapping

from trio_chat.wire import frames


class Seen:
    """The highest id seen of each room and of the mailbox, in one epoch."""

    def __init__(self) -> None:
        self.epoch = ""
        self._ids: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def begin(self, welcome: frames.Welcome, rooms: Iterable[frames.RoomInfo]) -> bool:
        """Take up a connection. -> whether it leads to another journal, of which nothing is seen yet"""
        is_other = bool(self.epoch) and welcome.epoch != self.epoch
        if is_other:
            self.start_over()
        self.epoch = welcome.epoch
        if welcome.last_id is not None:
            self._ids.setdefault(frames.MAILBOX, welcome.last_id)
        for room in rooms:
            self.enter(room)
        return is_other

    def start_over(self) -> None:
        """What was seen was of another journal."""
        self._ids.clear()
        self._before.clear()

    def enter(self, room: frames.RoomInfo) -> None:
        """Begin with what is new in a room, unless some of that has come already."""
        self._ids.setdefault(room.name, room.last_id)
        self._before.setdefault(room.name, room.last_id)

    def newest_id_before(self, room: str) -> int | None:
        """The newest id of a room when it was entered, which does not come by itself; None where that is not known."""
        return self._before.get(room)

    def forget(self, room: str) -> None:
        """A room was left: what happens there until we come back is not for us."""
        self._ids.pop(room, None)
        self._before.pop(room, None)

    def is_new(self, entry: frames.Said) -> bool:
        """Tell whether an entry was not here before, and remember it."""
        if not self._ids.get(entry.room, -1) < entry.id < 2**63:
            return False
        self._ids[entry.room] = entry.id
        return True

    def since(self, rooms: Iterable[str]) -> Mapping[str, int]:
        """What `hello` says of these rooms and the mailbox."""
        names = (*rooms, frames.MAILBOX)
        return {name: self._ids[name] for name in names if name in self._ids}
