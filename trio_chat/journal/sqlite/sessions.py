"""Session records as rows of the table `place`."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from trio_chat.chat.session_record import SessionChange, SessionRecord, Told

ROWS_PER_STATEMENT_MAX = 64
"""Rows go to SQLite in groups of 64, 32, 16 ...: few calls, since between two the interpreter may run other threads
and return only 5 ms later; and few different statements, which stay prepared."""

_COLUMNS = "owner, mode, label, nick, rooms, address, told, account"
_SELECT = f"SELECT {_COLUMNS} FROM place ORDER BY owner"
_SAVE = f"INSERT OR REPLACE INTO place ({_COLUMNS}) VALUES "
_DELETE = "DELETE FROM place WHERE owner IN "

Row = TypeVar("Row")


def read_sessions(db: sqlite3.Connection) -> list[SessionRecord]:
    """Return all records, by owner. Raises sqlite3.Error."""
    rows: Iterable[tuple[str, str, str, str, str, str, str, str]] = db.execute(_SELECT)
    return [
        SessionRecord(owner, mode, label, nick, tuple(rooms.split()), address, _read_told(told), account)
        for owner, mode, label, nick, rooms, address, told, account in rows
    ]


def write_sessions(db: sqlite3.Connection, changes: Iterable[SessionChange]) -> None:
    """Save and delete records, one change an owner, inside a transaction of the caller. Raises sqlite3.Error."""
    saved: list[tuple[str, ...]] = []
    ended: list[str] = []
    for change in changes:
        if isinstance(change, SessionRecord):
            saved.append(_row_of(change))
        else:
            ended.append(change.owner)
    for rows in _groups(saved):
        db.execute(_SAVE + ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * len(rows)), tuple(chain.from_iterable(rows)))
    for owners in _groups(ended):
        db.execute(f"{_DELETE}({', '.join('?' * len(owners))})", owners)


def _row_of(record: SessionRecord) -> tuple[str, ...]:
    rooms = " ".join(record.rooms)  # neither names of rooms nor labels have spaces
    told = " ".join((record.told.label, *record.told.rooms)) if record.told else ""
    return record.owner, record.mode, record.label, record.nick, rooms, record.address, told, record.account


def _read_told(text: str) -> Told | None:
    label, *rooms = text.split() or ("",)
    return Told(label, tuple(rooms)) if label else None


def _groups(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Divide rows into groups whose sizes are powers of two."""
    start, size = 0, ROWS_PER_STATEMENT_MAX
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size
