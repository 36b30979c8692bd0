"""Conversion of entries to rows of the table, and back."""

import sqlite3
import zlib
from collections.abc import Iterable
from typing import Any

import msgspec

from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.journal.records import Damaged, Past
from trio_chat.journal.sqlite.connection import primary_code

PLAIN_COLUMNS = 'id, room, kind, author, text, "to", time, session, key, crc'
"""The columns of an entry in which no account has a part: the others have an empty text by default."""

COLUMNS = f"{PLAIN_COLUMNS}, account, to_account"

SELECT_BY_ID = f"SELECT {COLUMNS} FROM entry WHERE id = ?"

SELECT_BY_IDS = f"SELECT {COLUMNS} FROM entry WHERE id IN (SELECT value FROM json_each(?))"
"""The parameter is a JSON array of ids."""

PlainRow = tuple[int, str, str, str, str, str, int, str, str, int]
Row = tuple[int, str, str, str, str, str, int, str, str, int, str, str]

_TIMES_END = 253402300800 * 10**6
"""The year 10000: a time beyond it is that of a bit that flipped, and could not be shown."""

_KEYED = f"SELECT {COLUMNS} FROM entry WHERE session = ? AND key = ? AND key <> ''"

_KINDS = {kind.value: kind for kind in Kind}
_NAMES = {kind: kind.value for kind in Kind}
_decode = msgspec.json.Decoder(list[Row]).decode


def to_micros(time: float) -> int:
    """Convert seconds to the whole microseconds of a row."""
    return round(time * 1e6)


def bear_accounts(entries: Iterable[Entry]) -> bool:
    """Tell whether an account has a part in any of these, so that their rows need all COLUMNS."""
    return any(entry.draft.account or entry.draft.to_account for entry in entries)


def to_row(entry: Entry, micros: int) -> Row:
    """Convert an entry, with its time in microseconds, to values for COLUMNS."""
    return (*to_plain_row(entry, micros), entry.draft.account, entry.draft.to_account)


def to_plain_row(entry: Entry, micros: int) -> PlainRow:
    """Convert an entry, with its time in microseconds, to values for PLAIN_COLUMNS."""
    draft = entry.draft
    return (
        entry.id,
        draft.room,
        _NAMES[draft.kind],
        draft.author,
        draft.text,
        draft.to,
        micros,
        draft.session,
        draft.key,
        _checksum(entry.id, draft),
    )


def to_entry(row: Row) -> Past:
    """Convert values of COLUMNS to an entry, or to Damaged."""
    number, room, kind, author, text, to, time, session, key, checksum, account, to_account = row
    try:
        draft = Draft(room, _KINDS[kind], author, text, to, "", session, key, account, to_account)
        is_whole = _checksum(number, draft) == checksum and 0 <= time < _TIMES_END
    except (KeyError, TypeError, AttributeError):
        is_whole = False
    if not is_whole:
        return Damaged(number)
    return Entry(number, time / 1e6, draft)


def select_entries(db: sqlite3.Connection, query: str, parameters: tuple[Any, ...]) -> list[Past]:
    """Return the entries that a SELECT of COLUMNS finds, oldest first. Raises sqlite3.Error.

    They come as one JSON value: for each row by itself SQLite would let other threads run, and while these are busy it
    would get its turn only every few milliseconds (2,000 rows beside a busy thread: 14 ms instead of 124).
    """
    rows = _rows(db, query, parameters)
    if rows is None:
        return _select_one_by_one(db, query, parameters)
    rows.sort()
    return [to_entry(row) for row in rows]


def _select_one_by_one(db: sqlite3.Connection, query: str, parameters: tuple[Any, ...]) -> list[Past]:
    """Read the entries one by one: for when a value has a wrong type or is not UTF-8, so that the others are found."""
    found: list[Past] = []
    for (number,) in sorted(db.execute(f"SELECT id FROM ({query})", parameters).fetchall()):
        rows = _rows(db, SELECT_BY_ID, (number,))
        found += [Damaged(number)] if rows is None else map(to_entry, rows)  # it may have been pruned meanwhile
    return found


def _rows(db: sqlite3.Connection, query: str, parameters: tuple[Any, ...]) -> list[Row] | None:
    """Return the rows found, in any order, or None when one of them is malformed."""
    whole = f"SELECT CAST(json_group_array(json_array({COLUMNS})) AS BLOB) FROM ({query})"
    try:
        return _decode(db.execute(whole, parameters).fetchone()[0])
    except ValueError:
        return None
    except sqlite3.OperationalError as error:  # "JSON cannot hold BLOB values"
        if primary_code(error) != sqlite3.SQLITE_ERROR:
            raise
        return None


def find_keyed(db: sqlite3.Connection, session: str, key: str) -> Past | None:
    """Return the entry kept under this session and key. Raises sqlite3.Error."""
    return next(iter(select_entries(db, _KEYED, (session, key))), None)


def _checksum(number: int, draft: Draft) -> int:
    """Return a checksum, since SQLite does not notice a bit that flips inside a text. It takes a quarter of a us."""
    words = "\0".join((draft.room, draft.kind, draft.author, draft.text, draft.to, draft.session, draft.key))
    if draft.account or draft.to_account:  # only then: rows of before have neither, and stay valid
        words = f"{words}\0{draft.account}\0{draft.to_account}"
    return zlib.crc32(words.encode(), number)
