"""Lanes of searches: a short time limit for each at first, and a slow lane for those that need longer."""

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AsyncExitStack, suppress
from typing import TypeVar

import trio

from trio_chat.journal.sqlite.fair_turns import FairTurns

QUICK_MAX = 2
"""Searches at a time in their first, short time. A word takes 0.05 to 0.2 s in a million entries."""

FIRST_SHARE = 0.2
"""The share of that time after which a search makes way for others, once."""

SLOW_WAITING_MAX = 2
"""Searches that wait for the slow lane; more are refused."""

T = TypeVar("T")

LaneWork = Callable[[trio.CapacityLimiter, float], Awaitable[T]]


class SearchLanes:
    """The searches that run and wait. Slow ones delay a quick one of somebody else by no more than one turn."""

    def __init__(self, quick_s: float, slow_s: float) -> None:
        """The times are the longest that a search may take in each lane."""
        self._quick_s, self._slow_s = quick_s, slow_s
        self.quick, self.slow = trio.CapacityLimiter(QUICK_MAX), trio.CapacityLimiter(1)
        self.turns = FairTurns(QUICK_MAX)
        self._pausing = trio.Lock()

    async def run(self, ask: "LaneWork[T]", asker: Hashable = None) -> T:
        """Search, and begin anew if the time was too short, in the slow lane at last.

        In the quick lane, the `asker` whose searches took the least time lately is next.

        `ask` gets the limiter to wait for and its time limit, and raises TimeoutError when that is over. So does this,
        when both times were too short or too many searches wait.
        """
        async with self._pausing:
            pass
        for max_s in (self._quick_s * FIRST_SHARE, self._quick_s):
            with suppress(TimeoutError):
                async with self.turns.turn(asker):
                    return await ask(self.quick, max_s)
        if self.slow.statistics().tasks_waiting >= SLOW_WAITING_MAX:
            raise TimeoutError
        return await ask(self.slow, self._slow_s)

    async def pause(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait until no search runs, do some work, and let them go on; those that come meanwhile wait."""
        async with self._pausing, AsyncExitStack() as lanes:
            for limiter in (self.slow, *[self.quick] * QUICK_MAX):
                borrower = object()
                await limiter.acquire_on_behalf_of(borrower)
                lanes.callback(limiter.release_on_behalf_of, borrower)
            await work()
