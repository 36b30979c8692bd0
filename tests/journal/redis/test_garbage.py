"""Garbage in each key of a lively chat: it ends no node, holds no loop, is named, and all is well once it is gone."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.conftest import PATIENCE_S
from tests.journal.redis.opened import said
from tests.journal.redis.recording_delegate import RecordingDelegate
from tests.loop_watch import watching
from tests.redis_server import RedisServer
from trio_chat.chat.client import Client
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import NoOutlet
from trio_chat.chat.removal import notice_of
from trio_chat.chat.session_record import SessionRecord
from trio_chat.journal import (
    AccountRecord,
    AuditRecord,
    BanRecord,
    HookRecord,
    InviteRecord,
    JournalError,
    MarkRecord,
    MemoryRecord,
    MuteRecord,
)
from trio_chat.journal.durability import Durability
from trio_chat.journal.redis.address import read_address
from trio_chat.journal.redis.journal import RedisJournal, open_redis
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.scripts import script
from trio_chat.journal.redis.times import RedisTimes

FAST = RedisTimes(
    patience_s=0.1, retry_s=0.02, block_s=0.2, renew_s=0.05, watch_s=0.03, tell_s=0.01, lease_s=PATIENCE_S
)

MANY = 10_000_000

FLOOD = 200
"""Far more lines than a log gets of any of this: each record of a table that cannot be read is named anew."""

GARBAGE: Sequence[bytes] = (
    b"",
    b"x",
    b"-1",
    b"1.5",
    b"inf",
    b"9" * 30,
    b"\xff\xfe",
    b"{}",
    b'{"id": 7, "rooms": "x", "owner": 1}',
    b'{"x": ' + b"[" * 20_000,
    b"[" + b'"",' * (MANY // 3) + b'""]',
)

STREAMS_WITH_WORDS = {"log": b"e", "signals": b"nkid", "order": b"rt", "audit": b"d"}


def client(journal: RedisJournal, nick: str) -> Client:
    made = Client(journal.nodes.new_client_id(), "192.0.2.1", 1, mode=Mode.FRAMES, outlet=NoOutlet())
    made.nick = made.label = nick
    made.session = nick * 32
    return made


async def enliven(one: RedisJournal, two: RedisJournal) -> None:
    """Do what people and operators do, so that all keys are there."""
    for journal, nick in ((one, "a"), (two, "b")):
        record = SessionRecord(nick * 32, "frames", nick, nick, ("lobby",), "192.0.2.1")
        assert await journal.nodes.claim_nick(record.owner, nick)
        await journal.post(Draft("lobby", Kind.JOINED, nick), sessions=[record]).kept()
        await journal.post(said("hello", key=nick), said("there", key=nick * 2)).kept()
        journal.nodes.publish(client(journal, nick))
    assert await two.nodes.take_session("a" * 32)
    await one.post(Draft("lobby", Kind.TOPIC, "a", "old")).kept()
    await one.prune(more_than=3)
    await one.post(Draft("lobby", Kind.TOPIC, "a", "new")).kept()
    await one.post(Draft("@a1", Kind.TOLD, "b", "psst", "a", to_account="a1")).kept()
    entry = (await one.read("lobby", limit=2))[0]
    assert isinstance(entry, Entry)
    await one.post(notice_of(entry)).kept()
    await one.keep_account(AccountRecord("a1", "ann", "ann", 1.0, 1.0, "own"))
    await one.keep_memories(
        [MemoryRecord("a1", ("lobby",), (), (MarkRecord("lobby", 1, 1.0), MarkRecord("@", 1, 1.0)))]
    )
    await one.keep_invite(InviteRecord("d", "", 3, "console", 1.0, 2.0))
    await one.add_ban(BanRecord("10.0.0.0/8", "spam", "console", 2.0))
    await one.add_mute(MuteRecord(1, "alice", "10.0.0.1/32", "s" * 32, "a b", "", "console", 1.0))
    await one.add_hook(HookRecord("deploy", "ops", "0" * 64, "console", 2.0))
    await one.record_audit(AuditRecord(1.0, "console", "ban", "10.0.0.0/8"))


async def use(journal: RedisJournal, line: str) -> list[str]:
    """Call whatever a server calls. Returns the sentences of the errors."""
    record = SessionRecord("d" * 32, "frames", "d", "d", ("lobby",), "192.0.2.1")

    async def take_session() -> None:
        with trio.move_on_after(0.1):  # it waits until it is known whether another node has that
            await journal.nodes.take_session("c" * 32)

    calls: Sequence[Callable[[], Awaitable[object]]] = (
        lambda: journal.read("lobby", limit=50),
        lambda: journal.read("lobby", limit=50, after=1),
        lambda: journal.read(None, limit=50),
        journal.rooms,
        lambda: journal.find("s" * 32, "a"),
        lambda: journal.first_id_since(1.0),
        lambda: journal.pruned_in("lobby"),
        lambda: journal.search(["lobby"], "hello", limit=9),
        lambda: journal.conversation("@a1", name="b", limit=9),
        journal.read_names,
        journal.read_invites,
        lambda: journal.read_memory("a1"),
        lambda: journal.count_waiting(per_account=9, most=9),
        lambda: journal.read_audit(9),
        journal.read_bans,
        journal.read_mutes,
        journal.read_hooks,
        journal.read_sessions,
        lambda: journal.record_audit(AuditRecord(1.0, "console", "ban", "x")),
        lambda: journal.add_ban(BanRecord("192.0.2.0/24", "", "console", 2.0)),
        lambda: journal.keep_account(AccountRecord("a1", "ann", "ann", 1.0, 2.0, "own")),
        lambda: journal.nodes.claim_nick("a" * 32, "a"),
        lambda: journal.prune(more_than=1000),
        lambda: journal.post(said(line, key=line)).kept(),
        lambda: journal.post(Draft("lobby", Kind.TOPIC, "a", line)).kept(),
        take_session,
        lambda: journal.post(said(line), sessions=[record]).kept(),
    )
    refused: list[str] = []

    async def call(one: Callable[[], Awaitable[object]]) -> None:
        try:
            await one()
        except JournalError as error:
            refused.append(str(error))

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            for one in calls:
                nursery.start_soon(call, one)
    journal.nodes.tell_change("bans")
    journal.nodes.publish(client(journal, "d"))
    journal.nodes.begin_again(was_adopted=False, has_lost=False)
    return refused


class Nodes:
    """Two nodes of one chat, and a link of the test's own."""

    def __init__(self, link: RedisLink, journals: Sequence[RedisJournal], done: Counter[tuple[int, str]]) -> None:
        self.link, self.journals, self._done = link, journals, done
        self.heard: tuple[list[str], list[str]] = ([], [])
        self._lines = 0

    def so_far(self) -> Counter[tuple[int, str]]:
        """Return how often each link has asked what."""
        return self._done.copy()

    async def until_looked(self, since: Counter[tuple[int, str]]) -> None:
        """Return once each node has renewed its lease, read of others, told of itself and looked for the dead."""
        with trio.fail_after(PATIENCE_S):
            for journal in self.journals:
                reads, writes = id(journal._reads), id(journal._writer._link)
                for alternatives in (
                    ((reads, "SMEMBERS"), (id(journal.nodes._reader._link), "XREVRANGE")),
                    ((reads, "signal"), (writes, "open")),
                    ((reads, "watch"),),
                    ((writes, "renew"), (writes, "open")),
                ):
                    while not any(self._done[one] > since[one] for one in alternatives):  # noqa: ASYNC110
                        await trio.sleep(0.005)

    async def until_well(self) -> None:
        """Return once all hear what each says."""
        with trio.fail_after(PATIENCE_S):
            for journal in self.journals:
                self._lines += 1
                line = f"line {self._lines}"
                while True:
                    try:
                        await journal.post(said(line, key=line)).kept()
                        break
                    except JournalError:
                        await trio.sleep(0.01)
                for heard in self.heard:
                    while line not in heard:  # noqa: ASYNC110
                        await trio.sleep(0.005)
            while any(it.fault for it in self.journals):  # noqa: ASYNC110
                await trio.sleep(0.005)

    async def keys(self) -> list[tuple[bytes, bytes]]:
        """Return all keys of the chat with their types, one of each kind."""
        names = {name.split(b":")[1]: name for name in await self.link.ask(b"KEYS", "*")}
        return [(name, await self.link.ask(b"TYPE", name)) for name in sorted(names.values())]


