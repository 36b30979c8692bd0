"""One SQLite file: entries in, entries out. It must know no Trio: everything here blocks."""

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.journal.batch import Batch
from trio_chat.journal.errors import JournalError
from trio_chat.journal.schema import connect, migrate, reason, refusing

ROWS_PER_STATEMENT = 64
"""SQLite gets this many rows at once, with the transaction around them when there are no more. Between two calls the
interpreter may run other threads and give the lock back only 5 ms later, so one call for all is what keeps a commit
short. Measured for 64 rows (CPU): one statement 125 us, one row a call 250 us, the rows as JSON 280 us."""

CHECKPOINT_PAGES = 1000
"""The log that SQLite writes ahead is used from its beginning again after that many pages: writing over what is there
halves the time of a commit, since the file system need not note that the file grew."""

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",  # an entry is on the disk, not only out of our hands, before anybody sees it
    "wal_autocheckpoint = 0",  # we do it when nobody waits for the commit
    f"journal_size_limit = {64 * 1024 * 1024}",
)
_COLUMNS = "id, room, kind, author, text, time, session, key, crc"
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERTS = tuple(
    f"INSERT INTO entry ({_COLUMNS}) VALUES {', '.join([_ROW] * count)}" for count in range(1, ROWS_PER_STATEMENT + 1)
)
_NEWEST = f"SELECT {_COLUMNS} FROM entry WHERE room = ? AND id > ? AND id < ? ORDER BY id DESC LIMIT ?"
_OLDEST = f"SELECT {_COLUMNS} FROM entry WHERE room = ? AND id > ? AND id < ? ORDER BY id LIMIT ?"
_KEYED = f"SELECT {_COLUMNS} FROM entry WHERE session = ? AND key = ? AND key <> ''"
_KINDS = {kind.value: kind for kind in Kind}
_HIGHEST_ID = 2**63 - 1

_Row = tuple[Any, ...]


class Store:
    """The connections to one file. All methods are for the thread that writes, except `read`, which is for any."""

    def __init__(self, path: Path, busy_s: float) -> None:
        """Open a file that was claimed, and bring its schema up to date. Raises JournalError with one sentence.

        Locks of other programs are waited for up to `busy_s`.
        """
        self._busy_s = busy_s
        self.path = path
        with refusing(path), ExitStack() as stack:
            # One prepared statement for each number of rows.
            self._db = db = connect(path, "rw", busy_s=busy_s, cached_statements=2 * ROWS_PER_STATEMENT)
            stack.callback(db.close)
            for pragma in _PRAGMAS:
                db.execute(f"PRAGMA {pragma}")
            migrate(db, path)
            self.epoch: str = db.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0]
            self.last_id: int = db.execute("SELECT max(id) FROM entry").fetchone()[0] or 0
            self._next_id = self.last_id + 1
            stack.pop_all()
        self._readers: list[sqlite3.Connection] = []
        self._is_closed = False
        self._pages_written = 0

    def keep(self, batch: Batch, time: float) -> None:
        """Number the drafts and make them durable. Raises JournalError with the bare reason; then none is kept."""
        batch.number(self._next_id, time)
        with _explaining():
            try:
                self._insert(batch.entries)
            except sqlite3.IntegrityError:
                # Somebody says something again. That is rare, so nothing is looked up before it happens.
                batch.number_new(self._next_id, time, self._find)
                self._insert(batch.entries)
        self._next_id += len(batch.entries)
        self._pages_written += 3 + len(batch.entries) // 8

    def probe(self) -> None:
        """Commit something tiny. Raises JournalError when not even that is possible."""
        with _explaining():
            self._db.execute("INSERT INTO meta VALUES ('probe', '1') ON CONFLICT DO UPDATE SET value = 1 - value")

    def checkpoint_if_due(self) -> None:
        """Bring what is in the log into the file now and then; a failure only postpones it."""
        if self._pages_written >= CHECKPOINT_PAGES:
            self._pages_written = 0
            with suppress(sqlite3.Error):
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def read(self, room: str, limit: int, before: int | None, after: int | None) -> list[Entry]:
        """Return entries of a room, oldest first. Raises JournalError, also for a single entry that is damaged."""
        question = _NEWEST if after is None else _OLDEST
        bounds = (room, after or 0, _HIGHEST_ID if before is None else before, max(limit, 0))
        with _explaining(), self._reader() as db:
            rows = db.execute(question, bounds).fetchall()
        entries = [_entry(row) for row in rows]
        return entries[::-1] if after is None else entries

    def hurry(self) -> None:
        """Wait for other programs' locks no longer than a closing server can."""
        self._db.execute(f"PRAGMA busy_timeout = {self._busy_s * 1000 // 8:.0f}")

    def close(self) -> None:
        """Bring everything into the file and let go of it."""
        self._is_closed = True
        while self._readers:
            self._readers.pop().close()
        # The last connection to close does the checkpoint and removes the log.
        self._db.close()

    def _insert(self, entries: Sequence[Entry]) -> None:
        rows = [_row(entry) for entry in entries]
        if len(rows) <= ROWS_PER_STATEMENT:
            self._insert_rows(rows)
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for start in range(0, len(rows), ROWS_PER_STATEMENT):
                self._insert_rows(rows[start : start + ROWS_PER_STATEMENT])
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk may have ended it already
                self._db.execute("ROLLBACK")
            raise

    def _insert_rows(self, rows: Sequence[_Row]) -> None:
        if rows:
            self._db.execute(_INSERTS[len(rows) - 1], list(chain.from_iterable(rows)))

    def _find(self, session: str, key: str) -> Entry | None:
        row = self._db.execute(_KEYED, (session, key)).fetchone()
        return _entry(row) if row else None

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for reading: each thread its own, or they would wait for each other and for commits."""
        try:
            db = self._readers.pop()
        except IndexError:
            db = connect(self.path, "ro", busy_s=self._busy_s)
        try:
            yield db
        finally:
            if self._is_closed:
                db.close()
            else:
                self._readers.append(db)


def _row(entry: Entry) -> _Row:
    draft = entry.draft
    return (
        entry.id,
        draft.room,
        str(draft.kind),
        draft.author,
        draft.text,
        entry.time,
        draft.session,
        draft.key,
        _checksum(entry.id, draft),
    )


def _entry(row: _Row) -> Entry:
    number, room, kind, author, text, time, session, key, checksum = row
    try:
        draft = Draft(room, _KINDS[kind], author, text, session=session, key=key)
        is_whole = _checksum(number, draft) == checksum
    except (KeyError, TypeError, AttributeError):
        is_whole = False
    if not is_whole:
        raise JournalError(f"entry {number} is damaged")
    return Entry(number, time, draft)


def _checksum(number: int, draft: Draft) -> int:
    """SQLite does not notice a bit that flips inside a text. This costs a quarter of a microsecond."""
    words = "\0".join((draft.room, draft.author, draft.text, draft.session, draft.key))
    return zlib.crc32(words.encode(), number)


@contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise JournalError(reason(error)) from error
