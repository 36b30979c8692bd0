"""Notices of joins, leaves and renames: summed up where they would drown what is said in a room.

Telling n members of n joins takes n * n notices. So in a room with more than some number of members, and in any room
once many have come and gone within a tick, notices are only counted; the counts become one entry at the next tick. A
client that renames again and again is announced under its last name at the next tick, or before anything else that it
does in the room.
"""

from collections import Counter

from trio_chat.chat.events import SERVER, Draft, Kind, Post

NOTICES_PER_TICK = 100
"""Notices of one room that are posted one by one between two ticks."""

RENAMES_PER_TICK = 3
"""Renames of one client among these."""


class Crowd:
    """The joins, leaves and renames in one room since the last tick."""

    __slots__ = ("_counted", "_held", "_posted", "_renames")

    def __init__(self) -> None:
        self._posted = 0
        self._counted: Counter[Kind] = Counter()
        self._renames: Counter[str] = Counter()
        """Numbers of renames that were posted, by the id of the client."""
        self._held: dict[str, Draft] = {}
        """Renames that are held back, by the id of the client: from the last name posted to the newest."""

    def count(self, kind: Kind, *, is_large: bool) -> bool:
        """Count a join, leave or rename. -> False where it is to be posted at once instead"""
        if not is_large and self._posted < NOTICES_PER_TICK:
            self._posted += 1
            return False
        self._counted[kind] += 1
        return True

    def hold(self, rename: Draft, *, is_large: bool) -> bool:
        """Hold a rename back, or count it. -> False where it is to be posted at once instead"""
        if is_large:
            return self.count(Kind.RENAMED, is_large=True)
        client_id = rename.client
        if held := self._held.get(client_id):
            self._held[client_id] = _joined(held, rename)
        elif self._renames[client_id] < RENAMES_PER_TICK and self._posted < NOTICES_PER_TICK:
            self._renames[client_id] += 1
            self._posted += 1
            return False
        else:
            self._held[client_id] = rename
        return True

    def release(self, client_id: str) -> tuple[Draft, ...]:
        """Return the held-back rename of a client, if there is one, to be posted now."""
        held = self._held.pop(client_id, None) if self._held else None
        return (held,) if held and held.author != held.text else ()

    def release_all(self) -> tuple[Draft, ...]:
        """Return all held-back renames, to be posted now; those beyond NOTICES_PER_TICK are only counted."""
        renames = [held for held in self._held.values() if held.author != held.text]
        self._held.clear()
        self._counted[Kind.RENAMED] += len(renames[NOTICES_PER_TICK:])
        return tuple(renames[:NOTICES_PER_TICK])

    @property
    def summary(self) -> str:
        """The counts in words; empty if nothing was counted."""
        *others, last = [f"{count:,} {_WORDS[kind]}" for kind in _WORDS if (count := self._counted[kind])] or [""]
        return f"{', '.join(others)} and {last}" if others else last


class CrowdNotices:
    """The joins, leaves and renames in all rooms. Summaries are handed to `post`."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._crowds: dict[str, Crowd] = {}

    def count(self, notice: Draft, *, is_large: bool) -> bool:
        """Count a join, leave or rename in a room, large or not. -> False where it is to be posted at once instead"""
        crowd = self._crowds.get(notice.room)
        if crowd is None:
            crowd = self._crowds[notice.room] = Crowd()
        if notice.kind is Kind.RENAMED:
            return crowd.hold(notice, is_large=is_large)
        return crowd.count(notice.kind, is_large=is_large)

    def release(self, room: str, client_id: str) -> tuple[Draft, ...]:
        """Return the held-back rename of a client in a room, if there is one, to be posted now."""
        crowd = self._crowds.get(room)
        return crowd.release(client_id) if crowd else ()

    def sum_up(self) -> None:
        """Post the held-back renames, and a summary of everything counted since the last tick."""
        for room, crowd in self._crowds.items():
            drafts = crowd.release_all()
            if summary := crowd.summary:
                drafts = (*drafts, Draft(room, Kind.CROWD, SERVER, summary))
            if drafts:
                self._post(*drafts)
        self._crowds.clear()


_WORDS = {Kind.JOINED: "joined", Kind.LEFT: "left", Kind.RENAMED: "took another name"}


def _joined(first: Draft, second: Draft) -> Draft:
    """Return two renames as one."""
    return Draft(first.room, Kind.RENAMED, first.author, second.text, client=first.client)
