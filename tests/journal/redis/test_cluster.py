"""A cluster: all keys of a chat are on one of its nodes, which may be another at any time."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trio

from tests.conftest import PATIENCE_S
from tests.journal.redis.opened import said, speak, texts, until_more, until_well
from tests.redis_replication import RedisCluster, redis_cluster, replica_count, until
from trio_chat.journal import Durability, JournalError, check_journal
from trio_chat.journal.redis.address import read_url
from trio_chat.journal.redis.journal import RedisJournal, open_redis
from trio_chat.journal.redis.times import RedisTimes

CHAT = "team"

TIMES = RedisTimes(answer_s=3.0, patience_s=PATIENCE_S, retry_s=0.02, block_s=0.2, renew_s=0.1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with redis_cluster(tmp_path_factory.mktemp("cluster"), CHAT) as cluster:
        yield cluster


def opened(url: str, data: Path) -> AbstractAsyncContextManager[RedisJournal]:
    return open_redis(read_url(url), data, durability=Durability.RELAXED, times=TIMES)


async def test_any_node_sends_us_on_to_the_one_that_has_the_chat(cluster: RedisCluster, tmp_path: Path) -> None:
    for node in cluster.nodes:
        url = cluster.url(node)
        check_journal(url, data=tmp_path, durability=Durability.RELAXED)
        async with opened(url, tmp_path) as journal:
            await journal.post(said(str(node.port))).kept()

    assert str(cluster.nodes[3].port).encode() in cluster.primary.ask("XRANGE", "{team}:s:lobby", "-", "+")


def test_a_node_that_is_named_as_a_redis_that_stands_alone_is_refused(cluster: RedisCluster, tmp_path: Path) -> None:
    other = next(it for it in cluster.nodes if it is not cluster.primary)

    with pytest.raises(JournalError, match=r"a node of a cluster: name it with redis[+]cluster://"):
        check_journal(f"{other.url}?chat={CHAT}", data=tmp_path)


async def test_m9_the_other_nodes_are_asked_when_the_primary_fails(cluster: RedisCluster, tmp_path: Path) -> None:
    former = cluster.primary
    async with opened(cluster.url(former, options="&replicas=1"), tmp_path) as journal:
        await journal.post(said("before")).kept()
        before, epoch = await texts(journal), journal.epoch

    async with opened(cluster.url(former), tmp_path) as journal:
        former.kill()
        await trio.to_thread.run_sync(cluster.take_over, cluster.nodes[3])
        await journal.post(said("after")).kept()
        assert await texts(journal) == [*before, "after"]

        await trio.to_thread.run_sync(former.start)  # it becomes a replica by itself
        await trio.to_thread.run_sync(until, lambda: replica_count(cluster.nodes[3]) == 1)
        await trio.to_thread.run_sync(cluster.take_over, former)
        await journal.post(said("at last")).kept()
        assert await texts(journal) == [*before, "after", "at last"]
        assert journal.epoch == epoch


async def test_m9_while_the_keys_move_nothing_is_written_and_then_all_goes_on(
    cluster: RedisCluster, tmp_path: Path
) -> None:
    former = cluster.primary
    target = next(it for it in cluster.nodes if b"role:master" in it.ask("INFO", "replication") and it is not former)
    ids = {it: it.ask("CLUSTER", "MYID").split(b"\r\n")[1].decode() for it in (former, target)}
    slot = str(cluster.slot)
    kept: list[str] = []
    scope = trio.CancelScope()
    async with (
        opened(cluster.url(), tmp_path / "a") as one,
        opened(cluster.url(), tmp_path / "b") as other,
        trio.open_nursery() as nursery,
    ):
        before = await texts(one)
        for sender in range(4):
            nursery.start_soon(speak, (one, other)[sender % 2], sender, kept, scope)
        await until_more(kept)

        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[former])
        former.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
        for journal in (one, other):
            await until_well(journal, is_well=False)
            assert journal.fault
            assert "the cluster is just moving the keys of the chat" in journal.fault
        assert not target.ask("CLUSTER", "COUNTKEYSINSLOT", slot).strip(b":\r\n0")

        while keys := former.ask("CLUSTER", "GETKEYSINSLOT", slot, "3").decode().split("\r\n")[2::2]:
            moved = former.ask("MIGRATE", "127.0.0.1", str(target.port), "", "0", "5000", "KEYS", *keys)
            assert moved.startswith(b"+OK"), moved
            await trio.sleep(0.005)  # those who read and speak find the keys on both
        for node in (target, former):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[target])
        await until_more(kept)
        scope.cancel()

    async with opened(cluster.url(), tmp_path / "c") as journal:
        now = await texts(journal)
    assert now[: len(before)] == before
    assert sorted(now[len(before) :]) == sorted(kept)
    for sender in range(4):
        numbers = [int(text.partition(".")[2]) for text in now[len(before) :] if text.startswith(f"{sender}.")]
        assert numbers == list(range(len(numbers)))
    assert cluster.primary is target


async def test_m9_a_cluster_that_is_down_says_so(cluster: RedisCluster, tmp_path: Path) -> None:
    target = cluster.primary
    slot = str(cluster.slot)
    async with opened(cluster.url(), tmp_path) as journal:
        for node in cluster.nodes:
            node.ask("CLUSTER", "DELSLOTS", slot)
        with pytest.raises(JournalError, match="the cluster is down"):
            check_journal(cluster.url(), data=tmp_path, durability=Durability.RELAXED)
        await until_well(journal, is_well=False)
        target.ask("CLUSTER", "ADDSLOTS", slot)
        await until_well(journal)
