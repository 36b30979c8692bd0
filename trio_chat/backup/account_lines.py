"""The lines of a history file that are accounts: each a claimed name with its proofs, and the memory of its owner.

They stand between the header, which has their number, and the entries. Passwords are hashed. A line could claim any
name, so each is checked like all input; the folded name, by which names are compared, is not in the file.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from trio_chat.backup.ndjson import FormatError
from trio_chat.chat.accounts.account import KeySource, checked_key
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import MAILBOX_MARK
from trio_chat.chat.nicks import check_nick, check_room, fold_name
from trio_chat.chat.text import clean
from trio_chat.journal import AccountRecord, KeyRecord, MarkRecord, MemoryRecord, NameRecord
from trio_chat.journal.records import Time

AccountId = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
PasswordHash = Annotated[str, Meta(pattern=r"^(\$argon2id\$[\x21-\x7e]{1,250})?$")]


class _Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    blob: str
    added: Time
    source: KeySource


class _AccountLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An account. `rooms`, `ignored` and `marks` are its memory; `is_remembered` is true if there is one."""

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
_decoder = msgspec.json.Decoder(_AccountLine)


def encode_account(record: NameRecord) -> bytes:
    """Format an account and its memory as a line, with its newline."""
    account, memory = record
    remembered = memory or MemoryRecord(account.id)
    line = _AccountLine(
        account=account.id,
        name=account.name,
        since=account.since,
        seen=account.seen,
        by=account.by,
        password=account.password,
        keys=tuple(
            _Key(blob=key.blob, added=key.added, source=msgspec.convert(key.source, KeySource)) for key in account.keys
        ),
        is_remembered=memory is not None,
        rooms=remembered.rooms,
        ignored=remembered.ignored,
        marks=remembered.marks,
    )
    return _encoder.encode(line) + b"\n"


def decode_account(line: bytes) -> NameRecord:
    """Read an account and its memory from a line. Raises FormatError."""
    try:
        it = _decoder.decode(line)
        return _account_of(it), _memory_of(it) if it.is_remembered else None
    except ChatError as error:
        raise FormatError(error.text) from error
    except (ValueError, RecursionError) as error:
        raise FormatError(str(error)) from error


def _account_of(it: _AccountLine) -> AccountRecord:
    name = check_nick(it.name)
    keys = tuple(KeyRecord(checked_key(key.blob), key.added, key.source) for key in it.keys)
    return AccountRecord(it.account, name, fold_name(name), it.since, it.seen, clean(it.by), it.password, keys)


def _memory_of(it: _AccountLine) -> MemoryRecord:
    marks = tuple(mark for mark in it.marks if mark.room == MAILBOX_MARK or check_room(mark.room) == mark.room)
    rooms = tuple(check_room(room) for room in it.rooms)
    return MemoryRecord(it.account, rooms, tuple(clean(name) for name in it.ignored), marks)
