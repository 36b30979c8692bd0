"""The time of faults in a chaos test: how long it lasts, and the random numbers for what happens in it."""

import math
from random import Random

import trio


class FaultTime:
    """Begins with `begin`. The same seed gives the same random numbers to each task by its name."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._ends_at = math.inf

    def begin(self, seconds: float) -> None:
        """Let it last so long from now on."""
        self._ends_at = trio.current_time() + seconds

    @property
    def left_s(self) -> float:
        """The seconds that are left; 0 or less once it is over."""
        return self._ends_at - trio.current_time()

    def is_over(self) -> bool:
        """Tell whether it is over."""
        return self.left_s <= 0

    async def goes_on_after(self, seconds: float) -> bool:
        """Sleep, to its end at most. -> whether it still lasts afterwards"""
        await trio.sleep_until(min(trio.current_time() + seconds, self._ends_at))
        return not self.is_over()

    def rng(self, task: str) -> Random:
        """Make the random numbers of a task."""
        return Random(f"{self._seed} {task}")
