"""Versions of a chat in Redis: its format, and what a later version writes."""

from base64 import b64encode
from pathlib import Path
from typing import get_type_hints
from zlib import crc32

import msgspec
import pytest

from tests.journal.redis.opened import HASTY, node_of, opened, said, texts, until_well
from tests.redis_server import RedisServer
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.session_record import SessionRecord, Told
from trio_chat.journal import (
    AccountRecord,
    BanRecord,
    HookRecord,
    InviteRecord,
    JournalError,
    KeyRecord,
    MarkRecord,
    MemoryRecord,
    MuteRecord,
    open_history,
)
from trio_chat.journal.records import Unknown
from trio_chat.journal.redis.claim import FORMAT
from trio_chat.journal.redis.record_codec import PARTS, UNKNOWN_BYTES_MAX, RecordCodec
from trio_chat.journal.redis.rows import FIELDS_MAX, to_entry

META = "{trio-chat}:meta"

BAN = BanRecord("10.0.0.0/8", "spam", "console", 2.0)


def payload(*fields: str) -> bytes:
    """An entry of the lobby as some version writes it."""
    return msgspec.json.encode([crc32("\0".join(("lobby", *fields)).encode()), *fields])


async def test_a_chat_of_a_later_format_is_refused_with_what_to_do(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        await journal.post(said("a")).kept()
    assert server.ask("HGET", META, "format") == f"$1\r\n{FORMAT}\r\n".encode()
    server.ask("HSET", META, "format", str(FORMAT + 1))

    with pytest.raises(JournalError, match=r"has the format 2, of a newer version of trio-chat, .*: upgrade it$"):
        async with opened(server, tmp_path):
            pass
    with pytest.raises(JournalError, match="of a newer version"):
        async with open_history(server.url, data=tmp_path):
            pass


async def test_a_server_writes_no_more_once_a_later_format_is_there(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path, HASTY) as journal:
        server.ask("HSET", META, "format", str(FORMAT + 1))
        server.ask("HINCRBY", f"{{trio-chat}}:node:{node_of(tmp_path)}", "fence", "1")  # it was away for some time

        await until_well(journal, is_well=False)
        with pytest.raises(JournalError, match="upgrade it"):
            await journal.post(said("a")).kept()

        assert await texts(journal) == []


async def test_a_later_format_comes_only_when_no_server_of_the_former_one_is_left(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(server, tmp_path / "one"):
        monkeypatch.setattr("trio_chat.journal.redis.claim.FORMAT", FORMAT + 1)

        with pytest.raises(JournalError, match=r"the node \w+ of the chat .* is of an earlier version, .*: stop all"):
            async with opened(server, tmp_path / "two"):
                pass
        monkeypatch.undo()

    monkeypatch.setattr("trio_chat.journal.redis.claim.FORMAT", FORMAT + 1)
    async with opened(server, tmp_path / "two"):
        assert server.ask("HGET", META, "format") == f"$1\r\n{FORMAT + 1}\r\n".encode()


async def test_an_entry_of_an_unknown_kind_is_never_waited_for(server: RedisServer, tmp_path: Path) -> None:
    row = "'1\\n\\n' .. ARGV[number] .. '\\n\\n\\n\\nlobby'"
    both = f"for number = 1, 2 do redis.call('XADD', '{{trio-chat}}:log', number .. '-0', 'e', {row}) end"
    async with opened(server, tmp_path) as journal:
        following = journal.follow()

        server.ask("EVAL", both, "0", *(payload(kind, "alice", "hi").decode() for kind in ("said", "waved")))
        [entry] = await anext(following)

        assert (entry.id, journal.last_id) == (1, 1)


def test_more_fields_of_an_entry_are_passed_over_and_another_kind_is_said_to_be_unknown() -> None:
    more = payload("said", "alice", "hi", "", "", "", "", "", "later")

    assert to_entry(7, b"lobby", b"1", more) == Entry(7, 1e-6, Draft("lobby", Kind.SAID, "alice", "hi"))
    assert to_entry(7, b"lobby", b"1", payload("waved", "alice", "hi")) == Unknown(7)
    assert to_entry(7, b"lobby", b"1", payload(*("said",) * FIELDS_MAX)) != Unknown(7)
    assert "newer version" in Unknown(7).text


async def test_an_entry_of_an_unknown_kind_is_no_damage_and_holds_up_nothing(
    server: RedisServer, tmp_path: Path
) -> None:
    async with opened(server, tmp_path) as journal:
        await journal.post(said("a")).kept()
        wave = payload("waved", "alice", "hi").decode()
        server.ask("XADD", "{trio-chat}:s:lobby", "2-0", "d", wave, "t", "1")
        server.ask("XADD", "{trio-chat}:order", "2-0", "r", "slobby", "t", "1")
        server.ask("XADD", "{trio-chat}:log", "2-0", "e", f"1\n\n{wave}\n\n\n\nlobby")
        server.ask("HSET", META, "last_id", "2")
        await journal.post(said("c")).kept()

        assert [type(it) for it in await journal.read("lobby", limit=9)] == [Entry, Unknown, Entry]
        assert journal.damage is None


def test_fields_of_a_later_version_are_kept_where_a_record_is_rewritten() -> None:
    codec = RecordCodec()
    written = msgspec.json.encode(BAN)[:-1] + b',"later":{"x":[1,2.50]},"so":null}'

    assert codec.decode("bans", {b"x": written}, BanRecord) == [BAN]
    changed = codec.encode(msgspec.structs.replace(BAN, reason="more"))

    assert changed == written.replace(b"spam", b"more")
    assert codec.encode(msgspec.structs.replace(BAN, network="192.0.2.0/24")).count(b"later") == 0
    codec.decode("bans", {b"x": msgspec.json.encode(BAN)}, BanRecord)  # it has none any more
    assert codec.encode(BAN) == msgspec.json.encode(BAN)


KEYS = [b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes([number]) * 32).decode() for number in range(3)]

NESTING = (
    SessionRecord("o", "frames", "ann", "ann", ("lobby",), told=Told("ann", ("den",))),
    AccountRecord(
        "a1", "ann", "ann", 1.0, 1.0, "own", keys=(KeyRecord(KEYS[0], 1.0, "own"), KeyRecord(KEYS[1], 2.0, "own"))
    ),
    MemoryRecord("a1", ("lobby",), (), (MarkRecord("lobby", 1, 1.0), MarkRecord("@", 2, 2.0))),
)
"""A record of each kind that has records inside."""


def test_the_records_inside_of_others_are_known() -> None:
    inside = {
        kind: {field for field, hint in get_type_hints(kind).items() if "Record" in str(hint) or "Told" in str(hint)}
        for kind in (SessionRecord, AccountRecord, MemoryRecord, BanRecord, MuteRecord, InviteRecord, HookRecord)
    }

    assert {kind: set(PARTS.get(kind, ())) for kind in inside} == inside
    assert {type(record) for record in NESTING} == set(PARTS)


@pytest.mark.parametrize("record", NESTING, ids=lambda it: type(it).__name__)
def test_fields_of_a_later_version_are_kept_in_the_records_inside_of_others(record: msgspec.Struct) -> None:
    codec = RecordCodec()
    [field] = PARTS[type(record)]
    later = later_version_of(record, field)

    assert codec.decode("x", {b"x": later}, type(record)) == [record]

    assert msgspec.json.decode(codec.encode(record)) == msgspec.json.decode(later)
    parts = getattr(record, field)
    if isinstance(parts, tuple):  # one of them is gone, and one is new
        new = msgspec.structs.replace(parts[0], **{PARTS[type(record)][field]: KEYS[2]})
        changed = msgspec.json.decode(codec.encode(msgspec.structs.replace(record, **{field: (new, parts[1])})))
        assert changed[field] == [msgspec.json.decode(msgspec.json.encode(new)), msgspec.json.decode(later)[field][1]]
    else:
        assert codec.encode(msgspec.structs.replace(record, **{field: None})).count(b"later") == 0


def later_version_of(record: msgspec.Struct, field: str) -> bytes:
    """Encode a record as a later version does, with more in each of the records in a field."""
    fields = msgspec.json.decode(msgspec.json.encode(record))
    for number, part in enumerate(fields[field] if isinstance(fields[field], list) else [fields[field]]):
        if isinstance(part, list):
            part += [f"later {number}", {"x": 2.5}]
        else:
            part |= {"later": {"x": [number, None]}}
    return msgspec.json.encode(fields)


def test_what_is_kept_of_a_later_version_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio_chat.journal.redis.record_codec.UNKNOWN_TOTAL_BYTES", 2 * len(b'"later":1'))
    codec = RecordCodec()
    records = [SessionRecord(f"owner{number}", "frames", "alice", "", ()) for number in range(3)]
    written = [msgspec.json.encode(it)[:-1] + b',"later":1}' for it in records]
    long = msgspec.json.encode(BAN)[:-1] + b',"later":"' + b"x" * UNKNOWN_BYTES_MAX + b'"}'

    codec.decode("sessions", {b"%d" % number: it for number, it in enumerate(written)}, SessionRecord)
    codec.decode("bans", {b"x": long}, BanRecord)

    assert [codec.encode(it) == text for it, text in zip(records, written, strict=True)] == [False, True, True]
    assert codec.encode(BAN) == msgspec.json.encode(BAN)
