"""Searches in Redis: bounded, and the bound is said."""

from pathlib import Path

import pytest

from tests.journal.redis.opened import PATIENT, said
from tests.redis_server import RedisServer
from trio_chat.chat.events import Entry
from trio_chat.journal import Origin, SearchError
from trio_chat.journal.redis.address import read_address
from trio_chat.journal.redis.journal import open_redis


async def test_a_search_beyond_its_bound_is_refused_with_what_to_do(server: RedisServer, tmp_path: Path) -> None:
    address = read_address(server.url.removeprefix("redis:"))
    async with open_redis(address, tmp_path, times=PATIENT, search_entries_max=1000) as journal:
        await journal.load((Entry(number, 1.7e9, said(f"line {number}")) for number in range(1, 1101)), Origin("one"))

        with pytest.raises(SearchError, match=r"^too much to look through: say more$"):
            await journal.search(["lobby"], "nobody", limit=9)
        found = await journal.search(["lobby"], "line", limit=600)
        narrowed = await journal.search(["lobby"], "nobody", limit=9, after=200)

    assert [it.id for it in found] == list(range(501, 1101))
    assert narrowed == []
