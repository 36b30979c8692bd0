"""Entries and records that somebody wrote into Redis by hand: they are checked like any input, and named."""

from base64 import b64encode
from pathlib import Path

import msgspec
import pytest

from tests.journal.redis.opened import node_of, opened, said, texts, until_well
from tests.redis_server import RedisServer
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.remote_clients import ClientFacts
from trio_chat.chat.removal import notice_of
from trio_chat.journal import AccountRecord, BanRecord, Damaged, JournalError, KeyRecord
from trio_chat.journal.redis.record_codec import NAMED_MAX, REASON_CHARS_MAX, RecordCodec
from trio_chat.journal.redis.rows import read_facts, to_entry, to_payload
from trio_chat.journal.redis.scripts import script

KEY = b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32)).decode()

DRAFT = Draft("ops", Kind.TOLD, "alice", "hi", to="bob", session="s", key="k", account="a1", to_account="a2")


@pytest.mark.parametrize("draft", [DRAFT, Draft("lobby", Kind.SAID, ""), Draft("", Kind.TOPIC, "a", "\0"), said("é")])
def test_an_entry_comes_back_as_it_was(draft: Draft) -> None:
    assert to_entry(7, draft.room.encode(), b"1500000", to_payload(draft)) == Entry(7, 1.5, draft)


@pytest.mark.parametrize(
    ("number", "room", "micros", "payload"),
    [
        (7, b"lobby", b"1500000", to_payload(DRAFT)),  # of another room
        (7, b"ops", b"x", to_payload(DRAFT)),
        (7, b"ops", b"-1", to_payload(DRAFT)),
        (7, b"ops", b"9" * 30, to_payload(DRAFT)),
        (0, b"ops", b"1500000", to_payload(DRAFT)),
        (7, b"\xff", b"1500000", to_payload(DRAFT)),
        (7, b"ops", b"1500000", to_payload(DRAFT).replace(b"hi", b"ho")),
        (7, b"ops", b"1500000", b""),
        (7, b"ops", b"1500000", b"[]"),
        (7, b"ops", b"1500000", b"[1]"),
        (7, b"ops", b"1500000", b'{"a": 1}'),
        (7, b"ops", b"1500000", b'[0, "said", 7]'),
        (7, b"ops", b"1500000", b"[" + b'"",' * 30 + b'""]'),
        (7, b"ops", b"1500000", b"\xff\xfe"),
    ],
)
def test_what_is_no_entry_is_damaged(number: int, room: bytes, micros: bytes, payload: bytes) -> None:
    assert to_entry(number, room, micros, payload) == Damaged(number)


