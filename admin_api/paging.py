"""Pages of sorted things, made in short turns of the event loop. Needs no Quart.

A page is made from the keys by which things are sorted, so it costs one walk over all of them, wherever it begins.
Things that come and go between two pages shift none of the others.
"""

import base64
import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import gt, lt
from typing import Any, Generic, TypeVar

import msgspec

from admin_api.http.bodies import read_json
from admin_api.http.turns import in_turns
from trio_chat.chat.errors import ChatError

PAGE_MAX = 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order(Generic[T]):
    """An order: the key of each thing, which no other has, and the type of keys, for cursors."""

    key_of: Callable[[T], tuple[Any, ...]]
    key_type: Any


@dataclass(frozen=True, slots=True)
class SortedPage(Generic[T]):
    """Some things in order, the numbers of all and of those that match, and a cursor where more follow."""

    items: list[T]
    total: int
    matching: int
    next: str | None


async def sorted_page(
    items: Sequence[T],
    orders: Mapping[str, Order[T]],
    sort: str,
    *,
    limit: int,
    cursor: str = "",
    matches: Callable[[T], bool] = lambda item: True,
) -> SortedPage[T]:
    """Return the page of `items` behind a cursor. `sort` is one of `orders`, with "-" before it for descending.

    Raises ChatError for a cursor that cannot be read.
    """
    is_descending = sort.startswith("-")
    order = orders[sort.removeprefix("-")]
    after = _read_cursor(cursor, sort, order.key_type)
    first_rows = _FirstRows(limit + 1, order.key_of, after, is_descending=is_descending)
    async for turn in in_turns(items):
        first_rows.add(filter(matches, turn))
    rows = await first_rows.in_order()
    shown = [row[-1] for row in rows[:limit]]
    following = _cursor(sort, rows[limit - 1][:-1]) if len(rows) > limit else None
    return SortedPage(shown, len(items), first_rows.added, following)


class _FirstRows(Generic[T]):
    """The first of many things in an order. Of those added it forgets what cannot be among them: they would be a burden
    for the garbage collector, which holds the loop, too.

    A row is the key of a thing with the thing behind it.
    """

    def __init__(
        self, count: int, key_of: Callable[[T], tuple[Any, ...]], after: tuple[Any, ...] | None, *, is_descending: bool
    ) -> None:
        """It has the first `count` behind the key `after`."""
        self.added = 0
        self._count = count
        self._key_of = key_of
        self._is_descending = is_descending
        self._comes_before: Callable[[Any, Any], bool] = gt if is_descending else lt
        self._after = after
        self._last: tuple[Any, ...] | None = None
        """The key behind which none is wanted."""
        self._runs: list[list[tuple[Any, ...]]] = []

    def add(self, things: Iterable[T]) -> None:
        """Add some things, one by one as they come."""
        run = [(*self._key_of(one), one) for one in things]
        self.added += len(run)
        run = self._wanted(run)
        run.sort(reverse=self._is_descending)
        if run and self._runs and self._comes_before(self._runs[-1][-1], run[0]):
            self._runs[-1] += run  # what comes in order is one run, and need not be merged
        elif run:
            self._runs.append(run)
        if sum(map(len, self._runs)) > 2 * self._count:
            self._shorten()

    async def in_order(self) -> Sequence[tuple[Any, ...]]:
        """Return the rows in order."""
        if len(self._runs) > 1:
            merged = islice(heapq.merge(*self._runs, reverse=self._is_descending), self._count)
            self._runs = [[row async for turn in in_turns(merged) for row in turn]]
        return self._runs[0][: self._count] if self._runs else ()

    def _wanted(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        if self._after is not None:
            rows = [row for row in rows if self._comes_before(self._after, row[:-1])]
        if self._last is not None:
            rows = [row for row in rows if self._comes_before(row[:-1], self._last)]
        return rows

    def _shorten(self) -> None:
        rows = sorted(chain.from_iterable(self._runs), reverse=self._is_descending)
        self._last = rows[self._count - 1][:-1]
        self._runs = [rows[: self._count]]


def _cursor(sort: str, key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((sort, key))).decode().rstrip("=")


def _read_cursor(cursor: str, sort: str, key_type: Any) -> tuple[Any, ...] | None:
    """Return the key that a cursor stands for. -> None for the first page. Raises ChatError."""
    if not cursor:
        return None
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        found: tuple[str, tuple[Any, ...]] = read_json(data, tuple[str, key_type])
        its_sort, key = found
    except ValueError:
        its_sort, key = "", ()
    if its_sort != sort:
        raise ChatError("bad-cursor", "`cursor` is none of a list sorted like this: begin at the first page")
    return tuple(key)
