"""Opening a file: it is locked, made if need be, and only taken if it is ours; or tried without changing anything.

Nothing here ever deletes or overwrites a file that it does not take for its own.
"""

import fcntl
import os
import secrets
import sqlite3
import stat
import time
from pathlib import Path

from trio_chat.journal.records import JournalError
from trio_chat.journal.sqlite.connection import refusal, refusing
from trio_chat.journal.sqlite.integrity import QuickCheck
from trio_chat.journal.sqlite.schema import judge, migrate

READ_AHEAD_S = 0.25

BUSY_S = 2.0
"""A server waits as long for the locks of other programs."""


def lock_and_prepare(path: Path) -> int:
    """Make sure that there is a journal at `path`, ours alone. -> a descriptor: closing it ends the lock_and_prepare.

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
    if path.is_symlink():  # its disk may only not be mounted yet
        raise JournalError(
            f"{path} is a link to {os.readlink(path)}, which is not there: put that file back, or remove the link"
        )
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
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise JournalError(f"{path} is no file; move it away, or choose another folder with --data")
        head = os.pread(fd, 100, 0)
        judge(path, head)
        _read_ahead(fd)
    finally:
        os.close(fd)


def _read_ahead(fd: int) -> None:
    buffer = bytearray(1 << 20)
    deadline = time.monotonic() + READ_AHEAD_S
    while os.readv(fd, [buffer]) and time.monotonic() < deadline:
        pass


def _unusable(folder: Path, error: OSError) -> JournalError:
    return JournalError(f"cannot write in the data folder {folder}: {_words(error)}; choose another one with --data")


def _words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def check_can_open(path: Path) -> None:
    """Look whether a server of this user could open the journal at `path`, or make one. Raises JournalError.

    One that another server has is taken to be that of the server in question.
    """
    if path.exists():
        try:
            claimed = lock_and_prepare(path)
        except JournalError as error:
            if not isinstance(error.__cause__, BlockingIOError):
                raise
            return
        try:
            _examine(path)
        finally:
            os.close(claimed)
        return
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise JournalError(f"cannot write in the data folder {path.parent}: choose another one with --data")


def _examine(path: Path) -> None:
    """Check all pages, however long it takes."""
    checkup = QuickCheck(path, BUSY_S)
    try:
        with refusing(path):
            damage = checkup.run()
    finally:
        checkup.tidy()
    if damage:
        raise refusal(path, damage)
