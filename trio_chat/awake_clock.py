"""A clock for Trio that does not count the time for which the process stood still.

A process stands still while it is stopped (SIGSTOP, `docker pause`) or swapped out. On waking it would find all its
deadlines passed, and declare everybody dead for its own silence: what they sent meanwhile has not been read yet.
"""

import math
import time
from collections.abc import Callable

import trio

TOLERANCE_S = 1.0
"""A loop that looks at its clock later than this, after it was due to, stood still: a busy one takes milliseconds."""


class AwakeClock(trio.abc.Clock):
    """The time of the system without the times of standing still: everything that has a deadline gets them added."""

    def __init__(
        self,
        *,
        on_standstill: Callable[[float], None] = lambda seconds: None,
        tolerance_s: float = TOLERANCE_S,
        system_time: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_standstill` is called after each with its seconds, inside the loop of Trio; it may not raise."""
        self._on_standstill = on_standstill
        self._tolerance_s = tolerance_s
        self._system_time = system_time
        self._due = math.inf
        """The system's time by which the loop is to look here again."""
        self._missed_s = 0.0

    def start_clock(self) -> None:
        """Begin to watch for standstills."""
        self._due = self._system_time()

    def current_time(self) -> float:
        """Return the seconds for which the process has been awake, from an arbitrary beginning."""
        now = self._system_time()
        late_s = now - self._due
        self._due = now
        if late_s > self._tolerance_s:
            self._missed_s += late_s
            self._on_standstill(late_s)
        return now - self._missed_s

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Return the seconds up to a deadline, for which the loop is going to wait at most."""
        timeout_s = deadline - self.current_time()
        self._due += max(0.0, timeout_s)
        return timeout_s
