"""Batches that Redis kept though its answer was lost: each is there once, and what follows knows of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.journal.redis.opened import HASTY, PATIENT, said, texts, until_well
from tests.journal.redis.proxy import lossy_proxy
from tests.redis_server import RedisServer
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.session_record import SessionRecord
from trio_chat.journal import JournalError
from trio_chat.journal.redis.errors import IN_DOUBT
from trio_chat.journal.redis.journal import open_redis

TOLD = SessionRecord("owner", "frames", "alice", "alice", ("lobby",))


async def test_a_line_whose_answer_was_lost_is_kept_once(server: RedisServer, tmp_path: Path) -> None:
    async with lossy_proxy(server.port) as (proxy, address), open_redis(address, tmp_path, times=PATIENT) as journal:
        await journal.post(said("a")).kept()
        proxy.loses_answers = True
        await journal.post(said("b"), said("c")).kept()
        proxy.loses_answers = False
        await journal.post(said("d")).kept()

        assert proxy.lost
        assert await texts(journal) == ["a", "b", "c", "d"]
        assert journal.last_id == 4


async def test_a_notice_that_was_given_up_in_doubt_and_was_kept_is_not_told_again(
    server: RedisServer, tmp_path: Path
) -> None:
    hasty = replace(HASTY, patience_s=0.0)
    async with lossy_proxy(server.port) as (proxy, address), open_redis(address, tmp_path, times=hasty) as journal:
        proxy.loses_answers = True
        with pytest.raises(JournalError, match=IN_DOUBT):
            await journal.post(Draft("lobby", Kind.JOINED, "alice"), sessions=[TOLD]).kept()
        proxy.loses_answers = False
        await until_well(journal)

        await journal.post(said("hello")).kept()

        entries = [it for it in await journal.read("lobby", limit=9) if isinstance(it, Entry)]
        assert [entry.draft.kind for entry in entries] == [Kind.JOINED, Kind.SAID]
        assert await journal.read_sessions() == [TOLD]
