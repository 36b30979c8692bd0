"""The lines of a history file that are accounts: each a claimed name with its proofs, and what is remembered of it.

They stand between the header, which has their number, and the entries. Passwords are hashes. Whoever could write such a
line could claim any name, so each is checked like all input; the key by which names are compared is made anew.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from trio_chat.backup.ndjson import FormatError
from trio_chat.chat.accounts.account import KeySource, checked_key
from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import check_nick, check_room, fold_name
from trio_chat.chat.text import clean
from trio_chat.journal import AccountRecord, KeyRecord, MarkRecord, MemoryRecord, NameRecord
from trio_chat.journal.records import Time

AccountId = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
PasswordHash = Annotated[str, Meta(pattern=r"^(\$argon2id\$[\x21-\x7e]{1,250})?$")]
MAILBOX = "@"
"""The room of the read mark of private messages."""


class _Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    blob: str
    added: Time
    source: KeySource


class _Name(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An account; `is_remembered` tells whether anything is remembered of it."""

    account: AccountId
    name: str
    since: Time
    seen: Time
    by: Annotated[str, Meta(max_length=200)]
    password: PasswordHash = ""
    keys: tuple[_Key, ...] = ()
    is_remembered: bool = False
    rooms: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    marks: tuple[MarkRecord, ...] = ()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Name)


def encode_name(record: NameRecord) -> bytes:
    """Format an account with what is remembered of it, with its newline."""
    account, memory = record
    known = memory or MemoryRecord(account.id)
    line = _Name(
        account=account.id,
        name=account.name,
        since=account.since,
        seen=account.seen,
        by=account.by,
        password=account.password,
        keys=tuple(_Key(blob=key.blob, added=key.added, source=_SOURCES[key.source]) for key in account.keys),
        is_remembered=memory is not None,
        rooms=known.rooms,
        ignored=known.ignored,
        marks=known.marks,
    )
    return _encoder.encode(line) + b"\n"


_SOURCES: dict[str, KeySource] = {
    "own": "own",
    "added": "added",
    "file": "file",
    "operator": "operator",
    "invite": "invite",
}


def decode_name(line: bytes) -> NameRecord:
    """Read an account with what is remembered of it. Raises FormatError."""
    try:
        it = _decoder.decode(line)
        return _account_of(it), _memory_of(it) if it.is_remembered else None
    except ChatError as error:
        raise FormatError(error.text) from error
    except (ValueError, RecursionError) as error:
        raise FormatError(str(error)) from error


def _account_of(it: _Name) -> AccountRecord:
    name = check_nick(it.name)
    keys = tuple(KeyRecord(checked_key(key.blob), key.added, key.source) for key in it.keys)
    return AccountRecord(it.account, name, fold_name(name), it.since, it.seen, clean(it.by), it.password, keys)


def _memory_of(it: _Name) -> MemoryRecord:
    marks = tuple(mark for mark in it.marks if mark.room == MAILBOX or check_room(mark.room) == mark.room)
    rooms = tuple(check_room(room) for room in it.rooms)
    return MemoryRecord(it.account, rooms, tuple(clean(name) for name in it.ignored), marks)
