"""The SQLite file: what is in it, how it is made, and which files are refused.

Nothing here ever deletes or overwrites a file that it does not take for its own.
"""

import fcntl
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trio_chat.journal.errors import JournalError

APPLICATION_ID = 0x7472696F
"""Stands at byte 68 of the file, so that `file` and we tell a journal from other databases: "trio"."""

WORDS = "fts5(room, text, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2')"
"""Where words occur; the texts themselves are in the entries. The room is one word there: its name's bytes in hex."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "INSERT INTO meta VALUES ('indexed_to', '0'), ('pruned_to', '0')",
        # Times are microseconds since 1970.
        """CREATE TABLE entry (
            id INTEGER PRIMARY KEY,
            room TEXT NOT NULL,
            kind TEXT NOT NULL,
            author TEXT NOT NULL,
            text TEXT NOT NULL,
            "to" TEXT NOT NULL,
            time INTEGER NOT NULL,
            session TEXT NOT NULL,
            key TEXT NOT NULL,
            crc INTEGER NOT NULL
        )""",
        # An index ends in the id by itself, so this one serves paging by id in both directions.
        "CREATE INDEX entry_by_room ON entry (room)",
        # The key comes first: keys that rise with time all land on one page, while each session would have a page of
        # its own (64 senders: 12 us of CPU a line instead of 16).
        "CREATE UNIQUE INDEX entry_by_key ON entry (key, session) WHERE key <> ''",
        "CREATE INDEX topic_by_room ON entry (room) WHERE kind = 'topic'",
        f"CREATE VIRTUAL TABLE words USING {WORDS}",
        # Merging comes in small portions with every slice of indexing, never in a large one of its own accord.
        "INSERT INTO words (words, rank) VALUES ('automerge', 0), ('crisismerge', 64)",
        """CREATE TABLE audit (
            id INTEGER PRIMARY KEY,
            time REAL NOT NULL,
            who TEXT NOT NULL,
            action TEXT NOT NULL,
            what TEXT NOT NULL
        )""",
        """CREATE TABLE ban (
            network TEXT PRIMARY KEY,
            reason TEXT NOT NULL,
            by TEXT NOT NULL,
            since REAL NOT NULL,
            until REAL
        ) WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE place (
            owner TEXT PRIMARY KEY,
            mode TEXT NOT NULL,
            label TEXT NOT NULL,
            nick TEXT NOT NULL,
            rooms TEXT NOT NULL
        ) WITHOUT ROWID""",
    ),
)
"""Statements that lead from each schema to the next. What has been released is never changed, only added to.

Whatever removes entries has to leave the newest one in place: the next id is one more than the highest.
"""

READ_AHEAD_S = 0.25

_MAGIC = b"SQLite format 3\0"
_FULL = "the disk is full"
_LOCKED = "another program has locked the journal"
DAMAGED = "the journal is damaged"
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
}


def reason(error: sqlite3.Error) -> str:
    """Say in a few words why SQLite failed."""
    return _REASONS.get(primary_code(error), str(error))


def primary_code(error: sqlite3.Error) -> int:
    """Return the SQLite result code without its details; 0 when the error is of Python's making."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def refusal(path: Path, why: str) -> JournalError:
    """Make the error for a file that cannot be opened: which, why, and what to do."""
    return JournalError(f"cannot open {path}: {why}; {_ADVICE.get(why, 'check the disk it is on')}")


def connect(path: Path, mode: str, *, busy_s: float, cached_statements: int = 16) -> sqlite3.Connection:
    """Open an existing file, to write ("rw") or only to read ("ro"), for one thread at a time. No implicit BEGIN.

    `busy_s` is how long it waits for the locks of others.
    """
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_s,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=cached_statements,
    )


def claim(path: Path) -> int:
    """Make sure that there is a journal at `path`, ours alone. -> a descriptor: closing it ends the claim.

    Raises JournalError. Other programs may still read.
    """
    folder_fd = _lock_folder(path.parent)
    try:
        with refusing(path):
            if not path.exists():
                _create(path)
                os.fsync(folder_fd)
            _inspect(path)
    except BaseException:
        os.close(folder_fd)
        raise
    return folder_fd


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Translate what SQLite says while a file is being opened."""
    try:
        yield
    except sqlite3.Error as error:
        raise refusal(path, reason(error)) from error


def _lock_folder(folder: Path) -> int:
    # The folder and not the file: closing any descriptor of a file ends the locks that SQLite has on it.
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise JournalError(
            f"the data folder {folder} is in use by another server; stop that one, or choose another folder with --data"
        ) from error
    return fd


def _create(path: Path) -> None:
    """Make an empty journal, whole or not at all: it gets its name when it is complete."""
    unborn = path.with_name(path.name + ".new")
    leftover = path.with_name(path.name + "-wal")
    if leftover.exists() and leftover.stat().st_size:  # SQLite would play its changes back into the new file
        raise JournalError(f"{leftover} is there without {path}: put that file back, or move the first one away too")
    try:
        unborn.unlink(missing_ok=True)
        os.close(os.open(unborn, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise _unusable(path.parent, error) from error
    db = sqlite3.connect(unborn, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        migrate(db, path)
        db.execute("INSERT INTO meta VALUES ('epoch', ?)", (secrets.token_hex(8),))
    finally:
        db.close()
    os.replace(unborn, path)


def _inspect(path: Path) -> None:
    """Refuse what is not ours before SQLite opens it, which could change it. Also reads ahead.

    The read-ahead is for the check of all pages that follows: those are read in the order of the trees, which takes
    twenty times as long on a cold disk.
    """
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError as error:
        raise JournalError(
            f"cannot write to the journal {path}: {_words(error)}; "
            "give this user access, or choose another folder with --data"
        ) from error
    try:
        head = os.pread(fd, 100, 0)
        judge(path, head)
        _read_ahead(fd)
    finally:
        os.close(fd)


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring the schema up to date, one transaction for each step."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    _refuse_newer(path, version)
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        db.execute("BEGIN IMMEDIATE")
        for statement in statements:
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {number}")
        db.execute("COMMIT")


def judge(path: Path, head: bytes) -> None:
    """Refuse a file by its first 100 bytes. Raises JournalError."""
    if len(head) < 100:
        raise refusal(path, DAMAGED)
    if not head.startswith(_MAGIC) or int.from_bytes(head[68:72]) != APPLICATION_ID:
        raise JournalError(
            f"{path} is not a journal of trio-chat, or is damaged; move it away, or choose another folder with --data"
        )
    _refuse_newer(path, int.from_bytes(head[60:64]))


def _refuse_newer(path: Path, version: int) -> None:
    if version > len(MIGRATIONS):
        raise JournalError(
            f"{path} was written by a newer trio-chat (schema {version}, this one knows {len(MIGRATIONS)}); "
            "update trio-chat, or choose another folder with --data"
        )


def _read_ahead(fd: int) -> None:
    buffer = bytearray(1 << 20)
    deadline = time.monotonic() + READ_AHEAD_S
    while os.readv(fd, [buffer]) and time.monotonic() < deadline:
        pass


def _unusable(folder: Path, error: OSError) -> JournalError:
    return JournalError(f"cannot write in the data folder {folder}: {_words(error)}; choose another one with --data")


def _words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
