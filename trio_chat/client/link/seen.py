"""The newest entries seen, so that each is shown once, across any number of connections. Pure."""

from collections.abc import Iterable, Mapping

from trio_chat.wire import frames


class Seen:
    """The newest id seen in each room and in the mailbox, within one epoch."""

    def __init__(self) -> None:
        self.epoch = ""
        self._ids: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def begin(self, welcome: frames.Welcome, rooms: Iterable[frames.RoomInfo]) -> bool:
        """Begin a connection. -> whether the epoch is another one; then nothing counts as seen"""
        is_other_epoch = bool(self.epoch) and welcome.epoch != self.epoch
        if is_other_epoch:
            self.clear()
        self.epoch = welcome.epoch
        if welcome.last_id is not None:
            self._ids.setdefault(frames.MAILBOX, welcome.last_id)
            self._before.setdefault(frames.MAILBOX, welcome.last_id)
        for room in rooms:
            self.add_room(room)
        return is_other_epoch

    def begin_mailbox(self, newest_id: int) -> None:
        """Go on with another mailbox, that of our account, of which newer entries come by themselves."""
        self._ids[frames.MAILBOX] = self._before[frames.MAILBOX] = newest_id

    def clear(self) -> None:
        """Forget all positions: they were those of another epoch."""
        self._ids.clear()
        self._before.clear()

    def add_room(self, room: frames.RoomInfo) -> None:
        """Start at the newest entry of a room, unless there is a position already."""
        self._ids.setdefault(room.name, room.last_id)
        self._before.setdefault(room.name, room.last_id)

    def newest_id_before(self, room: str) -> int | None:
        """Return the newest id of a room when it was joined: the server sends later entries. None if not known."""
        return self._before.get(room)

    def remove_room(self, room: str) -> None:
        """Forget the position in a room that was left."""
        self._ids.pop(room, None)
        self._before.pop(room, None)

    def add(self, entry: frames.Said) -> bool:
        """Record an entry. -> whether it is new"""
        if not self._ids.get(entry.room, -1) < entry.id < 2**63:
            return False
        self._ids[entry.room] = entry.id
        return True

    def since(self, rooms: Iterable[str]) -> Mapping[str, int]:
        """Return the positions in these rooms and the mailbox, as `hello` takes them."""
        names = (*rooms, frames.MAILBOX)
        return {name: self._ids[name] for name in names if name in self._ids}
