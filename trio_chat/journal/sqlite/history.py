"""A look into a file that a server may have open meanwhile: for exports.

It sees the file as it was at the beginning, whatever is kept or pruned meanwhile. Trade-off: until it ends, the log
that SQLite writes ahead grows, since it cannot be used from its beginning again.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import trio

from trio_chat.journal.records import JournalError, Past
from trio_chat.journal.sqlite.connection import connect, explaining, refusing
from trio_chat.journal.sqlite.integrity import Damage
from trio_chat.journal.sqlite.readers import read_page
from trio_chat.journal.sqlite.schema import judge

BUSY_S = 2.0


@asynccontextmanager
async def open_sqlite_history(path: Path) -> AsyncIterator["SqliteHistory"]:
    """Open an existing journal only to read it, whether or not a server has it. Raises JournalError."""
    await trio.to_thread.run_sync(_check, path)
    # Where nobody else has the file, only a connection that may write tidies up what SQLite puts beside it.
    with refusing(path), closing(connect(path, "rw", busy_s=BUSY_S)) as db:
        db.execute("PRAGMA query_only = ON")
        db.execute("BEGIN")  # what follows reads one state of the file
        yield SqliteHistory(path, db)


class SqliteHistory:
    """What there is to be read."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        meta = dict(db.execute("SELECT name, value FROM meta").fetchall())
        self.epoch: str = meta["epoch"]
        self.pruned_to = int(meta["pruned_to"])
        self.last_id: int = db.execute("SELECT max(id) FROM entry").fetchone()[0] or 0
        self._db = db
        self._damage = Damage(path)

    @property
    def damage(self) -> str | None:
        """Which entries were found to be damaged."""
        return self._damage.text

    async def read(
        self, room: str | None, *, limit: int, before: int | None = None, after: int | None = None
    ) -> list[Past]:
        """Return up to `limit` entries of `room`, oldest first. One call at a time."""
        return await trio.to_thread.run_sync(partial(self._read, room, limit, before, after))

    def _read(self, room: str | None, limit: int, before: int | None, after: int | None) -> list[Past]:
        with explaining():
            past = read_page(self._db, room, limit, before, after)
        self._damage.note(past)
        return past


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise JournalError(f"there is no journal to be read at {path}: {error.strerror}") from error
    judge(path, head)
