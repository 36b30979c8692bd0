"""The time that work takes on a usual machine, so that no test depends on the speed of this one.

It is the CPU time of this thread, divided by how much slower this machine is: another program on the same core, or on
the same physical machine, can more than double it, and the next moment it is gone. On some virtual machines, memory
that was not used for a tenth of a second takes 10 us a page, as long as a hundred misses of all caches: there, the
first step of a task after a pause takes a hundred times as long as the next one.
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

COLD_PAGE_S = 2e-6
"""A first look at a page takes longer than this only on such a machine: a miss of all caches is 0.1 us."""

_pages = [bytearray(b"x" * 4096) for _ in range(256)]
"""Memory that is not used between two measurements."""

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
    now, is_cold = monotonic(), _cold_page_s() > COLD_PAGE_S
    _samples.append((now, median(_sample_s() for _ in range(SAMPLES))))
    slowest_s = max(took_s for at, took_s in _samples if now - at <= REMEMBERED_S)
    return cpu_s / (SLOWER_MAX if is_cold else min(SLOWER_MAX, max(1.0, slowest_s / USUAL_S)))


def _cold_page_s() -> float:
    began = thread_time()
    sum(page[0] for page in _pages)
    return (thread_time() - began) / len(_pages)


def _sample_s() -> float:
    began = thread_time()
    numbers = {str(number): number for number in range(NUMBERS)}
    sum(numbers.values())
    sorted(numbers)
    return thread_time() - began
