"""The attention of a person, by their keys: where they stopped reading, and what they have not seen yet. Pure."""

from collections.abc import Mapping

AWAY_S = 600.0
"""Time without a key after which nobody is taken to be reading."""


class Attention:
    """Counts what is shown as read only while the person is there. Times are in seconds since 1970."""

    def __init__(self) -> None:
        self._marked_since = float("-inf")
        self._unseen: dict[str, int] = {}

    def begin_absence(self, last_key_at: float, now: float) -> bool:
        """Note an absence of the person. -> whether it is a new one: the next line is the first since their last key"""
        if now - last_key_at < AWAY_S or last_key_at == self._marked_since:
            return False
        self._marked_since = last_key_at
        return True

    def show(self, room: str, entry_id: int) -> None:
        """Note that an entry is shown."""
        self._unseen[room] = max(entry_id, self._unseen.get(room, 0))

    def is_unseen(self, room: str) -> bool:
        """Tell whether something in a room was shown, and is not seen yet."""
        return room in self._unseen

    def take_seen(self, last_key_at: float, now: float) -> Mapping[str, int]:
        """Return the newest ids by room that were shown and are seen by now; none while the person is away."""
        if now - last_key_at >= AWAY_S:
            return {}
        seen, self._unseen = self._unseen, {}
        return seen
