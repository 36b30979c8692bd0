"""Pages of sorted things."""

import random

import pytest

from admin_api.paging import Order, sorted_page

ORDERS = {"value": Order(lambda one: (one % 10, one), tuple[int, int])}


@pytest.mark.parametrize("sort", ["value", "-value"])
@pytest.mark.parametrize("limit", [1, 7, 999, 1000])
async def test_pages_one_behind_the_other_are_the_whole_in_order(sort: str, limit: int) -> None:
    things = random.Random(limit).sample(range(5000), 1000)
    expected = sorted((one for one in things if one % 3), key=lambda one: (one % 10, one), reverse=sort == "-value")
    found: list[int] = []
    cursor: str | None = ""

    while cursor is not None:
        page = await sorted_page(things, ORDERS, sort, limit=limit, cursor=cursor, matches=lambda one: one % 3 > 0)
        assert (page.total, page.matching) == (1000, len(expected))
        found, cursor = found + page.items, page.next

    assert found == expected
