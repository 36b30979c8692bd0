"""A guard against a system clock that jumps ahead: what is deleted by its age is not deleted by a mistake of the clock.

A clock that was set to next year for a minute, by a hand, a host or a time server, would prune the whole history and
end all bans, and setting it right again brings nothing of that back.
"""

import logging
import time
from collections.abc import Callable

TOLERANCE_S = 60.0
"""Less than this between two looks is a correction, or the rate of the clock."""

HELD_FOR_S = 3600.0
"""Time after which a jump is believed."""

logger = logging.getLogger(__name__)


def since_boot() -> float:
    """Return the seconds since the machine was started, those in which it slept too, where the system counts them."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class SettledClock:
    """Tells by how much the time of day jumped ahead lately. The time at the start of the process is believed."""

    def __init__(
        self, wall_clock: Callable[[], float] = time.time, steady_clock: Callable[[], float] = since_boot
    ) -> None:
        self._wall_clock, self._steady_clock = wall_clock, steady_clock
        self._offset = wall_clock() - steady_clock()
        self._jump: tuple[float, float] | None = None
        """The offset since a jump ahead, and the steady time at which it was seen."""

    def ahead_s(self) -> float:
        """Return the seconds by which the clock jumped ahead within the last hour; 0 after a jump back."""
        now = self._steady_clock()
        offset = self._wall_clock() - now
        ahead_s = offset - self._offset
        if ahead_s < TOLERANCE_S:
            self._settle(offset)
            return 0.0
        if self._jump is None or abs(offset - self._jump[0]) >= TOLERANCE_S:
            self._jump = offset, now
            logger.warning("the system's clock was set ahead by %.0f s: nothing is pruned for that, for now", ahead_s)
        elif now - self._jump[1] >= HELD_FOR_S:
            self._settle(offset)
            return 0.0
        return ahead_s

    def _settle(self, offset: float) -> None:
        self._offset, self._jump = offset, None
