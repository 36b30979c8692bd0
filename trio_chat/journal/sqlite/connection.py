"""Connections to the SQLite file, and messages for its errors. It must not know the schema."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trio_chat.journal.records import JournalError, UnavailableError

INDEXING_LOCK_WAIT_S = 0.05
"""The longest wait of indexing and pruning for a lock of another program: no entry can be kept meanwhile."""

SECURE_DELETE = "secure_delete = ON"
"""Deleted content is overwritten with zeros: https://www.sqlite.org/pragma.html#pragma_secure_delete. Some builds of
SQLite do so of their own accord, others do not. An entry is only ever inserted, which deletes nothing."""

DAMAGED = "the journal is damaged"
_FULL = "the disk is full"
_LOCKED = "another program has locked the journal"
_ADVICE = {
    _FULL: "make room on it",
    _LOCKED: "end that program",
    DAMAGED: "restore it from a backup, or move it away to begin anew",
    "no such module: fts5": "use a Python whose SQLite can search texts: nearly all have it",
}
_REASONS = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: "the journal cannot be written to",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_CANTOPEN: "the journal cannot be opened",
    sqlite3.SQLITE_INTERRUPT: "nobody waits for it any more",
}

_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def reason(error: sqlite3.Error) -> str:
    """Return a few words for an error of SQLite."""
    return _REASONS.get(primary_code(error), str(error))


def primary_code(error: sqlite3.Error) -> int:
    """Return the primary result code of SQLite; 0 when Python raised the error itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def opening_error(path: Path, why: str) -> JournalError:
    """Return the error for a file that cannot be opened: it names the file, the reason and what to do."""
    return JournalError(f"cannot open {path}: {why}; {_ADVICE.get(why, 'check the disk it is on')}")


def connect(path: Path, mode: str, *, lock_wait_s: float, cached_statements: int = 16) -> sqlite3.Connection:
    """Open an existing file, to write ("rw") or only to read ("ro"), for one thread at a time. No implicit BEGIN.

    `lock_wait_s` is the longest wait for locks of others.
    """
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=lock_wait_s,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=cached_statements,
    )


def connect_for_background_work(path: Path) -> sqlite3.Connection:
    """Open a file for writing, besides the connection that writes entries. Commits here do not wait for the disk."""
    db = connect(path, "rw", lock_wait_s=INDEXING_LOCK_WAIT_S)
    for pragma in ("synchronous = NORMAL", "wal_autocheckpoint = 0", SECURE_DELETE):
        db.execute(f"PRAGMA {pragma}")
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Commit everything inside together, or nothing of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk may have ended it already
            db.execute("ROLLBACK")
        raise


def empty_log(db: sqlite3.Connection) -> bool:
    """Copy the whole write-ahead log into the file and empty it. Returns False where that was not possible."""
    try:
        is_held_up, *_ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        return False
    return not is_held_up


def restart_log(db: sqlite3.Connection) -> None:
    """Copy the whole write-ahead log into the file, and have it written from its beginning again, if possible."""
    with suppress(sqlite3.Error):
        db.execute("PRAGMA wal_checkpoint(RESTART)")


@contextmanager
def temporary_files_beside(path: Path) -> Iterator[None]:
    """Let SQLite put its large temporary files beside a file: /tmp may be memory, or small."""
    before = os.environ.get("SQLITE_TMPDIR")
    os.environ["SQLITE_TMPDIR"] = os.fspath(path.absolute().parent)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SQLITE_TMPDIR"]
        else:
            os.environ["SQLITE_TMPDIR"] = before


@contextmanager
def translating_opening_errors(path: Path) -> Iterator[None]:
    """Translate SQLite's errors to sentences about a file that is being opened."""
    try:
        yield
    except sqlite3.Error as error:
        raise opening_error(path, reason(error)) from error


@contextmanager
def translating_errors() -> Iterator[None]:
    """Translate SQLite's errors to JournalError with the bare reason."""
    try:
        yield
    except sqlite3.Error as error:
        kind = UnavailableError if primary_code(error) in _PASSING else JournalError
        raise kind(reason(error)) from error
