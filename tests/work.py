"""The time that work takes on a usual machine, so that no test depends on the speed of this one.

It is the CPU time of this thread, divided by how much slower this machine is just now: another program on the same
core, or on the same physical machine, can more than double it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time

COUNT = 100_000
COUNTING_S = 0.003
"""The CPU time in which a usual machine counts that far in Python."""


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
    return cpu_s / max(1.0, _counting_s() / COUNTING_S)


def _counting_s() -> float:
    began = thread_time()
    total = 0
    for number in range(COUNT):
        total += number
    return thread_time() - began
