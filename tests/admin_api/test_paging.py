"""Pages of sorted things."""

import random
from time import perf_counter

import pytest

from admin_api.http.turns import TURN_S
from admin_api.paging import Order, sorted_page


def slow_key(one: int) -> tuple[int, int]:
    """A key for which a fifth of a turn goes, so that one walk takes many turns."""
    end = perf_counter() + TURN_S / 5
    while perf_counter() < end:
        pass
    return one % 10, one


ORDERS = {"value": Order(slow_key, tuple[int, int])}


@pytest.mark.parametrize("sort", ["value", "-value"])
@pytest.mark.parametrize("limit", [7, 66, 67, 100])
@pytest.mark.parametrize("come_in_order", [False, True])
async def test_pages_one_behind_the_other_are_the_whole_in_order(sort: str, limit: int, come_in_order: bool) -> None:
    things = random.Random(limit).sample(range(500), 100)
    if come_in_order:
        things.sort(key=lambda one: (one % 10, one))
    expected = sorted((one for one in things if one % 3), key=lambda one: (one % 10, one), reverse=sort == "-value")
    found: list[int] = []
    cursor: str | None = ""

    while cursor is not None:
        page = await sorted_page(things, ORDERS, sort, limit=limit, cursor=cursor, matches=lambda one: one % 3 > 0)
        assert (page.total, page.matching) == (100, len(expected))
        found, cursor = found + page.items, page.next

    assert found == expected
