"""Accounts, invites, memories and conversations in the file. All functions raise sqlite3.Error."""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from trio_chat.chat.events import MAILBOX_MARK, Kind
from trio_chat.journal.records import (
    AccountRecord,
    InviteRecord,
    InviteSpentError,
    KeyRecord,
    MarkRecord,
    MemoryRecord,
    NameRecord,
    NameTakenError,
    Past,
    WaitingRecord,
)
from trio_chat.journal.sqlite.connection import transaction
from trio_chat.journal.sqlite.pages import select_between
from trio_chat.journal.sqlite.rows import COLUMNS
from trio_chat.journal.sqlite.schema import IS_SAID

_ACCOUNT = "id, name, folded, since, seen, by, password, keys"
_ACCOUNTS = f"SELECT {_ACCOUNT} FROM account ORDER BY since, id"
_KEEP_ACCOUNT = f"""
INSERT INTO account ({_ACCOUNT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, folded = excluded.folded, since = excluded.since,
    seen = excluded.seen, by = excluded.by, password = excluded.password, keys = excluded.keys
"""
_FORGET_ACCOUNT = (
    "DELETE FROM account WHERE id = ?",
    "DELETE FROM memory WHERE account = ?",
    "DELETE FROM invite WHERE account = ?",
)

_INVITE = "digest, account, uses, by, since, until"
_INVITES = f"SELECT {_INVITE} FROM invite ORDER BY since, digest"
_KEEP_INVITE = f"INSERT OR REPLACE INTO invite ({_INVITE}) VALUES (?, ?, ?, ?, ?, ?)"
_USE_INVITE = "UPDATE invite SET uses = uses - 1 WHERE digest = ? AND uses > 0"

_MEMORY = "account, rooms, ignored, marks"
_MEMORIES = f"SELECT {_MEMORY} FROM memory"
_KEEP_MEMORY = f"INSERT OR REPLACE INTO memory ({_MEMORY}) VALUES (?, ?, ?, ?)"

_IN_MAILBOX = f"""
SELECT {COLUMNS} FROM entry INDEXED BY said_by_room
WHERE id > ?1 AND id < ?2 AND room = ?3 AND {IS_SAID} AND kind = '{Kind.TOLD.value}' AND
"""
_WITH_ACCOUNT = f"{_IN_MAILBOX} (account = ?4 OR to_account = ?4) ORDER BY id"
# NOCASE folds ASCII alone, which is what nicks may differ in.
_WITH_GUEST = f"""
{_IN_MAILBOX} ((account = '' AND author = ?4 COLLATE NOCASE) OR (to_account = '' AND "to" = ?4 COLLATE NOCASE))
ORDER BY id
"""

_NEWS = f"""
SELECT count(*) FROM (
    SELECT 1 FROM entry INDEXED BY said_by_room WHERE room = ? AND id > ? AND {IS_SAID} LIMIT ?
)
"""

_HAVE_MAIL = f"""
SELECT account.id, marks FROM account LEFT JOIN memory ON memory.account = account.id WHERE EXISTS (
    SELECT 1 FROM entry INDEXED BY said_by_room WHERE room = '{MAILBOX_MARK}' || account.id AND {IS_SAID}
)
"""
_WAITING = f"""
SELECT iif(kind = '{Kind.TOLD.value}' AND account <> ?1, iif(account = '', session, account), NULL) AS sender, count(*)
FROM (
    SELECT kind, account, session FROM entry INDEXED BY said_by_room
    WHERE room = '{MAILBOX_MARK}' || ?1 AND id > ?2 AND {IS_SAID} ORDER BY id LIMIT ?3
)
GROUP BY sender
"""

_encoder = msgspec.json.Encoder()
_keys = msgspec.json.Decoder(tuple[KeyRecord, ...])
_marks = msgspec.json.Decoder(tuple[MarkRecord, ...])
_words = msgspec.json.Decoder(tuple[str, ...])

T = TypeVar("T")

logger = logging.getLogger(__name__)


def _json(value: object) -> str:
    return _encoder.encode(value).decode()


def _decoded(decoder: "msgspec.json.Decoder[tuple[T, ...]]", text: str, account: str) -> tuple[T, ...]:
    """Decode a column of an account. It is taken for empty where a bit has flipped in it, which is logged."""
    try:
        return decoder.decode(text)
    except ValueError as error:
        logger.error("the record of the account %s is damaged, and part of it is left out: %s", account, error)
        return ()


def read_accounts(db: sqlite3.Connection) -> list[AccountRecord]:
    """Return all accounts, oldest first."""
    return [
        AccountRecord(number, name, folded, since, seen, by, password, _decoded(_keys, keys, number))
        for number, name, folded, since, seen, by, password, keys in db.execute(_ACCOUNTS)
    ]


