"""A clock for Trio that does not count standstills of the process.

A process stands still while it is stopped (SIGSTOP, `docker pause`) or swapped out. On waking up it would find all its
deadlines expired, and declare everybody dead whose bytes it has not read yet.
"""

import math
import time
from collections.abc import Callable

import trio

TOLERANCE_S = 1.0
"""A loop that reads its clock later than this after it was due to stood still; a busy one is milliseconds late."""


class AwakeClock(trio.abc.Clock):
    """The system's time without its standstills: all deadlines are extended by them."""

    def __init__(
        self,
        *,
        on_standstill: Callable[[float], None] = lambda seconds: None,
        tolerance_s: float = TOLERANCE_S,
        system_time: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_standstill` is called after each standstill with its seconds, in Trio's loop; it may not raise."""
        self._on_standstill = on_standstill
        self._tolerance_s = tolerance_s
        self._system_time = system_time
        self._due = math.inf
        """The system's time at which the loop should call again at the latest."""
        self._asked_at = -math.inf
        """The system's time at which the loop asked how long to wait: something may still read the clock before that,
        such as a view that draws when its loop is idle."""
        self._read_at = 0.0
        """The system's time of the call before."""
        self._missed_s = 0.0

    def start_clock(self) -> None:
        """Start watching for standstills."""
        self._read_at = self._due = self._system_time()

    def current_time(self) -> float:
        """Return the seconds for which the process has been awake, from an arbitrary start."""
        now = self._system_time()
        late_s = now - self._due
        if late_s > self._tolerance_s:
            # Some time is given back, or the deadline for which the loop slept would be over before it has read a byte.
            self._missed_s += now - max(self._read_at, self._due - self._tolerance_s)
            self._on_standstill(late_s)
        self._read_at = now
        if self._due < now or now - self._asked_at > self._tolerance_s:
            self._due = now
        return now - self._missed_s

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Return the seconds until a deadline: the longest time that the loop is going to wait."""
        timeout_s = deadline - self.current_time()
        self._asked_at = self._read_at
        self._due = self._asked_at + max(0.0, timeout_s)
        return timeout_s
