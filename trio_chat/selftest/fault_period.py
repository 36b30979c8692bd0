"""The period of a chaos test in which faults happen: its length, and the random numbers of its tasks."""

import math
from random import Random

import trio


class FaultPeriod:
    """A period that lasts for ever until `begin` is called."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._ends_at = math.inf

    def begin(self, seconds: float) -> None:
        """Let the period end in so many seconds."""
        self._ends_at = trio.current_time() + seconds

    @property
    def left_s(self) -> float:
        """The seconds that are left; 0 or less once the period is over."""
        return self._ends_at - trio.current_time()

    def is_over(self) -> bool:
        """Return True once the period is over."""
        return self.left_s <= 0

    async def goes_on_after(self, seconds: float) -> bool:
        """Sleep for so long, or until the period is over. -> False if it is over then"""
        await trio.sleep_until(min(trio.current_time() + seconds, self._ends_at))
        return not self.is_over()

    def rng(self, task: str) -> Random:
        """Make the random number generator of a task: the same seed and name give the same numbers."""
        return Random(f"{self._seed} {task}")