@asynccontextmanager
async def two_nodes(server: RedisServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Nodes]:
    done: Counter[tuple[int, str]] = Counter()
    really_ask = RedisLink._ask
    names = {script(name).digest: name for name in ("watch", "renew", "open", "signal")}

    async def ask(self: RedisLink, command: bytes, *arguments: Any, **named: Any) -> Any:
        try:
            return await really_ask(self, command, *arguments, **named)
        finally:
            done[id(self), names.get(arguments[0], command.decode())] += 1

    monkeypatch.setattr(RedisLink, "_ask", ask)
    journals: list[RedisJournal] = []
    is_over = trio.Event()

    async def run(name: str, *, task_status: trio.TaskStatus[None]) -> None:
        address = read_address(f"{server.url.removeprefix('redis:')}?node={name}")
        async with open_redis(address, folder / name, durability=Durability.RELAXED, times=FAST) as journal:
            journal.nodes.attach(RecordingDelegate())
            journals.append(journal)
            task_status.started()
            await is_over.wait()

    async def listen(journal: RedisJournal, heard: list[str]) -> None:
        async for entries in journal.follow():
            heard += [it.draft.text for it in entries]

    async with trio.open_nursery() as nursery, trio.open_nursery() as listening:
        for name in ("one", "two"):
            await nursery.start(run, name)
        link = RedisLink(journals[0].address)
        await listening.start(link.run)
        nodes = Nodes(link, journals, done)
        for journal, heard in zip(journals, nodes.heard, strict=True):
            listening.start_soon(listen, journal, heard)
        with watching(nursery):
            yield nodes
        is_over.set()
        listening.cancel_scope.cancel()


