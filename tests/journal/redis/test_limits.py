"""Bounds and numbers that all nodes share: one script enforces each."""

from pathlib import Path

import pytest
import trio

from tests.conftest import PATIENCE_S
from tests.journal.redis.opened import opened
from tests.journal.redis.recording_delegate import RecordingDelegate
from tests.redis_server import RedisServer
from trio_chat.journal import BanRecord, HookRecord, MuteRecord, TooManyError
from trio_chat.journal.redis.reader import sort_in_chunks


def mute(number: int, label: str, *, reason: str = "") -> MuteRecord:
    return MuteRecord(number, label, "10.0.0.1/32", label * 32, "", reason, "console", 1.0 + number)


async def test_bans_and_hooks_are_bounded_over_all_nodes(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_chat.journal.redis.tables.BANS_LIMIT", 2)
    monkeypatch.setattr("trio_chat.journal.redis.tables.HOOKS_LIMIT", 1)
    async with opened(server, tmp_path / "one") as one, opened(server, tmp_path / "two") as two:
        first, second, third = (BanRecord(f"10.0.0.{number}/32", "", "console", 1.0 + number) for number in range(3))
        await one.add_ban(first)
        await two.add_ban(second)
        await one.add_hook(HookRecord("deploy", "ops", "0" * 64, "console", 2.0))

        with pytest.raises(TooManyError, match="there are 2 bans already, with those of other servers"):
            await one.add_ban(third)
        with pytest.raises(TooManyError):
            await two.add_hook(HookRecord("alert", "ops", "1" * 64, "console", 2.0))
        changed = BanRecord(first.network, "spam", "console", 1.0)
        await two.add_ban(changed)  # in place of one that there is

        assert await one.read_bans() == [changed, second]
        assert [hook.name for hook in await two.read_hooks()] == ["deploy"]


async def test_of_two_mutes_with_one_number_both_are_kept(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path / "one") as one, opened(server, tmp_path / "two") as two:
        told = RecordingDelegate()
        two.nodes.attach(told)
        await one.add_mute(mute(7, "a"))
        with trio.fail_after(PATIENCE_S):
            while not told.read["mutes"]:  # noqa: ASYNC110
                await trio.sleep(0.01)
        before = told.read.copy()
        await two.add_mute(mute(7, "b"))
        assert (told.read - before)["mutes"] == 1  # it has to learn the other's, and the number of its own
        await one.add_mute(mute(7, "a", reason="noise"))
        await two.add_mute(mute(7, "b", reason="spam"))  # which is the same one: two has not read the new number yet

        kept = await one.read_mutes()
        assert [(it.number, it.label, it.reason) for it in kept] == [(7, "a", "noise"), (8, "b", "spam")]

        await two.remove_mute(7)

        assert [it.label for it in await one.read_mutes()] == ["a"]


async def test_mutes_are_bounded_over_all_nodes(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_chat.journal.redis.tables.MUTES_LIMIT", 1)
    async with opened(server, tmp_path) as journal:
        await journal.add_mute(mute(1, "a"))

        with pytest.raises(TooManyError):
            await journal.add_mute(mute(2, "b"))
        await journal.add_mute(mute(1, "a", reason="more"))

        assert [it.reason for it in await journal.read_mutes()] == ["more"]


def test_records_are_sorted_as_by_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio_chat.journal.redis.reader.SORT_CHUNK", 3)
    numbers = [number * 7919 % 50 for number in range(50)]

    assert sort_in_chunks(numbers, lambda number: number) == sorted(numbers)
    assert sort_in_chunks([], lambda number: number) == []
