"""The rooms that somebody has muted: only what calls the person counts there. Pure."""

from collections.abc import Iterable

from trio_chat.client.memory.records import NAME_MAX, ROOMS_MAX


class MutedRooms:
    """Names of rooms, those muted last at the end."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names."""
        return tuple(self._names)

    def has(self, room: str) -> bool:
        """Tell whether a room is muted."""
        return room in self._names

    def add_all(self, rooms: Iterable[str]) -> None:
        """Mute rooms. Beyond ROOMS_MAX, those muted first are dropped."""
        for room in rooms:
            if len(room) <= NAME_MAX:
                self._names.pop(room, None)
                self._names[room] = None
        for room in list(self._names)[:-ROOMS_MAX]:
            del self._names[room]

    def remove(self, room: str) -> bool:
        """Unmute a room. -> whether it was muted"""
        return self._names.pop(room, "") is None
