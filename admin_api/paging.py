"""Pages of sorted things, made in turns that hold the event loop for about a millisecond. Needs no Quart.

A page is made from the keys by which things are sorted, so it costs one walk over all of them, wherever it begins.
Things that come and go between two pages shift none of the others.
"""

import base64
import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec
import trio

from admin_api.http.bodies import read_json
from trio_chat.chat.errors import ChatError

PER_TURN = 64
"""Things looked at between two checkpoints of the event loop: about half a millisecond."""

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
    matching, runs = 0, []
    for start in range(0, len(items), PER_TURN):
        found = [(order.key_of(item), item) for item in items[start : start + PER_TURN] if matches(item)]
        matching += len(found)
        if after is not None:
            found = [one for one in found if (one[0] < after if is_descending else one[0] > after)]
        runs.append((heapq.nlargest if is_descending else heapq.nsmallest)(limit + 1, found))
        await trio.lowlevel.checkpoint()
    rows = list(islice(heapq.merge(*runs, reverse=is_descending), limit + 1))
    shown = [item for _, item in rows[:limit]]
    return SortedPage(shown, len(items), matching, _cursor(sort, rows[limit - 1][0]) if len(rows) > limit else None)


def _cursor(sort: str, key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((sort, key))).decode().rstrip("=")


def _read_cursor(cursor: str, sort: str, key_type: Any) -> tuple[Any, ...] | None:
    """Return the key that a cursor stands for. -> None for the beginning. Raises ChatError."""
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
