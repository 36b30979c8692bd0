"""Memories of members are kept, also when the store is ill for a while: nothing is lost in silence, nothing waits."""

import os
import resource
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.conftest import PATIENCE_S
from trio_chat.chat.accounts.memory import IGNORED_MAX, MAILBOX, MARKS_MAX, ROOMS_MAX
from trio_chat.journal import AccountStore, Journal, JournalError, MarkRecord, MemoryRecord, need
from trio_chat.journal.memory.journal import open_memory
from trio_chat.journal.sqlite.journal import SqliteTimes, open_sqlite
from trio_chat.server.upkeep import memory_keeping
from trio_chat.server.upkeep.memory_keeping import (
    AT_ONCE,
    LOOKED_AT_PER_TURN,
    RECORDS_PER_TURN,
    SPARE_MAX,
    UNREAD_MAX,
    MemoryKeeping,
)

TIMES = SqliteTimes(lock_wait_s=0.01, probe_every_s=0.01)
ALICE = "a" * 16


@dataclass
class World:
    """The keeping of memories, with a real journal."""

    journal: Journal
    keeping: MemoryKeeping
    here: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)

    async def kept(self, account: str = ALICE) -> MemoryRecord | None:
        return await need(self.journal, AccountStore).read_memory(account)

    async def marks(self, account: str = ALICE) -> dict[str, int]:
        record = await self.kept(account)
        return {mark.room: mark.id for mark in record.marks} if record else {}


def world_of(journal: Journal) -> World:
    keeping = MemoryKeeping(
        journal,
        is_here=lambda account: account in world.here,
        is_known=lambda account: account not in world.unknown,
        keep_every_s=0.01,
    )
    world = World(journal, keeping)
    return world


@asynccontextmanager
async def sqlite_world(folder: Path, times: SqliteTimes = TIMES) -> AsyncIterator[World]:
    async with open_sqlite(folder / "journal.db", times=times) as journal:
        journal.last_id = 100  # marks do not go beyond it
        yield world_of(journal)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_memory() as journal:
        journal.last_id = 100
        yield world_of(journal)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let another program lock the journal, so that nothing can be written."""
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Let no file of this process grow: that is a disk with no more room."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((folder / "journal.db-wal").stat().st_size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Move the file of the journal away, so that nothing is read or written."""
    os.rename(folder / "journal.db", folder / "elsewhere")
    yield
    os.rename(folder / "elsewhere", folder / "journal.db")