async def replace_key(link: RedisLink, name: bytes, kind: bytes) -> None:
    """Put something of another type in the place of a key."""
    await link.ask(b"DEL", name)
    if kind == b"string":
        await link.ask(b"RPUSH", name, "x")
    else:
        await link.ask(b"SET", name, "x")


async def fill_key(link: RedisLink, name: bytes, kind: bytes, garbage: Sequence[bytes] = GARBAGE) -> None:
    """Add garbage to a key of the type that it has."""
    if kind == b"string":
        await link.ask(b"SET", name, garbage[-1])
    elif kind == b"hash":
        fields = await link.ask(b"HKEYS", name)
        for number, field in enumerate((*fields, *(b"%d" % number for number in range(len(garbage))))):
            await link.ask(b"HSET", name, field, garbage[number % len(garbage)])
        await link.ask(b"HSET", name, b"\xff\x1b[2J", b"x", b"x" * 2000, b"1")
    elif kind == b"set":
        await link.ask(b"SADD", name, *garbage[:-1])
    elif kind == b"zset":
        for number, value in enumerate(garbage):
            score = (b"1", b"2.5", b"inf", b"-inf")[number % 4]
            await link.ask(b"ZADD", name, score, value + score)
    else:
        words = STREAMS_WITH_WORDS.get(name.partition(b":")[2].decode(), b"td")
        for number, value in enumerate(garbage):
            fields = [
                word
                for at, letter in enumerate(words)
                for word in (bytes([letter]), value if at == number % len(words) else garbage[1])
            ]
            await link.ask(b"EVAL", NEXT, 1, name, *fields)


NEXT = """
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local number = tonumber(string.match(newest[1], '^%d+')) + 1
return redis.call('XADD', KEYS[1], string.format('%.0f', number) .. '-0', unpack(ARGV))
"""


async def restore(link: RedisLink, name: bytes, dump: bytes) -> None:
    await link.ask(b"RESTORE", name, 0, dump, "REPLACE")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    with RedisServer(folder, appendonly="no") as server:  # garbage is large, and need not survive
        yield server


ONCE_WRITTEN = ("k", "lease")
"""Keys whose next writer puts them right."""


@pytest.mark.slow
async def test_m9_garbage_in_any_key_ends_no_node_and_is_named(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with two_nodes(server, tmp_path, monkeypatch) as nodes:
        await enliven(*nodes.journals)
        await nodes.until_well()
        for name, kind in await nodes.keys():
            dump, kind_of_key = await nodes.link.ask(b"DUMP", name), name.decode().split(":")[1]
            for spoil in (replace_key, fill_key):
                caplog.clear()
                await spoil(nodes.link, name, kind)
                since = nodes.so_far()
                refused = [await use(journal, f"{kind_of_key} {spoil}{journal}") for journal in nodes.journals]
                await nodes.until_looked(since)
                told = "\n".join((*refused[0], *refused[1], caplog.text))
                await restore(nodes.link, name, dump)
                await nodes.until_well()

                assert len(caplog.records) < FLOOD
                if spoil is replace_key and kind_of_key not in ONCE_WRITTEN:
                    assert "was replaced by something else: " in told, name
                    assert kind_of_key in told or "the entries of a room" in told, (name, told)


@pytest.mark.parametrize("value", [b"x", b"1.5", b"\xff" * 70_000])
async def test_m9_a_number_that_is_none_is_named(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: bytes
) -> None:
    async with two_nodes(server, tmp_path, monkeypatch) as nodes:
        await enliven(*nodes.journals)
        name = b"{trio-chat}:meta"
        for field in await nodes.link.ask(b"HKEYS", name):
            caplog.clear()
            former = await nodes.link.ask(b"HGET", name, field)
            await nodes.link.ask(b"HSET", name, field, value)
            since = nodes.so_far()
            refused = [await use(journal, f"{field!r}{journal}") for journal in nodes.journals]
            await nodes.until_looked(since)
            told = "\n".join((*refused[0], *refused[1], caplog.text))
            if field in (b"last_id", b"pruned_to"):
                assert f"the field {field.decode()} of meta in Redis is damaged" in told
            if field not in (b"audit", b"signals"):  # the next writer puts these right
                await nodes.link.ask(b"HSET", name, field, former)
            await nodes.until_well()
