"""Restrictions of people, bans and mutes alike: their reasons and ends, and a register that drops what is over.

Times are seconds since 1970.
"""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from itertools import islice
from operator import itemgetter
from typing import Generic, Protocol, TypeVar

from trio_chat.chat.errors import ChatError
from trio_chat.chat.text import clean

REASON_LIMIT = 200

LISTED_MAX = 1000
"""Restrictions that a list without pages has at most."""

EXPIRED_PER_CALL = 100
"""Restrictions dropped at once: each is a write to the journal."""

SYNCED_PER_STEP = 1000
"""Restrictions of another server taken over between two turns of the loop, in some 8 ms."""


class Restriction(Protocol):
    """A ban or a mute. `until` is None for a permanent one."""

    @property
    def until(self) -> float | None:
        """Its end."""

    def is_over(self, now: float) -> bool:
        """True if it has expired."""


K = TypeVar("K", bound=Hashable)
R = TypeVar("R", bound=Restriction)
T = TypeVar("T")


class Restrictions(Generic[K, R]):
    """Restrictions by key, in the order in which they were made. Those that are over are dropped in time."""

    def __init__(self, on_end: Callable[[R], object], ahead_s: Callable[[], float] = lambda: 0.0) -> None:
        """`on_end` is called with each one that is dropped because it is over.

        `ahead_s` gives the seconds by which the clock may be wrong: one that was over before is dropped.
        """
        self._on_end = on_end
        self._ahead_s = ahead_s
        self._rows: dict[K, tuple[int, R]] = {}
        self._ends: list[tuple[float, int, K]] = []
        """A heap of ends, with those of restrictions that were removed or changed since."""
        self._made = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: K) -> bool:
        return key in self._rows

    def __getitem__(self, key: K) -> R:
        return self._rows[key][1]

    def put(self, key: K, restriction: R) -> None:
        """Add one behind all others, in place of an earlier one with this key."""
        self._rows.pop(key, None)
        self._made += 1
        self._rows[key] = self._made, restriction
        self._push_end(key, restriction)

    def change(self, key: K, restriction: R) -> None:
        """Replace one in its place."""
        self._rows[key] = self._rows[key][0], restriction
        self._push_end(key, restriction)

    def pop(self, key: K) -> R:
        """Remove one, and return it. Raises KeyError."""
        return self._rows.pop(key)[1]

    def after(self, number: int) -> Sequence[tuple[int, R]]:
        """Return all that were made after the one with this number, each with its number. 0 is before the first.

        Of 100,000, it takes a millisecond.
        """
        rows = tuple(self._rows.values())
        return rows[bisect_right(rows, number, key=itemgetter(0)) :]

    def newest(self, limit: int) -> list[R]:
        """Return the newest ones, oldest first."""
        return [restriction for _, restriction in islice(reversed(self._rows.values()), limit)][::-1]

    def expire(self, now: float) -> None:
        """Drop some of those that are over; those that are left take no effect, and are dropped by later calls."""
        if self._ends:
            now -= self._ahead_s()
        for _ in range(EXPIRED_PER_CALL):
            if not self._ends or self._ends[0][0] > now:
                return
            end, number, key = heappop(self._ends)
            if (row := self._rows.get(key)) and row[0] == number and row[1].until == end:
                self._on_end(row[1])

    def _push_end(self, key: K, restriction: R) -> None:
        if restriction.until is None:
            return
        heappush(self._ends, (restriction.until, self._rows[key][0], key))
        if len(self._ends) > 2 * len(self._rows) + EXPIRED_PER_CALL:
            self._ends = [(it.until, number, key) for key, (number, it) in self._rows.items() if it.until is not None]
            heapify(self._ends)


def holding(restrictions: Sequence[R], now: float) -> Iterator[R]:
    """Yield those that are not over."""
    return (one for one in restrictions if not one.is_over(now))


def read_reason(reason: str) -> str:
    """Clean a reason. Raises ChatError where it is too long."""
    if len(reason) > REASON_LIMIT:
        raise ChatError("long-reason", f"a reason has at most {REASON_LIMIT} characters")
    return clean(reason).strip()


def terms(reason: str, until: float | None) -> str:
    """Write the end and the reason of a restriction, as they follow the word for it: ` until TIME: REASON`."""
    end = f" until {show_time(until)}" if until is not None else ""
    return end + (f": {reason}" if reason else "")


def show_time(seconds: float) -> str:
    """Write a time for people anywhere: to the minute, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def batched(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield values by the number that one step takes over."""
    return (values[start : start + SYNCED_PER_STEP] for start in range(0, len(values), SYNCED_PER_STEP))