def keep_account(db: sqlite3.Connection, account: AccountRecord, invite: str) -> None:
    """Keep an account, and take a use of an invite. Raises NameTakenError and InviteSpentError."""
    with transaction(db):
        if invite and not db.execute(_USE_INVITE, (invite,)).rowcount:
            raise InviteSpentError
        try:
            db.execute(_KEEP_ACCOUNT, _account_row(account))
        except sqlite3.IntegrityError as error:
            raise NameTakenError(account.name) from error


def remove_account(db: sqlite3.Connection, account: str) -> None:
    """Delete an account, its memory and its invites."""
    with transaction(db):
        for statement in _FORGET_ACCOUNT:
            db.execute(statement, (account,))


def read_invites(db: sqlite3.Connection) -> list[InviteRecord]:
    """Return all invites, oldest first."""
    return [InviteRecord(*row) for row in db.execute(_INVITES)]


def keep_invite(db: sqlite3.Connection, invite: InviteRecord) -> None:
    """Keep an invite."""
    db.execute(_KEEP_INVITE, msgspec.structs.astuple(invite))


def remove_invite(db: sqlite3.Connection, digest: str) -> None:
    """Delete an invite."""
    db.execute("DELETE FROM invite WHERE digest = ?", (digest,))


def read_memory(db: sqlite3.Connection, account: str) -> MemoryRecord | None:
    """Return what is remembered of an account."""
    row = db.execute(f"{_MEMORIES} WHERE account = ?", (account,)).fetchone()
    return _memory_of(row) if row else None


def keep_memories(db: sqlite3.Connection, records: Sequence[MemoryRecord]) -> None:
    """Keep what is remembered of accounts, all or none of it."""
    with transaction(db):
        db.executemany(_KEEP_MEMORY, map(_memory_row, records))


def read_names(db: sqlite3.Connection) -> list[NameRecord]:
    """Return all accounts with what is remembered of them, oldest first."""
    memories = {row[0]: _memory_of(row) for row in db.execute(_MEMORIES)}
    return [(account, memories.get(account.id)) for account in read_accounts(db)]


def load_names(db: sqlite3.Connection, names: Sequence[NameRecord], *, keeps_marks: bool) -> list[str]:
    """Add accounts that are not here. Returns the names that were left out, since they belong to others here."""
    refused: list[str] = []
    known = {row[0] for row in db.execute("SELECT id FROM account")}
    with transaction(db):
        for account, memory in names:
            if account.id in known:
                continue
            try:
                db.execute(_KEEP_ACCOUNT, _account_row(account))
            except sqlite3.IntegrityError:
                refused.append(account.name)
                continue
            if memory:
                kept = memory if keeps_marks else msgspec.structs.replace(memory, marks=())
                db.execute(_KEEP_MEMORY, _memory_row(kept))
    return refused


def read_conversation(
    db: sqlite3.Connection,
    mailbox: str,
    account: str,
    name: str,
    limit: int,
    before: int | None,
    after: int | None,
) -> list[Past]:
    """Return the private messages in a mailbox to and from one other, oldest first."""
    query, other = (_WITH_ACCOUNT, account) if account else (_WITH_GUEST, name)
    return select_between(db, query, (mailbox, other), limit=limit, before=before, after=after)


def count_news(db: sqlite3.Connection, marks: Mapping[str, int], most: int) -> dict[str, int]:
    """Count what was said in rooms above an id each, `most` at most."""
    return {room: db.execute(_NEWS, (room, mark, most)).fetchone()[0] for room, mark in marks.items()}


def count_waiting(db: sqlite3.Connection, per_account: int, most: int) -> list[WaitingRecord]:
    """Count the private messages from others above the read mark of each account's mailbox, by sender."""
    found: list[WaitingRecord] = []
    for account, marks in db.execute(_HAVE_MAIL):
        mark = MemoryRecord(account, marks=_decoded(_marks, marks or "[]", account)).mailbox_mark
        for sender, number in db.execute(_WAITING, (account, mark, max(0, min(per_account, most)))):
            most -= number
            if sender is not None:
                found.append(WaitingRecord(account, sender, number))
    return found


def _account_row(account: AccountRecord) -> tuple[object, ...]:
    *fields, keys = msgspec.structs.astuple(account)
    return (*fields, _json(keys))


def _memory_row(memory: MemoryRecord) -> tuple[str, ...]:
    return memory.account, _json(memory.rooms), _json(memory.ignored), _json(memory.marks)


def _memory_of(row: tuple[str, str, str, str]) -> MemoryRecord:
    account, rooms, ignored, marks = row
    names = [_decoded(_words, column, account) for column in (rooms, ignored)]
    return MemoryRecord(account, names[0], names[1], _decoded(_marks, marks, account))
