"""Giving the disk space of removed entries back, a slice at a time, on the thread that writes.

SQLite keeps the pages that pruning has emptied for what comes next. Those beyond a reserve are moved to the end of the
file and cut off there (https://www.sqlite.org/pragma.html#pragma_incremental_vacuum), which a file must have been made
for. A file of an early version is rebuilt once: at opening if it is small, else by `compact`, while no server runs.

The index of words keeps what was removed, too, until it is merged as a whole: that is done, a few pages in each slice,
whenever more was removed than is left.
"""

import logging
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from trio_chat.journal.records import JournalError
from trio_chat.journal.sqlite.connection import (
    connect,
    connect_for_background_work,
    reason,
    temporary_files_beside,
    translating_errors,
)
from trio_chat.journal.sqlite.opening import CHECK_LOCK_WAIT_S, lock_and_prepare
from trio_chat.journal.sqlite.slices import PAUSE_RATIO, SliceSize
from trio_chat.journal.sqlite.word_index import WholeMerge

LOOK_EVERY_S = 60.0
"""Between two looks at the number of free pages, and after a slice that failed."""

RESERVE_PAGES = 64
RESERVE_SHARE = 10
"""Free pages that stay for the next entries: so many, or one page in ten if that is more."""

REBUILT_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of a file that is rebuilt while a server starts: it takes 0.4 s for that, and needs the memory."""

REMOVED_MIN = 1000
"""Entries that were removed before the index is merged as a whole."""

_INCREMENTAL = 2

logger = logging.getLogger(__name__)


class Shrinking:
    """A connection of its own to the file, and the time of the next slice."""

    def __init__(self, path: Path, *, pruned_to: int = 0, look_every_s: float = LOOK_EVERY_S) -> None:
        """`pruned_to` is the id up to which entries were removed before. Raises sqlite3.Error."""
        self._merged_to = pruned_to
        self._path = path
        self._look_every_s = look_every_s
        self._pages = SliceSize(64, least=8, most=512)  # 64 pages take 0.3 ms, 3,300 pages 19 ms in all
        self._due = 0.0
        self._has_logged = False
        self._db = connect_for_background_work(path)
        self._merge = WholeMerge(self._db)

    def due_in_s(self) -> float:
        """Return the seconds until `shrink` is due."""
        return max(0.0, self._due - time.monotonic())

    def note_pruned(self, pruned_to: int, last_id: int) -> None:
        """Let the next slice be due at once, and merge the index if more was pruned than is left."""
        self._due = 0.0
        if pruned_to - self._merged_to > max(REMOVED_MIN, last_id - pruned_to):
            self._merged_to = pruned_to
            self._merge.begin()

    def shrink(self) -> int:
        """Cut off a slice of the free pages beyond the reserve. Returns their number. A failure only postpones it."""
        began, pages, pause_s = time.thread_time(), 0, self._look_every_s
        try:
            if pages := self._merge.merge_some() or self._cut_off(_spare_pages(self._db)):
                pause_s = (time.thread_time() - began) * PAUSE_RATIO
        except sqlite3.Error as error:
            logger.warning("the journal cannot be made smaller: %s: %s", self._path, reason(error))
        self._due = time.monotonic() + pause_s
        return pages

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def _cut_off(self, spare: int) -> int:
        """Cut off a slice of so many free pages. Returns its size; 0 where the file was not made for that."""
        if not spare:
            return 0
        if not _is_incremental(self._db):
            self._log_cure()
            return 0
        began = time.thread_time()
        pages = min(spare, self._pages.value)
        self._db.executescript(f"PRAGMA incremental_vacuum({pages})")  # `execute` would do one page alone
        self._pages.adapt(time.thread_time() - began)
        return pages

    def _log_cure(self) -> None:
        if not self._has_logged:
            self._has_logged = True
            logger.info(
                "%s keeps its size until `trio-chat history compact` is run, once, without a server", self._path
            )


def _spare_pages(db: sqlite3.Connection) -> int:
    """Return the number of free pages beyond the reserve."""
    free, pages = _number(db, "freelist_count"), _number(db, "page_count")
    return max(0, free - max(RESERVE_PAGES, pages // RESERVE_SHARE))


def rebuild_if_small(db: sqlite3.Connection, *, bytes_max: int = REBUILT_BYTES_MAX) -> None:
    """Rebuild a file that cannot be shrunk, if little is in it; a failure only postpones that."""
    if _is_incremental(db):
        return
    used = (_number(db, "page_count") - _number(db, "freelist_count")) * _number(db, "page_size")
    if used > bytes_max:
        return
    try:
        db.execute("PRAGMA temp_store = MEMORY")
        _rebuild(db)
    except sqlite3.Error as error:  # a full disk, or a lock: the server starts all the same
        logger.info("the journal could not be rebuilt, so it keeps its size: %s", reason(error))
    finally:
        db.execute("PRAGMA temp_store = DEFAULT")


def compact(path: Path) -> tuple[int, int]:
    """Rebuild a file that no server uses, without the space of what was removed.

    The new file is written beside the old one. Returns the size in bytes before and after. Raises JournalError; then
    nothing has changed.
    """
    if not path.exists():
        raise JournalError(f"there is no journal at {path}")
    lock = lock_and_prepare(path)
    before = path.stat().st_size
    try:
        with (
            translating_errors(),
            temporary_files_beside(path),
            closing(connect(path, "rw", lock_wait_s=CHECK_LOCK_WAIT_S)) as db,
        ):
            _rebuild(db)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except JournalError as error:
        raise JournalError(f"cannot compact {path}: {error}; nothing was changed") from error
    finally:
        os.close(lock)
    return before, path.stat().st_size


def _rebuild(db: sqlite3.Connection) -> None:
    db.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
    db.execute("VACUUM")


def _is_incremental(db: sqlite3.Connection) -> bool:
    return _number(db, "auto_vacuum") == _INCREMENTAL


def _number(db: sqlite3.Connection, pragma: str) -> int:
    return int(db.execute(f"PRAGMA {pragma}").fetchone()[0])
