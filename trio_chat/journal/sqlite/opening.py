"""Locking, creating and checking the file before it is opened; or checking only, without changing anything.

Nothing here deletes or overwrites a file that is not a journal.
"""

import fcntl
import os
import secrets
import sqlite3
import stat
import time
from pathlib import Path

from trio_chat.journal.records import JournalError
from trio_chat.journal.sqlite.connection import opening_error, translating_opening_errors
from trio_chat.journal.sqlite.integrity import QuickCheck
from trio_chat.journal.sqlite.schema import migrate, refuse_foreign

READ_AHEAD_MAX_S = 0.25
"""The longest time for reading ahead."""

CHECK_LOCK_WAIT_S = 2.0
"""The longest wait for a lock of another program; a server waits as long."""


def lock_and_prepare(path: Path) -> int:
    """Lock the folder of `path`, and create the journal if it is not there.

    Returns a file descriptor: closing it releases the lock. Other programs may still read. Raises JournalError.
    """
    folder_fd = _lock_folder(path.parent)
    try:
        with translating_opening_errors(path):
            if not path.exists():
                _create(path)
                os.fsync(folder_fd)
            _refuse_or_read_ahead(path)
    except BaseException:
        os.close(folder_fd)
        raise
    return folder_fd


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
    """Create an empty journal, whole or not at all: it gets its name when it is complete."""
    if path.is_symlink():  # its disk may not be mounted yet
        raise JournalError(
            f"{path} is a link to {os.readlink(path)}, which is not there: put that file back, or remove the link"
        )
    unfinished = path.with_name(path.name + ".new")
    leftover = path.with_name(path.name + "-wal")
    if leftover.exists() and leftover.stat().st_size:  # SQLite would apply its changes to the new file
        raise JournalError(f"{leftover} is there without {path}: put that file back, or move the first one away too")
    try:
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise _unusable(path.parent, error) from error
    db = sqlite3.connect(unfinished, isolation_level=None)
    try:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before anything is in it, or the file could never be shrunk
        db.execute("PRAGMA journal_mode = WAL")
        migrate(db, path)
        db.execute("INSERT INTO meta VALUES ('epoch', ?)", (secrets.token_hex(8),))
    finally:
        db.close()
    os.replace(unfinished, path)


def _refuse_or_read_ahead(path: Path) -> None:
    """Refuse a file that is not a journal before SQLite opens it, which could change it. Also reads ahead.

    The read-ahead is for the check of all pages that follows: those are read in the order of the trees, which takes
    twenty times as long on a cold disk.
    """
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError as error:
        raise JournalError(
            f"cannot write to the journal {path}: {_reason(error)}; "
            "give this user access, or choose another folder with --data"
        ) from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise JournalError(f"{path} is no file; move it away, or choose another folder with --data")
        head = os.pread(fd, 100, 0)
        refuse_foreign(path, head)
        _read_ahead(fd)
    finally:
        os.close(fd)


def _read_ahead(fd: int) -> None:
    buffer = bytearray(1 << 20)
    deadline = time.monotonic() + READ_AHEAD_MAX_S
    while os.readv(fd, [buffer]) and time.monotonic() < deadline:
        pass


def _unusable(folder: Path, error: OSError) -> JournalError:
    return JournalError(f"cannot write in the data folder {folder}: {_reason(error)}; choose another one with --data")


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def check_can_open(path: Path) -> None:
    """Check that a server of this user could open the journal at `path`, or create one. Raises JournalError.

    If a server uses it, that is taken to be the one in question.
    """
    if path.exists():
        try:
            lock = lock_and_prepare(path)
        except JournalError as error:
            if not isinstance(error.__cause__, BlockingIOError):
                raise
            return
        try:
            _check_pages(path)
        finally:
            os.close(lock)
        return
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise JournalError(f"cannot write in the data folder {path.parent}: choose another one with --data")


def _check_pages(path: Path) -> None:
    """Check all pages, however long it takes."""
    check = QuickCheck(path, CHECK_LOCK_WAIT_S)
    try:
        with translating_opening_errors(path):
            damage = check.run()
    finally:
        check.remove_leftovers()
    if damage:
        raise opening_error(path, damage)
