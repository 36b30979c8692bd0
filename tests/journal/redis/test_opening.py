"""Opening a chat in Redis: what is refused, each in a sentence, and who waits."""

import builtins
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.conftest import PATIENCE_S
from tests.journal.redis.opened import HASTY, node_of, opened, said, texts
from tests.redis_server import RedisServer
from trio_chat.journal import Durability, JournalError, check_journal, open_history, open_journal
from trio_chat.journal.redis.address import read_address
from trio_chat.journal.redis.journal import open_redis
from trio_chat.journal.redis.opening import KEPT_ALWAYS, KEPT_ALWAYS_STATED, KEPT_LATER, RELAXED_UNKNOWN, check_server

EVERYSEC = {"appendfsync": "everysec"}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (EVERYSEC, "a power cut of Redis can lose .* set `appendonly yes` and `appendfsync always`, or .* relaxed"),
        ({"appendonly": "no"}, "Redis has no file, .* or accept that with --journal-durability relaxed"),
        ({"maxmemory-policy": "allkeys-lru"}, "set `maxmemory-policy noeviction`, not allkeys-lru"),
        ({"requirepass": "secret"}, "Redis refuses the password"),
        ({"replicaof": "127.0.0.1 1"}, "this Redis is a replica"),
    ],
    ids=lambda it: next(iter(it)) if isinstance(it, Mapping) else "",
)
async def test_a_redis_that_cannot_keep_what_it_is_given_is_refused(
    tmp_path: Path, settings: Mapping[str, str], reason: str
) -> None:
    with RedisServer(tmp_path, **settings) as server:
        sentence = f"^cannot use the journal redis://127.0.0.1:{server.port}/0: .*{reason}"
        with pytest.raises(JournalError, match=sentence):
            async with opened(server, tmp_path):
                pass
        with pytest.raises(JournalError, match=sentence):
            check_journal(server.url, data=tmp_path)


async def test_a_promise_that_is_less_holds_where_it_was_asked_for(tmp_path: Path) -> None:
    with RedisServer(tmp_path, **EVERYSEC) as server:
        async with open_journal(server.url, data=tmp_path, durability=Durability.RELAXED) as journal:
            assert journal.promise == KEPT_LATER


async def test_a_redis_that_hides_its_settings_is_used_on_the_operators_word(
    server: RedisServer, tmp_path: Path
) -> None:
    server.ask("ACL", "SETUSER", "chat", "on", ">secret", "~*", "+@all", "-config")
    url = server.url.replace("//", "//chat:secret@")

    with pytest.raises(JournalError, match=r"does not let its settings be read .*--journal-durability assured"):
        async with open_journal(url, data=tmp_path):
            pass
    for durability, promise in ((Durability.ASSURED, KEPT_ALWAYS_STATED), (Durability.RELAXED, RELAXED_UNKNOWN)):
        async with open_journal(url, data=tmp_path, durability=durability) as journal:
            assert journal.promise == promise
    async with opened(server, tmp_path) as journal:
        assert journal.promise == KEPT_ALWAYS


@pytest.mark.parametrize("version", ["6.2.14", "", "x"])
def test_an_old_redis_is_refused(version: str) -> None:
    with pytest.raises(JournalError, match=r"version 7.0 or later is needed"):
        check_server({"redis_version": version, "role": "master"})


async def test_m9_a_server_waits_for_a_redis_that_is_down(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.kill()

    async def open_and_speak() -> None:
        async with opened(server, tmp_path) as journal:
            await journal.post(said("hello")).kept()
            assert await texts(journal) == ["hello"]

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(open_and_speak)
            while "waiting for the journal" not in caplog.text:  # noqa: ASYNC110
                await trio.sleep(0.01)
            await trio.to_thread.run_sync(server.start)


async def test_a_server_that_is_stopped_waits_no_longer(server: RedisServer, tmp_path: Path) -> None:
    server.kill()
    address = read_address(server.url.removeprefix("redis:"))

    with trio.fail_after(PATIENCE_S), pytest.raises(JournalError, match="Redis cannot be reached"):
        async with open_redis(address, tmp_path, close_by=lambda: 0.0, times=HASTY):
            pass


async def test_a_data_folder_is_of_one_node(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path):
        with pytest.raises(JournalError, match="another server uses the data folder"):
            async with opened(server, tmp_path):
                pass


async def test_of_two_servers_with_one_name_the_second_is_refused(server: RedisServer, tmp_path: Path) -> None:
    named = f"{server.url}?node=one"
    async with open_journal(named, data=tmp_path / "a"):
        with pytest.raises(JournalError, match=r"^another server is the node one of .* \?node=NAME, or wait \d+ s"):
            async with open_journal(named, data=tmp_path / "b"):
                pass
        async with open_journal(f"{server.url}?node=two", data=tmp_path / "b"):
            pass

    async with open_journal(named, data=tmp_path / "b"):
        pass  # the first one has ended


async def test_a_server_that_was_killed_is_started_again_at_once(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        await journal.post(said("hello")).kept()
        name = "{trio-chat}:lease:" + node_of(tmp_path)
        lease = server.ask("GET", name)
    server.ask("SET", name, lease.split(b"\r\n")[1].decode(), "PX", "100000")  # it did not give it back

    async with opened(server, tmp_path) as journal:
        assert await texts(journal) == ["hello"]


async def test_what_was_kept_is_there_again_after_a_restart(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        await journal.post(said("a", key="k")).kept()
        epoch = journal.epoch

    async with opened(server, tmp_path) as journal:
        receipt = journal.post(said("a", key="k"))
        await receipt.kept()
        await journal.post(said("b")).kept()

        assert (journal.epoch, journal.last_id, await texts(journal)) == (epoch, 2, ["a", "b"])
    async with open_history(server.url, data=tmp_path) as history:
        assert (history.epoch, history.last_id) == (epoch, 2)


async def test_there_is_no_history_where_nobody_began_a_chat(server: RedisServer, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no chat 'trio-chat'"):
        async with open_history(server.url, data=tmp_path):
            pass


async def test_a_missing_package_is_named_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    really_import = builtins.__import__

    def refuse(name: str, *rest: Any, **named: Any) -> Any:
        if name == "coredis":
            raise ImportError(name)
        return really_import(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)

    with pytest.raises(JournalError, match=r"pip install 'trio-chat\[redis\]'"):
        async with open_journal("redis://localhost:6379/0", data=tmp_path):
            pass
