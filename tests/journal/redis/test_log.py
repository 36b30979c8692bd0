"""The log that nodes follow: what it does not have any more is read from the rooms."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from tests.conftest import PATIENCE_S
from tests.journal.redis.opened import PATIENT, opened, said
from tests.redis_server import RedisServer
from trio_chat.chat.events import Entry, Kind
from trio_chat.chat.removal import notice_of
from trio_chat.journal.redis.claim import NewestEntry
from trio_chat.journal.redis.journal import RedisJournal
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.log_reader import LogReader


async def test_a_node_that_is_behind_the_log_hears_everything_in_order(server: RedisServer, tmp_path: Path) -> None:
    heard: list[Entry] = []
    is_done = trio.Event()

    def hear(entries: Sequence[Entry], newest: NewestEntry) -> None:
        heard.extend(entries)
        if newest.id == 8:
            is_done.set()

    async with opened(server, tmp_path) as journal, trio.open_nursery() as nursery:
        await journal.post(*(said(str(number)) for number in range(1, 7))).kept()
        [entry] = await journal.read(None, limit=1, before=5, after=3)
        assert isinstance(entry, Entry)
        await journal.post(notice_of(entry)).kept()
        server.ask("XTRIM", "{trio-chat}:log", "MINID", "3-0")
        await journal.post(said("8")).kept()
        link = RedisLink(journal.address, PATIENT)
        await nursery.start(link.run)
        late = LogReader(link, journal, 1, on_entries=hear, on_failure=lambda: None, times=PATIENT)

        nursery.start_soon(late.run)
        with trio.fail_after(PATIENCE_S):
            await is_done.wait()
        nursery.cancel_scope.cancel()

    once = [it.id for it in heard if it.draft.kind is not Kind.REMOVED]
    assert once == [2, 3, 5, 6, 8]
    assert [(it.id, it.draft.to) for it in heard if it.draft.kind is Kind.REMOVED] == [(4, ""), (4, ""), (7, "4")]


async def test_a_node_that_opens_while_another_speaks_hears_what_comes_behind_its_last_id(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trio.fail_after(PATIENCE_S):
        await open_while_another_speaks(server, tmp_path, monkeypatch)


async def open_while_another_speaks(server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(server, tmp_path / "a") as speaker:
        await speaker.post(said("before")).kept()
        really_start = RedisJournal.start

        async def start_late(journal: RedisJournal, nursery: trio.Nursery) -> None:
            await speaker.post(said("meanwhile")).kept()  # it knows its last id, and does not follow the log yet
            await really_start(journal, nursery)

        monkeypatch.setattr(RedisJournal, "start", start_late)
        async with opened(server, tmp_path / "b") as journal:
            following, last_id = journal.follow(), journal.last_id
            [entry] = await anext(following)

    assert (last_id, entry.id, entry.draft.text) == (1, 2, "meanwhile")


async def test_what_was_removed_is_nowhere_in_redis_that_can_be_read(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        await journal.post(said("secret")).kept()
        [entry] = await journal.read("lobby", limit=1)
        assert isinstance(entry, Entry)
        await journal.post(notice_of(entry)).kept()

        for key in ("{trio-chat}:log", "{trio-chat}:s:lobby", "{trio-chat}:order"):
            assert b"secret" not in server.ask("XRANGE", key, "-", "+")
        assert b"secret" not in server.ask("ZRANGE", "{trio-chat}:x:lobby", "0", "-1")


async def test_keys_go_with_their_entries(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        for number in range(120):
            journal.post(said(str(number), key=str(number), room=f"room {number}"))
        await journal.settled()

        await journal.prune(more_than=1)

        names = server.ask("KEYS", "{trio-chat}:[sptxok]:*").split(b"\r\n")[2::2]
        assert len([name for name in names if b":k:" not in name]) == 1
        assert len([name for name in names if b":k:" in name]) == 1
        assert [room.name for room in await journal.rooms()] == ["room 119"]