def count_writes(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often the store is asked from now on. -> how many memories it was given each time"""
    store, writes = need(world.journal, AccountStore), list[int]()
    keep = store.keep_memories

    async def keep_and_count(records: Sequence[MemoryRecord]) -> None:
        writes.append(len(records))
        await keep(records)

    monkeypatch.setattr(store, "keep_memories", keep_and_count)
    return writes


async def until(is_so: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110
            await trio.sleep(0.01)


async def test_what_changes_is_kept_and_read_again(world: World) -> None:
    await world.keeping.read(ALICE)
    world.keeping.note_room(ALICE, "dev", is_in=True)
    world.journal.last_id = 200
    assert world.keeping.note_read(ALICE, "dev", 2000)
    world.keeping.note_ignored(ALICE, ["eve"])
    await world.keeping.keep()

    record = await world.kept()
    assert record
    assert (record.rooms, record.ignored) == (("dev",), ("eve",))
    assert [(mark.room, mark.id) for mark in record.marks] == [("dev", 200)]
    later = world_of(world.journal).keeping
    await later.read(ALICE)
    memory = later.of(ALICE)
    assert memory
    assert memory.now.ignored == ("eve",)


async def test_nothing_is_noted_of_guests_and_of_names_that_were_removed(world: World) -> None:
    world.keeping.note_room("", "dev", is_in=True)
    await world.keeping.read(ALICE)
    world.keeping.note_room(ALICE, "dev", is_in=True)
    world.unknown.add(ALICE)

    await world.keeping.keep()

    assert await world.kept() is None
    assert await world.kept("") is None


async def test_what_is_kept_of_one_member_is_bounded(world: World) -> None:
    await world.keeping.read(ALICE)
    for number in range(1000):
        world.keeping.note_room(ALICE, f"room{number}", is_in=True)
        world.keeping.note_read(ALICE, f"room{number}", 50)
    world.keeping.note_ignored(ALICE, (f"name{number}" for number in range(1000)))
    await world.keeping.keep()

    record = await world.kept()
    assert record
    assert [len(it) for it in (record.rooms, record.ignored, record.marks)] == [ROOMS_MAX, IGNORED_MAX, MARKS_MAX]


async def test_members_who_are_gone_are_forgotten_but_for_some_and_those_who_are_here_never(
    world: World, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    world.here = {"here"}
    for account in ("here", *(f"gone{number}" for number in range(SPARE_MAX + 5)), ALICE):
        await world.keeping.read(account)
    world.keeping.note_room(ALICE, "dev", is_in=True)
    nursery.start_soon(world.keeping.run)
    await until(lambda: world.keeping.of("gone5") is None)

    assert world.keeping.of("here")
    assert world.keeping.of("gone6")
    assert world.keeping.of(ALICE)
    nursery.cancel_scope.cancel()


async def test_others_have_their_turn_while_many_memories_are_kept_and_forgotten(nursery: trio.Nursery) -> None:
    turns, looks = 0, {"here": Counter[int](), "known": Counter[int]()}

    def look(what: str) -> bool:
        looks[what][turns] += 1
        return what == "known"

    async with open_memory() as journal:
        keeping = MemoryKeeping(
            journal, is_here=lambda _: look("here"), is_known=lambda _: look("known"), keep_every_s=0.0
        )
        for number in range(SPARE_MAX + 3 * LOOKED_AT_PER_TURN):
            await keeping.read(f"{number:016x}")
            keeping.note_room(f"{number:016x}", "dev", is_in=True)
        nursery.start_soon(keeping.run)
        while keeping.of(f"{0:016x}"):
            await trio.lowlevel.checkpoint()
            turns += 1
        nursery.cancel_scope.cancel()

    assert max(looks["known"].values()) <= 2 * RECORDS_PER_TURN  # tasks that are ready run in any order
    assert LOOKED_AT_PER_TURN / 2 < max(looks["here"].values()) <= 2 * LOOKED_AT_PER_TURN


async def test_more_changes_than_one_transaction_takes_are_all_kept(world: World) -> None:
    accounts = [f"{number:016x}" for number in range(AT_ONCE + 1)]
    for account in accounts:
        await world.keeping.read(account)
        world.keeping.note_room(account, "dev", is_in=True)

    await world.keeping.keep()

    assert [account for account in accounts if not await world.marks(account)] == []


@pytest.mark.parametrize(
    ("ill", "why"),
    [
        (locked, "another program has locked the journal"),
        (full, "the disk reports an error"),  # as the limit of a file is called
        (read_only, "the journal file was removed or replaced"),
    ],
)
async def test_changes_that_an_ill_store_refuses_are_logged_once_and_kept_later(
    tmp_path: Path,
    logged: Callable[[], list[str]],
    nursery: trio.Nursery,
    monkeypatch: pytest.MonkeyPatch,
    ill: Any,
    why: str,
) -> None:
    async with sqlite_world(tmp_path) as world:
        for account in (ALICE, "b" * 16):
            await world.keeping.read(account)
            world.keeping.note_room(account, "dev", is_in=True)
        await world.keeping.keep()

        with ill(tmp_path):
            world.keeping.note_read(ALICE, "lobby", 50)
            for _ in range(3):
                with pytest.raises(JournalError, match=why):
                    await world.keeping.keep()
            tries = count_writes(world, monkeypatch)
            nursery.start_soon(world.keeping.run)
            await until(lambda: len(tries) >= 3)
            assert world.keeping.note_read(ALICE, "dev", 101) is False  # as far as there are entries
            assert world.keeping.note_read(ALICE, MAILBOX, 70)
            world.keeping.note_ignored("b" * 16, ["eve"])
            with pytest.raises(JournalError):
                await world.keeping.keep()
            told = [line for line in logged() if "cannot be kept" in line]

        await until(lambda: any("can be kept again" in line for line in logged()))
        assert await world.marks() == {"dev": 100, "lobby": 50, MAILBOX: 70}
        assert len(told) == 1
        assert why in told[0]
        record = await world.kept("b" * 16)
        assert record
        assert record.ignored == ("eve",)
        nursery.cancel_scope.cancel()


async def test_what_cannot_be_kept_when_the_server_stops_is_said(tmp_path: Path, logged) -> None:
    async with sqlite_world(tmp_path) as world:
        await world.keeping.read(ALICE)
        world.keeping.note_room(ALICE, "dev", is_in=True)
        with locked(tmp_path):
            await world.keeping.keep_last()

        assert sum("is lost" in line for line in logged()) == 1
        await world.keeping.keep_last()
        assert await world.marks() == {"dev": 100}


async def test_a_slow_store_makes_nobody_wait_and_gets_all_changes_meanwhile_at_once(world: World, monkeypatch) -> None:
    store = need(world.journal, AccountStore)
    keep, writes, go_on = store.keep_memories, list[int](), trio.Event()

    async def keep_slowly(records) -> None:
        writes.append(len(records))
        await go_on.wait()
        await keep(records)

    monkeypatch.setattr(store, "keep_memories", keep_slowly)
    accounts = [f"{number:016x}" for number in range(5)]
    async with trio.open_nursery() as nursery:
        for account in accounts:
            await world.keeping.read(account)
        world.keeping.note_room(accounts[0], "dev", is_in=True)
        nursery.start_soon(world.keeping.keep)
        await trio.testing.wait_all_tasks_blocked()
        for account in accounts:
            for number in range(100):
                world.keeping.note_read(account, "dev", number)
        await trio.testing.wait_all_tasks_blocked()
        assert writes == [1]
        go_on.set()

    assert writes == [1, 4]  # 100 had the mark of entering already
    assert [await world.marks(it) for it in accounts] == [{"dev": 100}] + [{"dev": 99}] * 4


async def test_changes_of_a_write_that_was_cancelled_are_kept_by_the_next(world: World, monkeypatch) -> None:
    store = need(world.journal, AccountStore)

    async def never(records) -> None:
        await trio.sleep_forever()

    await world.keeping.read(ALICE)
    world.keeping.note_room(ALICE, "dev", is_in=True)
    with monkeypatch.context() as patched:
        patched.setattr(store, "keep_memories", never)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.keeping.run)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    await world.keeping.keep_last()

    assert await world.marks() == {"dev": 100}


async def test_a_memory_that_cannot_be_read_keeps_nobody_out_and_is_read_later_with_what_changed(
    tmp_path: Path, logged, nursery: trio.Nursery
) -> None:
    async with sqlite_world(tmp_path) as world:
        await need(world.journal, AccountStore).keep_memories(
            [MemoryRecord(ALICE, ("dev", "ops"), ("eve",), (MarkRecord("dev", 10, 1.0), MarkRecord("ops", 60, 1.0)))]
        )
    slow = SqliteTimes(lock_wait_s=0.01, probe_every_s=0.01, query_max_s=0)
    async with sqlite_world(tmp_path, slow) as world:
        keeping = world.keeping
        await keeping.read(ALICE)
        assert keeping.of(ALICE) is None
        keeping.note_room(ALICE, "new", is_in=True)
        keeping.note_room(ALICE, "ops", is_in=False)
        keeping.note_read(ALICE, "dev", 5)
        keeping.note_read(ALICE, "dev", 50)
        keeping.note_ignored(ALICE, ["mallory"])
        nursery.start_soon(keeping.run)
        await until(lambda: any("is tried again" in line for line in logged()))
        with pytest.raises(JournalError, match="takes too long"):
            await keeping.keep()
        assert keeping.of(ALICE) is None

        world.journal._times = TIMES  # it is well again
        await until(lambda: keeping.of(ALICE) is not None)
        await keeping.keep()

        record = await world.kept()
        assert record
        assert (record.rooms, record.ignored) == (("dev", "new"), ("mallory",))
        assert await world.marks() == {"dev": 50, "new": 100}
        assert sum("cannot be read" in line for line in logged()) == 1
        nursery.cancel_scope.cancel()


async def test_what_is_held_until_memories_can_be_read_is_bounded(world: World, monkeypatch) -> None:
    store = need(world.journal, AccountStore)

    async def refuse(account: str) -> None:
        raise JournalError("the journal takes too long to answer")

    with monkeypatch.context() as patched:
        patched.setattr(store, "read_memory", refuse)
        for number in range(UNREAD_MAX + 1):
            await world.keeping.read(f"{number:016x}")
        for number in range(UNREAD_MAX + 1):
            world.keeping.note_room(f"{0:016x}", f"room{number}", is_in=True)
        world.keeping.note_room(f"{UNREAD_MAX:016x}", "dev", is_in=True)
        monkeypatch.setattr(memory_keeping, "HELD_MAX", UNREAD_MAX + 2)
        for account, room in ((1, "old"), (2, "kept"), (1, "new"), (1, "new")):
            world.keeping.note_room(f"{account:016x}", room, is_in=True)

    await world.keeping.keep()

    record = await world.kept(f"{0:016x}")
    assert record
    assert record.rooms[0] == "room1"
    assert await world.kept(f"{UNREAD_MAX:016x}") is None
    assert [list(await world.marks(f"{account:016x}")) for account in (1, 2)] == [["new"], ["kept"]]


async def test_a_damaged_record_keeps_nobody_out(tmp_path: Path, logged) -> None:
    async with sqlite_world(tmp_path) as world:
        await need(world.journal, AccountStore).keep_memories([MemoryRecord(ALICE, ("dev",), ("eve",))])
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as db:
        db.execute("UPDATE memory SET rooms = '[\"dev'")

    async with sqlite_world(tmp_path) as world:
        await world.keeping.read(ALICE)

        memory = world.keeping.of(ALICE)
        assert memory
        assert (memory.now.rooms, memory.now.ignored) == ((), ("eve",))
        assert any(f"account {ALICE} is damaged" in line for line in logged())
