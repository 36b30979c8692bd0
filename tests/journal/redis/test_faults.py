"""Faults of a Redis that is in use: nothing accepted is lost or doubled, and senders are told."""

import shutil
import signal
import socket
from pathlib import Path

import pytest
import trio
import trio.lowlevel

from tests.conftest import PATIENCE_S
from tests.journal.redis.opened import HASTY, node_of, opened, said, speak, texts, until_more, until_well
from tests.redis_server import RedisServer
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.session_record import SessionRecord
from trio_chat.journal import JournalError, UnavailableError
from trio_chat.journal.redis.address import HostPort, read_address
from trio_chat.journal.redis.connection import ConnectionSettings, connect
from trio_chat.journal.redis.errors import IN_DOUBT, NotConnectedError
from trio_chat.journal.redis.journal import RedisJournal
from trio_chat.journal.redis.link import RedisLink

SENDERS = 8


async def test_m9_redis_is_killed_and_started_again_under_load(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept: list[str] = []
    heard: list[str] = []

    async def listen(journal: RedisJournal) -> None:
        async for entries in journal.follow():
            heard.extend(entry.draft.text for entry in entries)

    async with trio.open_nursery() as nursery, opened(server, tmp_path) as journal:
        nursery.start_soon(listen, journal)
        scope = trio.CancelScope()
        async with trio.open_nursery() as senders:
            for sender in range(SENDERS):
                senders.start_soon(speak, journal, sender, kept, scope)
            for _ in range(3):
                await until_more(kept)
                server.kill()
                await trio.to_thread.run_sync(server.start)
            scope.cancel()
        stored = await texts(journal)

    assert sorted(stored) == sorted(kept)  # nothing is lost, and nothing is there twice
    assert heard == stored
    assert caplog.text.count("the journal is well again") <= 3  # health does not come and go meanwhile
    for sender in range(SENDERS):
        lines = [text for text in stored if text.startswith(f"{sender}.")]
        assert lines == [f"{sender}.{number}" for number in range(len(lines))]


async def test_m9_health_is_red_while_redis_is_down_though_nobody_speaks(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        server.kill()
        await until_well(journal, is_well=False)
        assert journal.fault
        assert "Redis" in journal.fault

        await trio.to_thread.run_sync(server.start)
        await until_well(journal)
        await journal.post(said("back")).kept()

        assert await texts(journal) == ["back"]


async def test_m9_a_line_waits_for_redis_also_where_it_was_missed_before_anybody_spoke(
    server: RedisServer, tmp_path: Path
) -> None:
    async with opened(server, tmp_path) as journal:
        server.kill()
        await until_well(journal, is_well=False)

        receipt = journal.post(said("as it came back"))
        await trio.to_thread.run_sync(server.start)
        await receipt.kept()

        assert await texts(journal) == ["as it came back"]


async def test_m9_all_who_wait_for_a_connection_share_one_attempt() -> None:
    refusals: list[JournalError] = []

    async def ask(link: RedisLink) -> None:
        with pytest.raises(NotConnectedError) as raised:
            await link.ask(b"PING")
        refusals.append(raised.value)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = read_address(f"//127.0.0.1:{silent.getsockname()[1]}/0")
        async with trio.open_nursery() as nursery:
            link = RedisLink(address, HASTY)
            await nursery.start(link.run)
            async with trio.open_nursery() as askers:
                for _ in range(20):
                    askers.start_soon(ask, link)
            nursery.cancel_scope.cancel()
        silent.setblocking(False)
        silent.accept()[0].close()

        with pytest.raises(BlockingIOError):
            silent.accept()
    assert len(refusals) == 20


async def test_m9_a_long_script_of_another_program_is_waited_for(tmp_path: Path) -> None:
    with RedisServer(tmp_path, busy_reply_threshold="50") as server:
        async with opened(server, tmp_path) as journal:
            endless = socket.create_connection(("127.0.0.1", server.port))
            endless.sendall(b"EVAL 'while true do end' 0\r\n")
            await until_well(journal, is_well=False)
            assert journal.fault
            assert "SCRIPT KILL" in journal.fault
            with pytest.raises(UnavailableError):
                await journal.read("lobby", limit=1)
            receipt = journal.post(said("later"))

            server.ask("SCRIPT", "KILL")
            await receipt.kept()
            endless.close()

            assert await texts(journal) == ["later"]


async def test_m9_senders_are_told_while_redis_is_down(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path, HASTY) as journal:
        server.kill()

        for _ in range(2):
            with pytest.raises(JournalError, match="Redis"):
                await journal.post(said("lost")).kept()

        await trio.to_thread.run_sync(server.start)
        await until_well(journal)
        assert await texts(journal) == []


async def test_m9_while_redis_is_paused_a_sender_is_told_that_nobody_knows(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path, HASTY) as journal:
        await journal.post(said("before")).kept()
        server.signal(signal.SIGSTOP)
        with pytest.raises(JournalError, match=IN_DOUBT):
            await journal.post(said("in doubt", key="k")).kept()

        server.signal(signal.SIGCONT)
        await until_well(journal)
        receipt = journal.post(said("in doubt", key="k"))  # as our client does
        await receipt.kept()
        await journal.post(said("after")).kept()

        assert await texts(journal) == ["before", "in doubt", "after"]


async def test_m9_what_redis_kept_though_it_did_not_answer_is_taken_for_kept(
    server: RedisServer, tmp_path: Path
) -> None:
    told = SessionRecord("owner", "frames", "alice", "alice", ("lobby",))
    async with opened(server, tmp_path, HASTY) as journal:
        server.signal(signal.SIGSTOP)
        with pytest.raises(JournalError, match=IN_DOUBT):
            await journal.post(Draft("lobby", Kind.JOINED, "alice"), sessions=[told]).kept()
        server.signal(signal.SIGCONT)
        await until_well(journal)

        await journal.post(said("hello")).kept()

        entries = [it for it in await journal.read("lobby", limit=9) if isinstance(it, Entry)]
        assert [entry.draft.kind for entry in entries] == [Kind.JOINED, Kind.SAID]  # told once
        assert await journal.read_sessions() == [told]


async def test_m9_a_redis_without_memory_refuses_whole_batches(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        server.ask("CONFIG", "SET", "maxmemory", "1")

        with pytest.raises(JournalError, match=r"^the memory of Redis is full$"):
            await journal.post(said("a"), said("b")).kept()
        assert journal.fault
        assert await texts(journal) == []  # it can still be read

        server.ask("CONFIG", "SET", "maxmemory", "0")
        await until_well(journal)
        await journal.post(said("c")).kept()
        assert await texts(journal) == ["c"]


async def test_all_sessions_are_restored_in_a_flushed_redis_however_many(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_chat.journal.redis.writer.RESTORED_AT_ONCE", 2)
    records = [SessionRecord(f"owner{number}", "frames", "alice", "", ("lobby",)) for number in range(5)]
    async with opened(server, tmp_path) as journal:
        await journal.post(said("a"), sessions=records).kept()

        server.ask("FLUSHALL")
        await journal.post(said("b")).kept()

        assert await journal.read_sessions() == records


async def test_m9_a_flushed_redis_gives_the_chat_a_new_epoch_and_no_id_twice(
    server: RedisServer, tmp_path: Path
) -> None:
    record = SessionRecord("owner", "frames", "alice", "alice", ("lobby",))
    async with opened(server, tmp_path) as journal:
        following = journal.follow()
        await journal.post(said("a"), said("b"), sessions=[record]).kept()
        await anext(following)
        epoch = journal.epoch

        server.ask("FLUSHALL")
        await journal.post(said("c")).kept()

        assert journal.epoch != epoch
        [entry] = await anext(following)
        assert entry.id > 2
        assert entry.draft.text == "c"
        assert await texts(journal) == ["c"]
        assert await journal.read_sessions() == [record]


async def test_m9_a_redis_restored_from_a_backup_gives_no_id_twice(server: RedisServer, tmp_path: Path) -> None:
    files, backup = server.folder / "appendonlydir", tmp_path / "backup"
    async with opened(server, tmp_path) as journal:
        await journal.post(said("a")).kept()
        shutil.copytree(files, backup)
        await journal.post(said("b")).kept()
        epoch = journal.epoch

        server.kill()
        shutil.rmtree(files)
        shutil.copytree(backup, files)
        await trio.to_thread.run_sync(server.start)
        await journal.post(said("c")).kept()

        assert journal.epoch != epoch
        assert await texts(journal) == ["a", "c"]
        assert journal.last_id > 2


async def test_m9_a_redis_that_became_a_replica_is_named_as_one(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        server.ask("REPLICAOF", "127.0.0.1", "1")

        with pytest.raises(JournalError, match="is a replica"):
            await journal.post(said("a")).kept()

        server.ask("REPLICAOF", "NO", "ONE")
        await until_well(journal)
        await journal.post(said("b")).kept()
        assert await texts(journal) == ["b"]


async def test_a_server_of_an_earlier_claim_cannot_write(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        await journal.post(said("a")).kept()
        server.ask("HINCRBY", f"{{trio-chat}}:node:{node_of(tmp_path)}", "fence", "1")  # as another process does

        await journal.post(said("b")).kept()  # by a new claim, once

        assert await texts(journal) == ["a", "b"]


async def test_after_a_loss_as_many_entries_are_kept_as_before(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        for text in "abc":
            await journal.post(said(text)).kept()
        server.ask("XDEL", "{trio-chat}:s:lobby", "3-0")  # the newest entry is lost
        await journal.prune(more_than=3)
        server.ask("HINCRBY", f"{{trio-chat}}:node:{node_of(tmp_path)}", "fence", "1")  # a new claim finds out
        await journal.post(said("d")).kept()

        assert journal.last_id > 1000
        await journal.prune(more_than=3)
        assert await texts(journal) == ["b", "d"]


async def test_one_node_prunes_at_a_time(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path / "one") as one, opened(server, tmp_path / "two") as two:
        await one.post(said("a"), said("b")).kept()
        server.ask("SET", "{trio-chat}:pruning", node_of(tmp_path / "one"))

        await two.prune(more_than=1)
        assert await texts(two) == ["a", "b"]
        await one.prune(more_than=1)
        assert await texts(two) == ["b"]

        with trio.fail_after(PATIENCE_S):
            while two.pruned_to == 0:  # it learns of that with its lease  # noqa: ASYNC110
                await trio.sleep(0.01)


async def test_a_connection_that_is_begun_while_the_journal_closes_is_cancelled_like_all_else() -> None:
    async with trio.open_nursery() as closed:
        pass

    with trio.CancelScope() as closing:
        closing.cancel()
        await connect(closed, HostPort("127.0.0.1", 1), ConnectionSettings(None, None, 0, None, connect_s=1))

    assert closing.cancelled_caught
