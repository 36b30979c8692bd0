"""Notices of joins and leaves: summed up in large rooms, which would be sent little else.

Telling n members of n joins takes n * n notices. So in a room with more than some number of members, and in any room
once many have come and gone within a tick, notices are only counted; the counts become one entry at the next tick.
"""

from trio_chat.chat.events import SERVER, Draft, Kind, Post

NOTICES_PER_TICK = 100
"""Joins and leaves of one room that are posted one by one between two ticks."""


class Crowd:
    """The joins and leaves of one room since the last tick."""

    __slots__ = ("_joined", "_left", "_posted")

    def __init__(self) -> None:
        self._posted = 0
        self._joined = 0
        self._left = 0

    def count(self, kind: Kind, *, is_large: bool) -> bool:
        """Count a join or leave. -> False when it is to be posted by itself instead"""
        if not is_large and self._posted < NOTICES_PER_TICK:
            self._posted += 1
            return False
        if kind is Kind.JOINED:
            self._joined += 1
        else:
            self._left += 1
        return True

    @property
    def summary(self) -> str:
        """The counts in words; empty if nothing was counted."""
        parts = [f"{count:,} {word}" for count, word in ((self._joined, "joined"), (self._left, "left")) if count]
        return " and ".join(parts)


class CrowdNotices:
    """The joins and leaves in all rooms. Summaries are handed to `post`."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._crowds: dict[str, Crowd] = {}

    def count(self, notice: Draft, *, is_large: bool) -> bool:
        """Count a join or leave in a room, large or not. -> False when it is to be posted by itself instead"""
        crowd = self._crowds.setdefault(notice.room, Crowd())
        return crowd.count(notice.kind, is_large=is_large)

    def sum_up(self) -> None:
        """Post a summary of what was counted since the last tick."""
        for room, crowd in self._crowds.items():
            if summary := crowd.summary:
                self._post(Draft(room, Kind.CROWD, SERVER, summary))
        self._crowds.clear()
