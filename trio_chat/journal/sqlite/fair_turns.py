"""Fair scheduling: turns at something that few may do at once, first for those who have used the least time lately."""

import math
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

HALF_LIFE_S = 300.0
"""Used time counts for half as much after this long."""

MUCH_S = 2.0
"""Used time counts up to this: all who have used more are equal, and are served in the order in which they came."""

TRACKED_MAX = 1000
"""Users whose used time is remembered; the one whose last turn was longest ago is forgotten first."""


@dataclass(eq=False, frozen=True, slots=True)
class _Waiting:
    user: Hashable
    turn: trio.Event = field(default_factory=trio.Event)


class FairTurns:
    """A number of turns at a time. Of the users who wait for one, the one with the least time used lately is next.

    So a user who has used little waits only until one of the others is done, however many they are.
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: dict[_Waiting, None] = {}
        self._used: dict[Hashable, tuple[float, float]] = {}
        """The seconds that each user has used, and the time as of which that holds, by trio's clock."""

    @property
    def waiting(self) -> int:
        """The number of users who wait."""
        return len(self._waiting)

    @asynccontextmanager
    async def turn(self, user: Hashable) -> AsyncIterator[None]:
        """Wait for a turn, and have it during a block."""
        await self._wait_for_turn(user)
        started = trio.current_time()
        try:
            yield
        finally:
            self._charge(user, trio.current_time() - started)
            self._pass_on()

    async def _wait_for_turn(self, user: Hashable) -> None:
        if self._free:
            self._free -= 1
            return
        waiting = _Waiting(user)
        self._waiting[waiting] = None
        has_turn = False
        try:
            await waiting.turn.wait()
            has_turn = True
        finally:
            if waiting in self._waiting:
                del self._waiting[waiting]
            elif not has_turn:  # cancelled at the moment at which it was given one
                self._pass_on()

    def _pass_on(self) -> None:
        if not self._waiting:
            self._free += 1
            return
        now = trio.current_time()
        following = min(self._waiting, key=lambda one: self._used_lately(one.user, now))
        del self._waiting[following]
        following.turn.set()

    def _used_lately(self, user: Hashable, now: float) -> float:
        used_s, at = self._used.get(user, (0.0, now))
        return used_s * math.exp2((at - now) / HALF_LIFE_S)

    def _charge(self, user: Hashable, used_s: float) -> None:
        now = trio.current_time()
        used_s = min(MUCH_S, used_s + self._used_lately(user, now))
        self._used.pop(user, None)
        self._used[user] = used_s, now
        if len(self._used) > TRACKED_MAX:
            del self._used[next(iter(self._used))]
