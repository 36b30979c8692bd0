"""The writing side of one SQLite file. It must know no Trio: everything here blocks."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import TypeVar

from trio_chat.chat.events import Entry, Kind
from trio_chat.journal.batch import Batch
from trio_chat.journal.records import JournalError, Origin, Past
from trio_chat.journal.sqlite.connection import (
    SECURE_DELETE,
    connect,
    empty_log,
    restart_log,
    transaction,
    translating_errors,
    translating_opening_errors,
)
from trio_chat.journal.sqlite.file_identity import FileIdentity
from trio_chat.journal.sqlite.indexing import Indexing
from trio_chat.journal.sqlite.loading import SqliteLoading
from trio_chat.journal.sqlite.pruning import SqlitePruning
from trio_chat.journal.sqlite.purging import PAGE_BYTES, Purging
from trio_chat.journal.sqlite.removing import remove
from trio_chat.journal.sqlite.rows import (
    COLUMNS,
    PLAIN_COLUMNS,
    bear_accounts,
    find_keyed,
    to_micros,
    to_plain_row,
    to_row,
)
from trio_chat.journal.sqlite.schema import migrate
from trio_chat.journal.sqlite.sessions import read_sessions, write_sessions
from trio_chat.journal.sqlite.shrinking import Shrinking, rebuild_if_small

ROWS_PER_STATEMENT = 64
"""SQLite gets this many rows at once, with the transaction around them when there are no more. Between two calls the
interpreter may run other threads and give the lock back only 5 ms later, so one call for all is what keeps a commit
short. Measured for 64 rows (CPU): one statement 125 us, one row a call 250 us, the rows as JSON 280 us."""

CHECKPOINT_PAGES = 1000
"""The log that SQLite writes ahead is used from its beginning again after that many pages: writing over what is there
halves the time of a commit, since the file system need not record that the file grew."""

COMMIT_BYTES = 3 * PAGE_BYTES
"""Written by the smallest commit."""

ROW_BYTES = 512
"""A short line with its entries in the indexes."""

PROBE_BYTES_MAX = 16 * 1024 * 1024

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",  # a commit waits for the disk, so that an entry survives a power cut once anybody sees it
    # On macOS, fsync leaves data in the cache of the disk: https://www.sqlite.org/pragma.html#pragma_fullfsync
    "fullfsync = ON",
    "wal_autocheckpoint = 0",  # done when nobody waits for a commit
    f"journal_size_limit = {64 * 1024 * 1024}",
    SECURE_DELETE,
)


def _values(columns: str) -> str:
    return f"({', '.join('?' * len(columns.split(', ')))})"


def _inserts(columns: str) -> Sequence[str]:
    """Make a statement for each number of rows."""
    return tuple(
        f"INSERT INTO entry ({columns}) VALUES {', '.join([_values(columns)] * count)}"
        for count in range(1, ROWS_PER_STATEMENT + 1)
    )


_INSERTS = _inserts(COLUMNS)
_PLAIN_INSERTS = _inserts(PLAIN_COLUMNS)
_PROBE = "INSERT OR REPLACE INTO meta VALUES ('probe', ?)"

T = TypeVar("T")


class Store:
    """The connection that writes entries to one file, and the id of the newest one."""

    def __init__(
        self, path: Path, *, lock_wait_s: float, index_within_s: float, is_cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        """Open a file that this process has locked, and bring its schema up to date. Raises JournalError.

        `lock_wait_s` is the longest wait for locks of other programs. An idle store indexes within `index_within_s`.
        `is_cancelled` is called now and then. Where it returns True, JournalError is raised, and nothing is lost.
        """
        self._lock_wait_s = lock_wait_s
        self.path = path
        with translating_opening_errors(path), ExitStack() as stack:
            # One prepared statement for each number of rows.
            self._db = db = connect(path, "rw", lock_wait_s=lock_wait_s, cached_statements=3 * ROWS_PER_STATEMENT)
            stack.callback(db.close)
            for pragma in _PRAGMAS:
                db.execute(f"PRAGMA {pragma}")
            migrate(db, path, is_cancelled=is_cancelled)
            rebuild_if_small(db)
            self.epoch: str = db.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0]
            self.last_id: int = db.execute("SELECT max(id) FROM entry").fetchone()[0] or 0
            self.sessions = read_sessions(db)
            """The session records that were there at opening."""
            self.indexing = Indexing(path, index_within_s=index_within_s)
            stack.callback(self.indexing.close)
            self.pruning = SqlitePruning(self.indexing)
            self.shrinking = Shrinking(path, pruned_to=self.pruning.pruned_to)
            stack.callback(self.shrinking.close)
            self.purging = Purging(path)
            stack.callback(self.purging.close)
            self.file_identity = FileIdentity(path)
            stack.pop_all()
        self._pages_written = 0
        self._is_smaller = False
        """True while pages are cut off that the file loses only at the next checkpoint."""
        self.log_pages = 0
        """Pages in the write-ahead log at the last checkpoint."""

    def keep(self, batch: Batch, time: float) -> None:
        """Make a batch durable: its drafts as entries, and its session changes.

        Raises JournalError with the bare reason; then nothing of it is kept. One with nothing in it is a probe.
        """
        if not (batch.drafts or batch.sessions):
            self.probe(self.size_of(batch))
            return
        self.file_identity.check()
        micros = to_micros(time)
        time = micros / 1e6  # as it will be read back
        batch.assign_ids(self.last_id + 1, time)
        with translating_errors():
            try:
                self._insert(batch, micros)
            except sqlite3.IntegrityError:
                # A draft is a repeat. That is rare, so keys are looked up only then.
                batch.assign_ids_skipping_repeats(self.last_id + 1, time, self._find)
                self._insert(batch, micros)
        self.last_id += len(batch.entries)
        if batch.tombstones:
            self.purging.begin()
        self._pages_written += 3 + (len(batch.entries) + len(batch.sessions)) // 8

    @staticmethod
    def size_of(batch: Batch) -> int:
        """Return the approximate size of a batch on disk, in bytes."""
        text_bytes = sum(len(draft.text.encode(errors="replace")) for draft in batch.drafts)
        rows = len(batch.drafts) + len(batch.sessions)
        return COMMIT_BYTES + rows * ROW_BYTES + text_bytes // ROW_BYTES * ROW_BYTES

    def probe(self, size_bytes: int) -> None:
        """Commit as many bytes as a batch that could not be kept, and remove them again. Raises JournalError."""
        self.check_file()
        with suppress(sqlite3.Error):  # a log as long as it may be is written from its beginning after that
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        size_bytes = min(size_bytes, PROBE_BYTES_MAX)
        self._pages_written += size_bytes // PAGE_BYTES
        with translating_errors():
            for value in (bytes(size_bytes), "0"):
                self._db.execute(_PROBE, (value,))

    def check_file(self) -> None:
        """Raise JournalError when the file is no longer in its place.

        Its log is then emptied into it, so that no crash can leave the log beside another file.
        """
        try:
            self.file_identity.check()
        except JournalError:
            empty_log(self.indexing.db)
            raise

    def if_in_place(self, work: Callable[[], T]) -> T:
        """Call a function that changes the file, if the file is in its place. Raises JournalError."""
        self.file_identity.check()
        return work()

    def index_due_in_s(self) -> float | None:
        """Return the seconds until `index_some` is due; None when everything is indexed."""
        return self.indexing.index_due_in_s(self.last_id)

    def index_some(self) -> None:
        """Index another slice of the entries; a failure only postpones it."""
        self.indexing.index(self.last_id)
        self._pages_written += 16

    def prune_some(self, target: int) -> float:
        """Remove another slice of the oldest entries, up to an id below the newest. Returns the CPU time in seconds."""
        self._pages_written += 32
        with translating_errors():
            took_s = self.pruning.prune(target)
        if self.pruning.pruned_to == target:
            self.shrinking.note_pruned(target, self.last_id)
        return took_s

    def tidy_due_in_s(self) -> float:
        """Return the seconds until `tidy_some` is due."""
        return min(self.purging.due_in_s(), self.shrinking.due_in_s())

    def tidy_some(self) -> None:
        """Purge a slice of removed words that are still in the file, or cut off free pages, as is due."""
        if self.purging.due_in_s() <= 0:
            self._pages_written += self.purging.purge()
        if self.shrinking.due_in_s() <= 0:
            self._shrink_some()

    def _shrink_some(self) -> None:
        if pages := self.shrinking.shrink():
            self._pages_written += pages
            self._is_smaller = True
        elif self._is_smaller:  # the file is cut off when the log is copied into it
            self._is_smaller, self._pages_written = False, CHECKPOINT_PAGES

    def load(self, entries: Iterable[Entry], origin: Origin) -> int:
        """Append entries of another journal, all or none. Returns the number of new ones.

        Raises JournalError, and what the iterable raises.
        """
        with translating_errors():
            with transaction(self._db):
                loading = SqliteLoading(self._db, origin, epoch=self.epoch, last_id=self.last_id)
                for entry in entries:
                    loading.add(entry)
                has_removed = loading.finish(self.indexing.marks)
            self.indexing.reload()
            self.pruning.reload()
        if has_removed:
            self.purging.begin()
        if self.last_id == 0:
            self.epoch = origin.epoch
        self.last_id = loading.last_id
        return loading.count

    def change(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Make a change of records other than entries. Raises JournalError, and what the change raises."""
        with translating_errors():
            return change(self._db)

    def checkpoint_if_due(self) -> None:
        """Copy the log into the file now and then; a failure only postpones it."""
        if self._pages_written >= CHECKPOINT_PAGES:
            self._pages_written = 0
            with suppress(sqlite3.Error):
                _, self.log_pages, _ = self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def restart_log(self) -> None:
        """Have the next commit write the log from its beginning again, unless somebody else reads from it."""
        self.log_pages = 0  # if that fails, the next attempt is due after the next checkpoint
        restart_log(self.indexing.db)

    def shorten_lock_wait(self) -> None:
        """Shorten the wait for locks of other programs: the server is being closed."""
        self._db.execute(f"PRAGMA busy_timeout = {self._lock_wait_s * 1000 // 8:.0f}")

    def close(self) -> None:
        """Copy the log into the file and close it."""
        is_in_place = self.file_identity.is_in_place
        is_log_empty = not is_in_place and empty_log(self.indexing.db)
        self.indexing.close()
        self.shrinking.close()
        self.purging.close()
        # The last connection to close does the checkpoint and removes the log, unless the file is not in its place.
        self._db.close()
        if not is_in_place:
            self.file_identity.remove_leftovers(is_log_empty=is_log_empty)

    def _insert(self, batch: Batch, micros: int) -> None:
        entries = batch.entries
        removed = Kind.REMOVED  # looked up once
        notices = [entry.draft for entry in entries if entry.draft.kind is removed]
        if len(entries) <= ROWS_PER_STATEMENT and not (batch.sessions or notices):
            self._insert_rows(entries, micros)
            return
        with transaction(self._db):
            for start in range(0, len(entries), ROWS_PER_STATEMENT):
                self._insert_rows(entries[start : start + ROWS_PER_STATEMENT], micros)
            write_sessions(self._db, batch.sessions.values())
            batch.tombstones = remove(self._db, notices, self.indexing.marks)

    def _insert_rows(self, entries: Sequence[Entry], micros: int) -> None:
        """Insert rows by one statement. Where no account has a part in any, the two columns are not even bound."""
        if not entries:
            return
        if bear_accounts(entries):
            statements, rows = _INSERTS, chain.from_iterable([to_row(entry, micros) for entry in entries])
        else:
            statements, rows = _PLAIN_INSERTS, chain.from_iterable([to_plain_row(entry, micros) for entry in entries])
        self._db.execute(statements[len(entries) - 1], list(rows))

    def _find(self, session: str, key: str) -> Past | None:
        return find_keyed(self._db, session, key)
