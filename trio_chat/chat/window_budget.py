"""The budget of all windows: a bound on the memory that the logs of all rooms take together.

Each window has bounds of its own, but there may be 10,000 rooms. Where their sum is over the budget the largest windows
give up their older halves: a late reader there is told what it missed, as with a window that is full, and the history
has it.
"""

from collections.abc import Iterable
from heapq import nlargest
from operator import attrgetter
from typing import Protocol

WINDOW_TOTAL_BYTES = 256 * 1024 * 1024

LARGEST_AT_ONCE = 64
"""Windows that are halved between two searches for the largest: a search among 20,000 takes a millisecond."""


RESERVE_BYTES = 8 * 1024 * 1024
"""Memory that is reserved for everything else: where it cannot be had any more, windows shrink. Trio does not survive
a lack of memory in its own tasks."""

GROWTH_BYTES = 2 * 1024 * 1024
"""Growth of the sum after which the reserve is checked again, which takes some microseconds."""


class Shrinkable(Protocol):
    """A window, as its budget sees it."""

    memory_bytes: int
    """Its size, as last reported."""

    def shrink(self, size_bytes: int, *, keep: int) -> None:
        """Drop the oldest entries until no more memory is used, but keep so many; report the size to the budget."""


class WindowBudget:
    """The sizes of all windows, which report them after each change, and the bound on their sum."""

    def __init__(self, limit_bytes: int = WINDOW_TOTAL_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.unchecked_bytes = 0
        """The sum, in bytes, above which `enforce` is due."""
        self.used_bytes = 0
        """Memory of all windows, in bytes, as each reports it."""
        self._windows: dict[Shrinkable, None] = {}

    def add(self, window: Shrinkable) -> None:
        """Add a window, empty still."""
        self._windows[window] = None

    def remove(self, window: Shrinkable) -> None:
        """Remove a window that nobody reads any more."""
        if window in self._windows:
            del self._windows[window]
            self.used_bytes -= window.memory_bytes

    def enforce(self) -> None:
        """Shrink the largest windows until their sum is within the limit, and leaves a reserve of memory.

        Within the limit each keeps its newest entry if possible.
        """
        self._shrink_to(self.limit_bytes, keep=1)
        self._shrink_to(self.limit_bytes, keep=0)
        if not _has_reserve():
            self._shrink_to(self.used_bytes // 2, keep=0)
        self.unchecked_bytes = min(self.limit_bytes, self.used_bytes + GROWTH_BYTES)

    def give_up(self) -> None:
        """Drop all windows, since there is no memory left."""
        for window in tuple(self._windows):
            window.shrink(0, keep=0)

    def _shrink_to(self, size_bytes: int, *, keep: int) -> None:
        before = self.used_bytes + 1
        while size_bytes < self.used_bytes < before:
            before = self.used_bytes
            self._halve(nlargest(LARGEST_AT_ONCE, self._windows, key=attrgetter("memory_bytes")), size_bytes, keep)

    def _halve(self, largest: Iterable[Shrinkable], size_bytes: int, keep: int) -> None:
        for window in largest:
            if self.used_bytes <= size_bytes:
                return
            window.shrink(window.memory_bytes // 2, keep=keep)


def _has_reserve() -> bool:
    try:
        bytes(RESERVE_BYTES)  # an allocation whose pages are never touched
    except MemoryError:
        return False
    return True
