"""The reading side of one SQLite file, for any thread. It must know no Trio: everything here blocks."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from trio_chat.journal.records import JournalError, Past, RoomRecord
from trio_chat.journal.search_words import SearchCriteria
from trio_chat.journal.sqlite.connection import connect, translating_errors
from trio_chat.journal.sqlite.file_identity import FileIdentity
from trio_chat.journal.sqlite.integrity import DamagedEntries
from trio_chat.journal.sqlite.pages import HIGHEST_ID, read_rooms
from trio_chat.journal.sqlite.searching import search
from trio_chat.journal.sqlite.time_limit import TimeLimit

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Readers:
    """Read-only connections to one file: one for each thread, or they would wait for each other.

    Each query has a time limit, and raises TimeoutError when that is over.
    """

    def __init__(self, path: Path, lock_wait_s: float, file_identity: FileIdentity) -> None:
        self.damaged = DamagedEntries(path)
        self._path = path
        self._file_identity = file_identity
        self._lock_wait_s = lock_wait_s
        self._idle: list[sqlite3.Connection] = []
        self._is_closed = False

    def query(self, query: Callable[[sqlite3.Connection], T], time_limit: TimeLimit) -> T:
        """Run a query. Raises JournalError, and TimeoutError."""
        with self._lend(time_limit) as db:
            return query(db)

    def entries(self, query: Callable[[sqlite3.Connection], list[Past]], time_limit: TimeLimit) -> list[Past]:
        """Run a query for entries, and log the damaged ones among them. Raises JournalError, and TimeoutError."""
        return self._logging_damage(self.query(query, time_limit))

    def rooms(self, time_limit: TimeLimit) -> list[RoomRecord]:
        """Return all rooms in which something was said, but no mailboxes. Raises JournalError, and TimeoutError."""
        with self._lend(time_limit) as db:
            return read_rooms(db, self._logging_damage)

    def search(self, criteria: SearchCriteria, limit: int, before: int | None, time_limit: TimeLimit) -> list[Past]:
        """Return the newest entries that match, oldest first. Raises JournalError, and TimeoutError."""
        with self._lend(time_limit) as db:
            db.execute("BEGIN")
            try:
                found = search(db, criteria, max(limit, 0), HIGHEST_ID if before is None else before, time_limit)
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
        return self._logging_damage(found)

    def close(self) -> None:
        """Close the idle connections; those that are lent are closed when they come back."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    def _logging_damage(self, past: list[Past]) -> list[Past]:
        """Return the entries, and log the damaged ones among them, once each."""
        if text := self.damaged.add(past):
            logger.error("%s: what was said there is lost, and only a backup has it; all else can be read", text)
        return past

    @contextmanager
    def _lend(self, time_limit: TimeLimit) -> Iterator[sqlite3.Connection]:
        with translating_errors():
            try:
                db = self._idle.pop()
            except IndexError:
                db = self._connect()
            try:
                with time_limit.on(db):
                    yield db
            finally:
                if self._is_closed:
                    db.close()
                else:
                    self._idle.append(db)

    def _connect(self) -> sqlite3.Connection:
        db = connect(self._path, "ro", lock_wait_s=self._lock_wait_s)
        try:
            self._file_identity.check()  # nobody may read another file that was put there
        except JournalError:
            db.close()
            raise
        return db
