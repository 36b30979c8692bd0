"""The outbox: unacknowledged messages on disk, so that even a killed client sends them next time.

One SQLite file for each server and profile: a line is there whole or not at all, even after a power cut. The file is
locked while it is in use, so that each of two clients at once has an outbox, and a session, of its own. One that
holds nothing is removed when it is closed; those of clients that were killed, by a later one.
"""

import math
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import trio

from trio_chat.client.link.events import Message
from trio_chat.client.memory.state_file import file_stem, locked, set_aside
from trio_chat.config import state_folder
from trio_chat.wire import frames

PENDING_MAX = 1000
"""Messages in the outbox. Where it is full, a person is told and a pipe waits."""

PROFILES_MAX = 64
"""Clients of one person, with one nick at one server, that can have an outbox on disk at the same time."""

SWEEP_AGE_S = 24 * 60 * 60
"""Time after the last change of an outbox without messages after which nobody will come back for its session."""

SWEPT_MAX = 8
"""Outboxes looked at when one is closed: the disk takes up to 10 ms for each."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pending (
    number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE NOT NULL, frame BLOB NOT NULL, time REAL
);
"""
_HAS_TIME = "SELECT count(*) FROM pragma_table_info('pending') WHERE name = 'time'"
_ADD_TIME = "ALTER TABLE pending ADD COLUMN time REAL"  # files from before 0.3 have none

T = TypeVar("T")

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


class OutboxError(Exception):
    """The outbox cannot be written; the text says why."""


class Outbox:
    """A file that holds a session and its messages, or the same in memory only.

    `session` is the secret, `pending` the messages found when it was opened, oldest first, and `warning` one line for
    the person about what was wrong with the file.
    """

    def __init__(self, database: sqlite3.Connection, warning: str = "", *, file: Path | None = None) -> None:
        """Use an open database, which `close` closes. Raises sqlite3.Error, msgspec.MsgspecError."""
        self._database = database
        self._limiter = trio.CapacityLimiter(1)
        self._file = file
        self._is_session_used = False
        self.warning = warning
        database.executescript(_SCHEMA)
        if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("damaged")
        if not database.execute(_HAS_TIME).fetchone()[0]:
            database.execute(_ADD_TIME)
        self.session = self._open_session()
        rows = database.execute("SELECT frame FROM pending ORDER BY number LIMIT ?", (PENDING_MAX,))
        self.pending: tuple[Message, ...] = tuple(_decode(frame) for (frame,) in rows)
        (oldest,) = database.execute("SELECT min(coalesce(time, 0)) FROM pending").fetchone()
        self.oldest_time: float = oldest or 0.0
        """The time at which the oldest of them was added, in seconds since 1970; 0 where that is not known."""

    @property
    def is_on_disk(self) -> bool:
        """True if it is still there after the client has ended."""
        return self._file is not None

    def use_session(self) -> None:
        """Keep the session until it is ended: the server knows it now."""
        self._is_session_used = True

    async def add(self, messages: Iterable[Message]) -> None:
        """Add messages; return when they are on disk. Raises OutboxError."""
        now = time.time()
        rows = [(message.key, frames.encode(message), now) for message in messages]
        statement = "INSERT OR IGNORE INTO pending (key, frame, time) VALUES (?, ?, ?)"
        await self._in_thread(partial(self._write, statement, rows))

    async def remove(self, keys: Iterable[str]) -> None:
        """Remove messages. Raises OutboxError."""
        await self._in_thread(partial(self._write, "DELETE FROM pending WHERE key = ?", [(key,) for key in keys]))

    def end_session(self) -> None:
        """Delete the session, unless it has messages left."""
        with suppress(sqlite3.Error):
            self._database.execute("DELETE FROM about WHERE NOT EXISTS (SELECT 1 FROM pending)")

    def close(self) -> None:
        """Close the file, and with that unlock it; remove it if it holds nothing."""
        with ExitStack() as unlocked:
            file = self._file if self._holds_nothing() else None
            if file:
                try:
                    unlocked.enter_context(locked(file))
                except OSError:
                    file = None
            self._database.close()
            if file:
                with suppress(OSError):
                    file.unlink()

    def _holds_nothing(self) -> bool:
        if not self._is_session_used:
            self.end_session()
        try:
            rows = self._database.execute("SELECT (SELECT count(*) FROM about) + (SELECT count(*) FROM pending)")
            return bool(rows.fetchone() == (0,))
        except sqlite3.Error:
            return False

    def _open_session(self) -> str:
        found = self._database.execute("SELECT value FROM about WHERE name = 'session'").fetchone()
        self._is_session_used = bool(found)
        session = str(found[0]) if found else secrets.token_urlsafe(24)
        if not 16 <= len(session) <= 128:
            raise sqlite3.DatabaseError("damaged")
        self._database.execute("INSERT OR REPLACE INTO about VALUES ('session', ?)", (session,))
        return session

    async def _in_thread(self, write: Callable[[], T]) -> T:
        """Write in a thread, one commit at a time: a commit waits for the disk."""
        return await trio.to_thread.run_sync(write, limiter=self._limiter)

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        try:
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                self._database.executemany(statement, rows)
        except sqlite3.Error as error:
            raise OutboxError(str(error)) from error


