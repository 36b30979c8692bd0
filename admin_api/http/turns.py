"""Work on many things in turns of the event loop, measured by time: the cost of a thing changes with the program.

A turn begins with one thing at least, so the work ends however slow the machine is.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from time import perf_counter
from typing import TypeVar

import trio

TURN_S = 0.001
"""Time in one turn. The last thing of a turn, and what its user does with all of them, come on top."""

T = TypeVar("T")


async def in_turns(
    things: Iterable[T], *, turn_s: float = TURN_S, clock: Callable[[], float] = perf_counter
) -> AsyncIterator[Iterator[T]]:
    """Yield iterators, one a turn, which give all `things` together. Each is to be used up before the next is taken.

    `clock` gives seconds.
    """
    rest = iter(things)
    await trio.lowlevel.checkpoint()  # for the work before the first turn
    for first in rest:
        yield _turn(first, rest, clock, clock() + turn_s)
        await trio.lowlevel.checkpoint()


def _turn(first: T, rest: Iterator[T], clock: Callable[[], float], end: float) -> Iterator[T]:
    yield first
    if clock() < end:
        for thing in rest:
            yield thing
            if clock() >= end:
                return