async def test_an_entry_written_by_hand_keeps_its_place_and_is_named(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(server, tmp_path) as journal:
        await journal.post(said("a")).kept()
        server.ask("XADD", "{trio-chat}:s:lobby", "2-0", "d", "[0, \x1b[2J]")
        server.ask("XADD", "{trio-chat}:order", "2-0", "r", "slobby", "t", "x")
        server.ask("HSET", "{trio-chat}:meta", "last_id", "2")
        await journal.post(said("c")).kept()

        past = await journal.read("lobby", limit=9)

        assert [type(it) for it in past] == [Entry, Damaged, Entry]
        assert journal.damage == f"1 damaged entries found in redis://127.0.0.1:{server.port}/0, the first with id 2"
        assert [type(it) for it in await journal.read(None, limit=9)] == [Entry, Damaged, Entry]
        assert [type(it) for it in await journal.search(["lobby"], "c", limit=9)] == [Entry]
        assert caplog.text.count("are damaged, and cannot be shown: 2") == 1


async def test_no_script_passes_on_what_is_too_long_for_an_entry(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        server.ask("XADD", "{trio-chat}:s:lobby", "2-0", "d", "x" * 100_000, "t", "1")
        server.ask("XADD", "{trio-chat}:order", "2-0", "r", "slobby", "t", "1")
        bounds = 1, 9, 9, 0

        for rows in (
            await journal._reads.call(script("read"), "lobby", "s", *bounds),
            await journal._reads.call(script("read_all"), *bounds),
            await journal._reads.call(script("entries"), 2),
        ):
            assert rows == [[2, b"lobby", b"1", b""]]


def test_records_that_cannot_be_read_are_named_once_and_a_line_for_each_table(
    caplog: pytest.LogCaptureFixture,
) -> None:
    codec = RecordCodec()
    found = {b"\x1b%d" % number: b"x" for number in range(NAMED_MAX + 3)}

    for table in ("bans", "mutes"):
        for _ in range(2):
            assert codec.decode(table, found, BanRecord) == []
    codec.decode("bans", {}, BanRecord)
    codec.decode("bans", found, BanRecord)

    lines = [it.getMessage() for it in caplog.records]
    assert [line.split()[2] for line in lines] == ["bans", "mutes", "bans"]
    assert all("are left out: b'\\x1b0' (JSON is" in line and line.endswith(" and 3 others") for line in lines)
    assert max(map(len, lines)) < 200 + NAMED_MAX * (REASON_CHARS_MAX + 100)


@pytest.mark.parametrize(
    ("record", "is_one"),
    [
        (AccountRecord("a", "ann", "ann", 1.0, 1.0, "own", keys=(KeyRecord(KEY, 1.0, "own"),)), True),
        (AccountRecord("a", "ann", "ann", 1.0, 1.0, "own", keys=(KeyRecord("k", 1.0, "own"),)), False),
        (AccountRecord("a", "ann", "ann", 1.0, 1.0, "own", keys=(KeyRecord(KEY[:-1] + "é", 1.0, "own"),)), False),
    ],
)
def test_an_account_with_a_key_that_is_none_is_left_out(record: AccountRecord, is_one: bool) -> None:
    found = {b"a": msgspec.json.encode(record)}

    assert RecordCodec().decode("accounts", found, AccountRecord) == ([record] if is_one else [])


@pytest.mark.parametrize("client", ["", "c", "c01", "c1x", "x1", "c１", "c-1", "c" + "9" * 50])
def test_a_client_by_an_id_that_no_node_gives_is_left_out(client: str) -> None:
    facts = ClientFacts(client, "frames", "eve", "eve", "", "s" * 32, (), "192.0.2.1", 1, 1.0, 1.0)

    with pytest.raises(ValueError, match="its id is none"):
        read_facts(client, msgspec.json.encode(facts))


async def test_a_record_written_by_hand_is_left_out_and_named(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ban = BanRecord("10.0.0.0/8", "spam", "console", 2.0)
    async with opened(server, tmp_path) as journal:
        await journal.add_ban(ban)
        server.ask("HSET", "{trio-chat}:bans", "192.0.2.0/24", '{"network": 7}')
        server.ask("HSET", "{trio-chat}:sessions:" + node_of(tmp_path), "x", "\x1b]0;")

        assert await journal.read_bans() == [ban]
        assert await journal.read_sessions() == []

    assert "records in bans cannot be read, and are left out: b'192.0.2.0/24'" in caplog.text
    assert f"records in sessions:{node_of(tmp_path)} cannot be read, and are left out: b'x'" in caplog.text


async def test_a_key_of_another_type_is_named_and_ends_nothing(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        server.ask("SET", "{trio-chat}:s:ops", "x")
        await journal.post(said("a")).kept()

        with pytest.raises(JournalError, match="was replaced by something else"):
            await journal.read("ops", limit=9)

        with pytest.raises(JournalError, match="was replaced by something else"):
            await journal.post(said("b", room="ops")).kept()
        await until_well(journal)
        await journal.post(said("c")).kept()

        assert await texts(journal) == ["a", "c"]


async def test_a_row_of_the_log_written_by_hand_is_left_out_and_named(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        follower = journal.follow()
        await journal.post(said("a")).kept()
        server.ask("HSET", "{trio-chat}:meta", "last_id", "3")
        server.ask("XADD", "{trio-chat}:log", "2-0", "d", "[]")
        server.ask("XADD", "{trio-chat}:log", "3-0", "e", "1500000\n\n[]\n\n\n\nlobby")
        await journal.post(said("d")).kept()

        heard = await anext(follower)

        assert [(it.id, it.draft.text) for it in heard] == [(1, "a"), (4, "d")]
        assert journal.damage == f"2 damaged entries found in redis://127.0.0.1:{server.port}/0, the first with id 2"


async def test_the_removal_of_an_entry_with_a_time_written_by_hand_is_heard(
    server: RedisServer, tmp_path: Path
) -> None:
    async with opened(server, tmp_path) as journal:
        server.ask("HSET", "{trio-chat}:meta", "last_id", "1")
        server.ask("XADD", "{trio-chat}:s:lobby", "1-0", "t", "12\n", "d", to_payload(said("a")).decode())
        server.ask("XADD", "{trio-chat}:order", "1-0", "r", "slobby", "t", "12")
        [entry] = await journal.read("lobby", limit=1)
        assert isinstance(entry, Entry)
        follower = journal.follow()

        await journal.post(notice_of(entry)).kept()

        assert [it.draft for it in await anext(follower)] == [notice_of(entry)]