@contextmanager
def open_outbox(server: str, profile: str = "", *, folder: Path | None = None) -> Iterator[Outbox]:
    """Open the first unused outbox of a server and a profile, and close it at the end of the block.

    If no file can be opened, it is in memory. It opens and locks files: call it before the event loop, or in a thread.
    """
    outbox = _find(folder or default_folder(), file_stem(server, profile))
    try:
        yield outbox
    finally:
        outbox.close()
        _sweep(folder or default_folder())


def _sweep(folder: Path) -> None:
    """Remove the outboxes of clients that were killed long ago and left no message behind, some at a time."""
    oldest = time.time() - SWEEP_AGE_S
    with suppress(OSError), locked(folder / "any", timeout_s=0.0):
        candidates = [file for file in folder.glob("*.[1-9]*") if file.suffix[1:].isdigit()]
        ages = {file: _changed_at(file) for file in candidates}
        for file in sorted((file for file in candidates if ages[file] < oldest), key=ages.__getitem__)[:SWEPT_MAX]:
            _remove_if_empty(file)


def _changed_at(file: Path) -> float:
    files = (file, file.with_name(f"{file.name}-wal"))
    return max((found.stat().st_mtime for found in files if found.exists()), default=math.inf)


def _remove_if_empty(file: Path) -> None:
    """Remove an outbox that nobody uses and that has no messages. A damaged one stays, for whoever opens it."""
    database = sqlite3.connect(file, isolation_level=None, timeout=0)
    try:
        _lock(database)
        is_empty = database.execute("SELECT count(*) FROM pending").fetchone() == (0,)
    except sqlite3.Error:
        is_empty = False
    finally:
        database.close()
    if is_empty:
        file.unlink()


def default_folder() -> Path:
    """Return the folder of this person's outboxes, by the convention of the platform. Raises ConfigError."""
    return state_folder() / "outbox"


def _find(folder: Path, stem: str) -> Outbox:
    try:
        with locked(folder / stem):  # or another client could be removing what is opened here
            for number in range(1, PROFILES_MAX + 1):
                if outbox := _try_to_open(folder / f"{stem}.{number}"):
                    return outbox
        why = f"{PROFILES_MAX} clients have theirs in use"
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    warning = f"no outbox in {folder}: {why}; what is not sent when this client ends is lost"
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    return Outbox(database, warning)


def _try_to_open(file: Path, warning: str = "") -> Outbox | None:
    """Open and lock a file; set it aside where it is damaged. -> None where another client has it"""
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=0)
    try:
        _lock(database)
        return Outbox(database, warning, file=file)
    except (sqlite3.DatabaseError, msgspec.MsgspecError) as error:
        database.close()
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return None
        if isinstance(error, sqlite3.OperationalError) or warning:
            raise
    aside = _set_aside(file)
    return _try_to_open(file, f"the outbox {file} is damaged: it is now {aside}, and an empty one takes its address")


def _lock(database: sqlite3.Connection) -> None:
    """Keep other clients from the file. Raises sqlite3.OperationalError where one has it."""
    for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"PRAGMA {pragma}")


def _decode(frame: bytes) -> Message:
    """Decode a message. Raises msgspec.MsgspecError where it is none."""
    message = _decoder.decode(frame)
    if isinstance(message, frames.Say) and message.text is None and not message.lines:
        raise msgspec.ValidationError("a say without text")
    return message


def _set_aside(file: Path) -> Path:
    aside = set_aside(file)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            file.with_name(file.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside
