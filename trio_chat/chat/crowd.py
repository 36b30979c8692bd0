"""Coming and going in a crowd: summed up, or a room of thousands would hear of nothing else.

Telling each of n members of each of n joins is quadratic. In a room above a number of members, or once many have come
and gone within one tick, notices are counted instead and become one entry at the next tick.
"""

from trio_chat.chat.events import Kind

NOTICES_PER_TICK = 100
"""Joins and leaves that are told one by one between two ticks, in a room of any size."""


class Crowd:
    """The coming and going of one room since the last tick."""

    __slots__ = ("_joined", "_left", "_told")

    def __init__(self) -> None:
        self._told = 0
        self._joined = 0
        self._left = 0

    def is_told(self, kind: Kind, *, is_large: bool) -> bool:
        """Whether this join or leave is told by itself. Otherwise it is counted."""
        if not is_large and self._told < NOTICES_PER_TICK:
            self._told += 1
            return True
        if kind is Kind.JOINED:
            self._joined += 1
        else:
            self._left += 1
        return False

    def sum_up(self) -> str:
        """-> what was counted since the last tick, in words; empty where nothing was."""
        parts = [f"{count:,} {word}" for count, word in ((self._joined, "joined"), (self._left, "left")) if count]
        self._told = self._joined = self._left = 0
        return " and ".join(parts)
