"""The time that work takes on a usual machine, so that no test depends on the speed of this one.

It is the CPU time of this thread, divided by how much slower this machine is: another program on the same core, or on
the same physical machine, can more than double it, and the next moment it is gone.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import monotonic, thread_time

NUMBERS = 10_000
USUAL_S = 0.0018
"""The CPU time in which a usual machine makes, adds and sorts so many numbers and their texts in Python."""

SAMPLES = 3

REMEMBERED_S = 60
"""The slowest sample of so long counts: what was slow a moment ago may be fast when it is measured."""

SLOWER_MAX = 8
"""No machine counts as slower than this, so that work of eight times a limit exceeds it everywhere."""

_samples: deque[tuple[float, float]] = deque(maxlen=100)
"""When samples were taken, and how long they took, in seconds."""


class Work:
    """The work of a block, known after it."""

    usual_s: float
    """The seconds that it takes on a usual machine."""


@contextmanager
def measured() -> Iterator[Work]:
    """Measure the work of a block."""
    work = Work()
    began = thread_time()
    yield work
    work.usual_s = usual_s(thread_time() - began)


def usual_s(cpu_s: float) -> float:
    """Return the seconds on a usual machine for CPU time that was spent here a moment ago."""
    now = monotonic()
    _samples.append((now, median(_sample_s() for _ in range(SAMPLES))))
    slowest_s = max(took_s for at, took_s in _samples if now - at <= REMEMBERED_S)
    return cpu_s / min(SLOWER_MAX, max(1.0, slowest_s / USUAL_S))


def _sample_s() -> float:
    began = thread_time()
    numbers = {str(number): number for number in range(NUMBERS)}
    sum(numbers.values())
    sorted(numbers)
    return thread_time() - began
