"""The load of the machine that is none of the benchmark's: times measured under it are not those of a quiet machine."""

import os
import time
from pathlib import Path

TELLING_S = 1.0
"""The system counts CPU time in hundredths of a second."""

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class OthersLoad:
    """The CPU time of other programs from now on, for as long as no server of ours outlives the measurement."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._busy_s, self._ours_s = _busy_s(), _ours_s()

    def share(self) -> float:
        """Return the share of all cores that other programs took; 0.0 where the system cannot tell, or not yet."""
        passed_s = time.perf_counter() - self._began
        if passed_s < TELLING_S:
            return 0.0
        others_s = _busy_s() - self._busy_s - (_ours_s() - self._ours_s)
        return max(0.0, others_s / passed_s / (os.cpu_count() or 1))


def _busy_s() -> float:
    """Return the seconds of all cores, since the system started, in user, nice, system, irq, softirq and steal."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    except OSError:
        return 0.0
    return sum(int(fields[at]) for at in (1, 2, 3, 6, 7, 8)) / _TICKS_PER_S


def _ours_s() -> float:
    """Return the CPU time of this process and of all servers that have ended, in seconds."""
    return sum(os.times()[:4])
