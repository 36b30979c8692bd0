"""Entries that wait for a replica: nobody is told that they are kept, or reads them, before it has them."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import trio

from tests.conftest import PATIENCE_S
from tests.journal.redis.opened import PATIENT, node_of, said, texts, until_well
from tests.journal.redis.recording_delegate import RecordingDelegate
from tests.redis_replication import follow, replica_count, until
from tests.redis_server import RedisServer
from trio_chat.chat.events import Entry
from trio_chat.journal import (
    AccountRecord,
    AccountStore,
    AuditRecord,
    BanRecord,
    HookRecord,
    Importable,
    InDoubtError,
    InviteRecord,
    JournalError,
    MarkRecord,
    MemoryRecord,
    MuteRecord,
    OperatorStore,
    Origin,
    check_journal,
)
from trio_chat.journal.redis.address import read_url
from trio_chat.journal.redis.claim import mark_replicated
from trio_chat.journal.redis.errors import TOO_FEW
from trio_chat.journal.redis.journal import RedisJournal, open_redis
from trio_chat.journal.redis.opening import KEPT_ALWAYS
from trio_chat.journal.redis.times import RedisTimes

HASTY = RedisTimes(answer_s=PATIENCE_S, replicas_s=0.2, patience_s=0.1, retry_s=0.02, renew_s=0.1, lease_s=60)
"""Times in which a missing replica is noticed soon, and given up soon."""


STEADFAST = replace(HASTY, replicas_s=PATIENCE_S)
"""Times in which replicas are waited for as long as a test takes."""

ANN = AccountRecord("a1", "ann", "ann", 1.0, 1.0, "own")
BOB = AccountRecord("a3", "bob", "bob", 1.0, 1.0, "own")

RECORDS: Mapping[str, Callable[[RedisJournal], Awaitable[object]]] = {
    "record_audit": lambda it: it.record_audit(AuditRecord(1.0, "console", "ban", "10.0.0.0/8")),
    "add_ban": lambda it: it.add_ban(BanRecord("10.0.0.0/8", "spam", "console", 2.0)),
    "remove_ban": lambda it: it.remove_ban("192.0.2.0/24"),
    "add_hook": lambda it: it.add_hook(HookRecord("deploy", "ops", "0" * 64, "console", 2.0)),
    "remove_hook": lambda it: it.remove_hook("other"),
    "add_mute": lambda it: it.add_mute(MuteRecord(1, "eve", "10.0.0.1/32", "s" * 32, "", "", "console", 1.0)),
    "remove_mute": lambda it: it.remove_mute(2),
    "keep_account": lambda it: it.keep_account(ANN),
    "remove_account": lambda it: it.remove_account("a2"),
    "keep_invite": lambda it: it.keep_invite(InviteRecord("d", "", 3, "console", 1.0, 2.0)),
    "remove_invite": lambda it: it.remove_invite("e"),
    "keep_memories": lambda it: it.keep_memories([MemoryRecord("a1", ("lobby",), (), (MarkRecord("lobby", 1, 1.0),))]),
    "load_names": lambda it: it.load_names([(BOB, None)], keeps_marks=True),
    "load": lambda it: it.load([Entry(it.last_id + 1, 1.0, said("of before"))], Origin("x", 0)),
}
"""The methods of a journal that keep more than what is posted."""


class Pair(NamedTuple):
    primary: RedisServer
    replica: RedisServer

    def url(self, options: str = "&replicas=1") -> str:
        return f"{self.primary.url}?chat=pair{options}"


@pytest.fixture
def pair(tmp_path: Path, server: RedisServer) -> Iterator[Pair]:
    folder = tmp_path / "replica"
    folder.mkdir()
    with RedisServer(folder) as replica:
        follow(replica, server)
        until(lambda: replica_count(server) == 1)
        yield Pair(server, replica)


def opened(url: str, data: Path, times: RedisTimes = PATIENT) -> AbstractAsyncContextManager[RedisJournal]:
    return open_redis(read_url(url), data, times=times)


async def wait_until(is_so: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110
            await trio.sleep(0.005)


async def next_text(following: AsyncIterator[Sequence[Entry]]) -> str:
    with trio.fail_after(PATIENCE_S):
        [entry] = await anext(following)
        return entry.draft.text


async def test_m9_what_the_replica_does_not_have_is_neither_acknowledged_nor_read_on_any_node(
    pair: Pair, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        rarely = replace(HASTY, renew_s=PATIENCE_S)  # else it may notice before the line is said
        one = await stack.enter_async_context(opened(pair.url(), tmp_path / "a", rarely))
        await one.post(said("before")).kept()
        other = await stack.enter_async_context(opened(pair.url(), tmp_path / "b", HASTY))
        following = other.follow()

        pair.replica.signal(signal.SIGSTOP)
        with pytest.raises(JournalError, match=f"only 0 of 1 replicas have what was written last: {TOO_FEW}"):
            await one.post(said("alone", key="k")).kept()
        assert b"alone" in pair.primary.ask("XRANGE", "{pair}:s:lobby", "-", "+")
        for journal in (one, other):
            assert await texts(journal) == ["before"]
            assert await journal.find("s" * 32, "k") is None
            await until_well(journal, is_well=False)
            with pytest.raises(JournalError, match="only 0 of 1 replicas"):
                await journal.post(said("refused")).kept()

        pair.replica.signal(signal.SIGCONT)
        assert await next_text(following) == "alone"
        await until_well(one)
        again = one.post(said("alone", key="k"))  # as our client does
        await again.kept()
        assert again.repeated("s" * 32, "k")
        assert await texts(one) == ["before", "alone"]


def test_all_methods_that_keep_something_are_known_here() -> None:
    reading = "read_", "count_", "conversation", "_"
    parts = OperatorStore, AccountStore, Importable

    assert {name for part in parts for name in vars(part) if not name.startswith(reading)} == set(RECORDS)


async def test_m9_a_record_that_the_replica_does_not_have_is_in_doubt_and_is_kept_once(
    pair: Pair, tmp_path: Path
) -> None:
    async with opened(pair.url(), tmp_path, HASTY) as journal:
        told = RecordingDelegate()
        journal.nodes.attach(told)
        await wait_until(lambda: bool(told.read))
        told.read.clear()
        doubts: list[str] = []

        async def doubt(name: str) -> None:
            with pytest.raises(InDoubtError, match=f"only 0 of 1 replicas have what was written last: {TOO_FEW}"):
                await RECORDS[name](journal)
            doubts.append(name)

        pair.replica.signal(signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            for name in RECORDS:
                nursery.start_soon(doubt, name)
        pair.replica.signal(signal.SIGCONT)

        assert sorted(doubts) == sorted(RECORDS)
        told.read.pop("", None)  # it has begun to follow the others
        assert told.read == {"bans": 2, "hooks": 2, "mutes": 2, "accounts": 3, "invites": 2}
        for name in RECORDS.keys() - {"load"}:
            await RECORDS[name](journal)
        for records in (await journal.read_audit(9), await journal.read_bans(), await journal.read_mutes()):
            assert len(records) == 1
        assert [name.name for name in await journal.read_accounts()] == ["ann", "bob"]


async def test_m9_whoever_reads_does_not_wait_for_records_of_others(pair: Pair, tmp_path: Path) -> None:
    async with opened(pair.url(), tmp_path, STEADFAST) as journal:
        await journal.post(said("before")).kept()
        is_kept = trio.Event()

        async def keep() -> None:
            await RECORDS["add_ban"](journal)
            is_kept.set()

        pair.replica.signal(signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep)
            await wait_until(lambda: b"spam" in pair.primary.ask("HVALS", "{pair}:bans"))
            assert await texts(journal) == ["before"]
            assert await journal.read_memory("a1") is None
            assert [it.network for it in await journal.read_bans()] == ["10.0.0.0/8"]
            assert not is_kept.is_set()
            pair.replica.signal(signal.SIGCONT)

        assert is_kept.is_set()


async def test_lines_of_a_node_that_does_not_wait_are_read_once_another_has_waited(pair: Pair, tmp_path: Path) -> None:
    async with opened(pair.url(""), tmp_path / "a") as one, opened(pair.url(), tmp_path / "b") as other:
        following = other.follow()

        await one.post(said("hello")).kept()

        assert await next_text(following) == "hello"


async def test_a_mark_written_by_hand_makes_no_node_deaf(pair: Pair, tmp_path: Path) -> None:
    async with opened(pair.url(), tmp_path) as journal:
        following = journal.follow()
        pair.primary.ask("XADD", "{pair}:replicated", "999999-0", "n", "x")

        for text in ("a", "b"):
            await journal.post(said(text)).kept()
            assert await next_text(following) == text


async def test_a_mark_is_put_up_only_where_redis_has_what_the_node_has_written(pair: Pair, tmp_path: Path) -> None:
    async with opened(pair.url(), tmp_path) as journal:
        await journal.post(said("a")).kept()
        writer, node = journal._writer, journal._node
        held, number, link = writer._held, writer._number, writer._link
        assert held

        assert await mark_replicated(link, node, held, batch=number, last_id=1)
        for other, batch, last_id in (
            (held, number + 1, 1),  # another primary, which lacks the newest batch
            (replace(held, fence=held.fence - 1), number, 1),
            (replace(held, epoch="x"), number, 1),
            (held, number, 2),
        ):
            assert not await mark_replicated(link, node, other, batch=batch, last_id=last_id)


async def test_a_node_goes_on_in_a_redis_that_lacks_its_newest_batches(pair: Pair, tmp_path: Path) -> None:
    async with opened(pair.url(), tmp_path, HASTY) as journal:
        for text in "abc":
            await journal.post(said(text)).kept()
        node = node_of(tmp_path)
        pair.primary.ask("HSET", f"{{pair}}:node:{node}", "batch", "1", "fence", "1000")  # as after a failover

        for _ in range(3):  # a new claim, and the next renewals
            pair.primary.ask("DEL", f"{{pair}}:lease:{node}")
            with trio.fail_after(PATIENCE_S):
                while pair.primary.ask("EXISTS", f"{{pair}}:lease:{node}") != b":1\r\n":  # noqa: ASYNC110
                    await trio.sleep(0.01)
        await journal.post(said("d")).kept()

        assert await texts(journal) == ["a", "b", "c", "d"]


async def test_entries_of_before_are_read_at_once(pair: Pair, tmp_path: Path) -> None:
    async with opened(pair.url(""), tmp_path / "a") as one:
        await one.post(said("a"), said("b")).kept()
    async with opened(pair.url(), tmp_path / "b") as journal:
        assert await texts(journal) == ["a", "b"]


async def test_m9_a_server_waits_for_the_replicas_that_it_was_told_to_have(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"{server.url}?replicas=1"
    with pytest.raises(JournalError, match="only 0 of 1 replicas are connected to Redis"):
        check_journal(url, data=tmp_path)

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:

            async def open_it() -> None:
                async with opened(url, tmp_path) as journal:
                    assert journal.promise == f"{KEPT_ALWAYS}, and 1 replica has them"
                nursery.cancel_scope.cancel()

            nursery.start_soon(open_it)
            while "waiting for the journal" not in caplog.text:  # noqa: ASYNC110
                await trio.sleep(0.01)
            folder = tmp_path / "replica"
            folder.mkdir()
            with RedisServer(folder) as replica:
                follow(replica, server)
                await trio.sleep_forever()


async def test_old_entries_are_pruned_while_replicas_are_waited_for(pair: Pair, tmp_path: Path) -> None:
    async with opened(pair.url(), tmp_path / "a") as journal:
        for text in "abc":
            await journal.post(said(text)).kept()

        await journal.prune(more_than=1)

        await journal.post(said("d")).kept()
        assert await texts(journal) == ["c", "d"]
        assert await journal.pruned_in("lobby") == 2
