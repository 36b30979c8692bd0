"""A Redis that sentinels watch: whoever is the primary by then has the chat."""

import signal
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.lowlevel

from bench.faults.redis_way import RedisWay
from tests.conftest import PATIENCE_S
from tests.journal.redis.opened import said, speak, texts, until_more, until_well
from tests.ports import free_port
from tests.redis_replication import NAME, Sentinel, WatchedRedis, until, watched_redis
from tests.redis_server import RedisServer
from trio_chat.cli import run
from trio_chat.journal import Durability, JournalError, check_journal
from trio_chat.journal.redis.address import read_url
from trio_chat.journal.redis.journal import RedisJournal, open_redis
from trio_chat.journal.redis.opening import KEPT_LATER
from trio_chat.journal.redis.times import RedisTimes

SENDERS = 8

ELECTING_MS = 1000
"""Sentinels take a primary for dead after this time. A busy machine may make them elect once more."""

TIMES = RedisTimes(answer_s=0.5, patience_s=PATIENCE_S, retry_s=0.02, block_s=0.2, renew_s=0.1, look_s=0.1)
"""Times in which nothing is given up, and a server that does not answer is left soon."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedRedis]:
    with watched_redis(tmp_path_factory.mktemp("watched")) as watched:
        yield watched


@pytest.fixture
def watched(shared: WatchedRedis) -> Iterator[WatchedRedis]:
    yield shared
    shared.settle()


def opened(
    url: str, data: Path, durability: Durability = Durability.STRICT
) -> AbstractAsyncContextManager[RedisJournal]:
    return open_redis(read_url(url), data, durability=durability, times=TIMES)


async def test_m9_nothing_is_lost_or_doubled_when_the_primary_is_killed_and_when_another_is_chosen(
    watched: WatchedRedis, tmp_path: Path
) -> None:
    kept: list[str] = []
    heard: dict[str, list[str]] = {"a": [], "b": []}

    async def listen(journal: RedisJournal, name: str) -> None:
        async for entries in journal.follow():
            heard[name].extend(entry.draft.text for entry in entries)

    url = watched.url("killed", "&replicas=2")
    async with (
        trio.open_nursery() as nursery,
        opened(url, tmp_path / "a") as one,
        opened(url, tmp_path / "b") as other,
    ):
        nursery.start_soon(listen, one, "a")
        nursery.start_soon(listen, other, "b")
        epoch, scope = one.epoch, trio.CancelScope()
        async with trio.open_nursery() as senders:
            for sender in range(SENDERS):
                senders.start_soon(speak, (one, other)[sender % 2], sender, kept, scope)
            await until_more(kept)
            watched.primary.kill()
            await trio.to_thread.run_sync(watched.fail_over)
            await trio.to_thread.run_sync(watched.settle)  # the former one comes back, and becomes a replica
            await until_more(kept)
            await trio.to_thread.run_sync(watched.fail_over)
            await trio.to_thread.run_sync(watched.settle)
            await until_more(kept)
            scope.cancel()
        with trio.fail_after(PATIENCE_S):
            while min(map(len, heard.values())) < len(kept):  # noqa: ASYNC110
                await trio.sleep(0.01)
        stored = await texts(one)  # by now it has read all that was kept by the other one
        assert (one.epoch, other.epoch) == (epoch, epoch)

    assert sorted(stored) == sorted(kept)
    assert heard["a"] == heard["b"] == stored


async def test_m9_nothing_is_lost_when_sentinels_elect_another_primary_by_themselves(tmp_path: Path) -> None:
    kept: list[str] = []
    with watched_redis(tmp_path / "elected", electing_ms=ELECTING_MS) as elected:
        former = elected.primary
        async with (
            opened(elected.url("elected", "&replicas=1"), tmp_path / "a") as journal,
            trio.open_nursery() as nursery,
        ):
            epoch, scope = journal.epoch, trio.CancelScope()
            for sender in range(SENDERS):
                nursery.start_soon(speak, journal, sender, kept, scope)
            await until_more(kept)
            former.kill()
            kept_before = len(kept)
            await until_more(kept)
            scope.cancel()
            with trio.fail_after(PATIENCE_S):
                await journal.settled()

        async with opened(elected.url("elected", "&replicas=1"), tmp_path / "b") as journal:
            assert sorted(await texts(journal)) == sorted(kept)
            assert journal.epoch == epoch
        assert elected.primary is not former
        assert 0 < kept_before < len(kept)


async def test_m9_a_node_that_cannot_reach_the_primary_alone_goes_to_no_replica(
    watched: WatchedRedis, nursery: trio.Nursery, tmp_path: Path
) -> None:
    hasty = replace(TIMES, patience_s=0.1)
    way = RedisWay(watched.primary.port)
    other_view = f"127.0.0.1:{await nursery.start(serve_view, watched.sentinel.port, watched.primary.port, way.port)}"
    url = watched.url("parted", "&replicas=1")
    with closing(way):
        async with (
            open_redis(read_url(url.replace(watched.hosts, other_view)), tmp_path / "a", times=hasty) as one,
            opened(url, tmp_path / "b") as other,
        ):
            await one.post(said("before")).kept()
            way.cut()
            with pytest.raises(JournalError):
                await one.post(said("in doubt", key="k")).kept()
            await until_well(one, is_well=False)
            await other.post(said("meanwhile")).kept()
            assert await texts(other) == ["before", "meanwhile"]

            way.mend()
            await until_well(one)
            again = one.post(said("in doubt", key="k"))
            await again.kept()
            await one.post(said("after")).kept()

            await other.nodes.catch_up(one.last_id)
            assert sorted(await texts(one)) == ["after", "before", "in doubt", "meanwhile"]
            assert await texts(other) == await texts(one)
            assert one.epoch == other.epoch


async def serve_view(sentinel: int, primary: int, way: int, *, task_status: trio.TaskStatus[int]) -> None:
    """Serve what a sentinel says, but for another port of the primary. Reports `started` with its own port."""

    async def handle(near: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            async with near, await trio.open_tcp_stream("127.0.0.1", sentinel) as far, trio.open_nursery() as nursery:

                async def ask() -> None:
                    async for data in near:
                        await far.send_all(data)
                    nursery.cancel_scope.cancel()

                nursery.start_soon(ask)
                async for data in far:
                    named, other = (b"$%d\r\n%d\r\n" % (len(str(port)), port) for port in (primary, way))
                    await near.send_all(data.replace(named, other))
                nursery.cancel_scope.cancel()

    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    task_status.started(listener.socket.getsockname()[1])
    await trio.serve_listeners(handle, [listener])


async def test_m9_a_primary_that_hangs_is_left_with_all_connections(watched: WatchedRedis, tmp_path: Path) -> None:
    former = watched.primary
    async with opened(watched.url("hangs", "&replicas=1"), tmp_path) as journal:
        assert "and 1 of 2 replicas has them" in journal.promise
        await journal.post(said("before")).kept()
        former.signal(signal.SIGSTOP)
        try:
            await trio.to_thread.run_sync(watched.fail_over)
            with trio.fail_after(PATIENCE_S):
                await journal.post(said("after")).kept()
                assert await texts(journal) == ["before", "after"]
        finally:
            former.signal(signal.SIGCONT)

        await journal.post(said("at last")).kept()  # the former one takes itself for a primary as yet
        assert await texts(journal) == ["before", "after", "at last"]


async def test_a_primary_that_the_sentinels_have_replaced_is_left_though_it_answers(
    watched: WatchedRedis, tmp_path: Path
) -> None:
    former, room = watched.primary, "{replaced}:s:lobby"
    async with opened(watched.url("replaced"), tmp_path, Durability.RELAXED) as journal:
        await trio.to_thread.run_sync(watched.fail_over)
        while b"hello" not in watched.primary.ask("XRANGE", room, "-", "+"):
            await journal.post(said("hello")).kept()

        assert b"role:master" in former.ask("INFO", "replication")


async def test_a_primary_that_promises_less_than_the_one_before_is_told_of(
    watched: WatchedRedis, tmp_path: Path
) -> None:
    replicas = watched.replicas
    async with opened(watched.url("less", "&replicas=2"), tmp_path) as journal:
        assert KEPT_LATER not in journal.promise
        for replica in replicas:
            replica.ask("CONFIG", "SET", "appendfsync", "everysec")
        await trio.to_thread.run_sync(watched.fail_over)
        await trio.to_thread.run_sync(watched.settle)

        with trio.fail_after(PATIENCE_S):
            while KEPT_LATER not in journal.promise:  # noqa: ASYNC110
                await trio.sleep(0.01)
    for replica in replicas:
        replica.ask("CONFIG", "SET", "appendfsync", "always")


async def test_m9_a_failover_that_lost_the_end_changes_the_epoch_and_gives_no_id_twice(
    watched: WatchedRedis, tmp_path: Path
) -> None:
    async with opened(watched.url("lost"), tmp_path, Durability.RELAXED) as journal:
        following = journal.follow()
        await journal.post(said("everywhere")).kept()
        await trio.to_thread.run_sync(
            until, lambda: all(b"everywhere" in it.ask("XRANGE", "{lost}:s:lobby", "-", "+") for it in watched.replicas)
        )
        epoch, nowhere = journal.epoch, free_port()
        for replica in watched.replicas:
            replica.ask("REPLICAOF", "127.0.0.1", str(nowhere))
        await journal.post(said("lost")).kept()

        watched.primary.kill()
        await trio.to_thread.run_sync(watched.fail_over)
        await journal.post(said("on the other")).kept()

        assert journal.epoch != epoch
        assert await texts(journal) == ["everywhere", "on the other"]
        heard = [*await anext(following)]
        while len(heard) < 3:
            heard.extend(await anext(following))
        assert [it.draft.text for it in heard] == ["everywhere", "lost", "on the other"]
        assert heard[2].id > heard[1].id == 2
        assert "can lose the last" in journal.promise


async def test_of_two_sentinels_the_one_is_believed_that_knows_of_more_failovers(
    watched: WatchedRedis, late: Sentinel, tmp_path: Path
) -> None:
    watched.fail_over()
    with late:  # it was cut off, and knows a former primary
        url = watched.url("late").replace("//", f"//127.0.0.1:{late.port},")
        async with opened(url, tmp_path, Durability.RELAXED) as journal:
            await journal.post(said("hello")).kept()

    assert b"hello" in watched.primary.ask("XRANGE", "{late}:s:lobby", "-", "+")


@pytest.fixture
def late(server: RedisServer, tmp_path: Path) -> Sentinel:
    """A sentinel that is not started yet, of another Redis: that of `watched` would count it as one more."""
    return Sentinel(tmp_path / "late", server.port, quorum=1)


def test_m9_without_a_sentinel_that_works_or_knows_the_name_a_sentence_says_so(
    late: Sentinel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late.settings["requirepass"] = "secret"
    address = f"127.0.0.1:{late.port}"
    url = f"redis+sentinel://{address}/{NAME}?sentinel_password=secret"
    with late:
        for wrong, sentence in {
            f"redis+sentinel://127.0.0.1:{free_port()}/{NAME}": "no sentinel can be reached",
            url.replace(NAME, "other"): f"the sentinel {address} knows no primary of the name 'other'",
            url.replace("=secret", "=wrong-one"): f"the sentinel {address} refuses the password: give that",
            url.partition("?")[0]: f"the sentinel {address} refuses the password: give that of the sentinels with",
        }.items():
            with pytest.raises(JournalError, match=sentence):
                check_journal(wrong, data=tmp_path, durability=Durability.RELAXED)
            command = ["check-config", "--quiet", "--data", str(tmp_path), "--journal-durability", "relaxed"]
            assert run([*command, "--journal", wrong]) == 1
            said_so = capsys.readouterr().err
            assert sentence in said_so
            assert "wrong-one" not in said_so
        with pytest.raises(
            JournalError, match=r"can lose the last .* wait for a replica with [?]replicas=1, or accept"
        ):
            check_journal(url, data=tmp_path)
        check_journal(url, data=tmp_path, durability=Durability.RELAXED)


def test_what_is_a_sentinel_and_what_is_none_is_told_apart(late: Sentinel, server: RedisServer, tmp_path: Path) -> None:
    with late:
        for url, sentence in {
            f"redis+sentinel://127.0.0.1:{server.port}/{NAME}": f"the sentinel 127.0.0.1:{server.port}: Redis refuses",
            late.url: "this is a sentinel: name it with redis[+]sentinel://",
        }.items():
            with pytest.raises(JournalError, match=sentence):
                check_journal(url, data=tmp_path, durability=Durability.RELAXED)


def test_a_replica_that_sentinels_take_for_the_primary_is_not_used(
    late: Sentinel, server: RedisServer, tmp_path: Path
) -> None:
    server.ask("REPLICAOF", "127.0.0.1", "1")
    url = f"redis+sentinel://127.0.0.1:{late.port}/{NAME}"

    with late, pytest.raises(JournalError, match=f"127.0.0.1:{server.port}, which the sentinels name, is a replica"):
        check_journal(url, data=tmp_path, durability=Durability.RELAXED)


async def test_a_server_does_not_start_where_the_sentinels_do_not_know_the_name(
    watched: WatchedRedis, tmp_path: Path
) -> None:
    url = watched.url("x").replace(NAME, "other")

    with pytest.raises(JournalError, match=r"^cannot use the journal redis[+]sentinel://127.* no primary of the name"):
        async with opened(url, tmp_path):
            pass


async def test_m9_a_server_waits_for_the_first_sentinel(
    late: Sentinel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"redis+sentinel://127.0.0.1:{late.port}/{NAME}"

    async def open_and_speak() -> None:
        async with opened(url, tmp_path, Durability.RELAXED) as journal:
            await journal.post(said("hello")).kept()
            late.kill()
            await journal.post(said("still")).kept()  # to the primary, which nobody has replaced
            assert await texts(journal) == ["hello", "still"]

    with ExitStack() as stack, trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(open_and_speak)
            while "no sentinel can be reached" not in caplog.text:  # noqa: ASYNC110
                await trio.sleep(0.01)
            await trio.to_thread.run_sync(stack.enter_context, late)
