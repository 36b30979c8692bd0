"""A snapshot of a file that a server may have open: for exports.

It does not change, whatever the server keeps or prunes. Trade-off: until it is closed, SQLite's write-ahead log grows,
since SQLite cannot write it from its beginning again.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import trio

from trio_chat.journal.records import JournalError, NameRecord, Past
from trio_chat.journal.sqlite import accounts
from trio_chat.journal.sqlite.connection import connect, translating_errors, translating_opening_errors
from trio_chat.journal.sqlite.integrity import DamagedEntries
from trio_chat.journal.sqlite.pages import first_id_since, read_page
from trio_chat.journal.sqlite.schema import MIGRATIONS, SCHEMA_OF_ACCOUNTS, refuse_foreign

EXPORT_LOCK_WAIT_S = 2.0
"""The longest wait for a lock of another program."""

_WITHOUT_ACCOUNTS = "CREATE TEMP VIEW entry AS SELECT *, '' AS account, '' AS to_account FROM main.entry"
"""A view in front of the table of a file from before accounts, so that it can be read without a migration."""


@asynccontextmanager
async def open_sqlite_history(path: Path) -> AsyncIterator["SqliteHistory"]:
    """Open an existing journal for reading only, whether or not a server uses it. Raises JournalError."""
    await trio.to_thread.run_sync(_check, path)
    # When nobody else has the file open, only a connection that may write removes what SQLite puts beside it.
    with translating_opening_errors(path), closing(connect(path, "rw", lock_wait_s=EXPORT_LOCK_WAIT_S)) as db:
        schema = db.execute("PRAGMA user_version").fetchone()[0]
        if schema < SCHEMA_OF_ACCOUNTS:
            db.execute(_WITHOUT_ACCOUNTS)
        db.execute("PRAGMA query_only = ON")
        db.execute("BEGIN")  # what follows reads one state of the file
        yield SqliteHistory(path, db, schema)


class SqliteHistory:
    """The history in one file, as it was at opening."""

    def __init__(self, path: Path, db: sqlite3.Connection, schema: int) -> None:
        meta = dict(db.execute("SELECT name, value FROM meta").fetchall())
        self.epoch: str = meta["epoch"]
        self.pruned_to = int(meta["pruned_to"])
        self.last_id: int = db.execute("SELECT max(id) FROM entry").fetchone()[0] or 0
        self._db = db
        self._has_accounts = schema >= SCHEMA_OF_ACCOUNTS
        self._is_current = schema == len(MIGRATIONS)
        self._damaged = DamagedEntries(path)

    @property
    def damage(self) -> str | None:
        """The damaged entries found so far."""
        return self._damaged.text

    async def read(
        self,
        room: str | None,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
        without_presence: bool = False,
    ) -> list[Past]:
        """Return up to `limit` entries of `room`, oldest first. One call at a time."""
        return await trio.to_thread.run_sync(partial(self._read, room, limit, before, after, without_presence))

    async def first_id_since(self, time: float) -> int:
        """Return the id that separates the entries kept before a time from those kept since. One call at a time."""
        return await trio.to_thread.run_sync(self._first_id_since, time)

    async def read_names(self) -> list[NameRecord]:
        """Return all accounts with what is remembered of them, oldest first. One call at a time."""
        return await trio.to_thread.run_sync(self._read_names)

    def _read_names(self) -> list[NameRecord]:
        with translating_errors():
            return accounts.read_names(self._db) if self._has_accounts else []

    def _first_id_since(self, time: float) -> int:
        with translating_errors():
            return first_id_since(self._db, time)

    def _read(
        self, room: str | None, limit: int, before: int | None, after: int | None, without_presence: bool
    ) -> list[Past]:
        with translating_errors():
            past = read_page(
                self._db,
                room,
                limit,
                before,
                after,
                without_presence=without_presence,
                has_indexes=self._is_current,
            )
        self._damaged.add(past)
        return past


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise JournalError(f"there is no journal to be read at {path}: {error.strerror}") from error
    refuse_foreign(path, head)
