"""Purging of what was removed: its words leave the file and the write-ahead log, on the thread that writes.

The row of a removed entry is a tombstone at once, and SQLite overwrites what was there. But the index of words only
notes that its words are gone, until it is merged as a whole; pages that became free under an earlier version may have
text; and the log has the former pages. All that is done a slice at a time, when nobody waits for a commit. A mark in
the file survives a crash: then it begins anew.
"""

import logging
import math
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from trio_chat.journal.sqlite.connection import INDEXING_LOCK_WAIT_S, connect_for_background_work, reason
from trio_chat.journal.sqlite.removing import PENDING
from trio_chat.journal.sqlite.slices import PAUSE_RATIO
from trio_chat.journal.sqlite.word_index import WholeMerge

RETRY_S = 1.0
"""The pause after an attempt that failed, or while a reader needs the log."""

HELD_UP_TIMES = 3
"""Attempts to cut off the log after which it is said that a reader needs it: a search takes less time."""

WIPED_BYTES = 256 * 1024
"""Free pages are filled with so many zeros in each slice: 3 ms."""

_IS_PENDING = f"SELECT count(*) FROM meta WHERE name = '{PENDING}'"
_MAY_BE_UNWIPED = "SELECT count(*) FROM meta WHERE name = 'unwiped'"
_DONE = f"DELETE FROM meta WHERE name = '{PENDING}'"
_FILL = "INSERT INTO meta VALUES ('wipe ' || (SELECT count(*) FROM meta WHERE name LIKE 'wipe %'), zeroblob(?))"
_FREE = "DELETE FROM meta WHERE name = (SELECT max(name) FROM meta WHERE name LIKE 'wipe %')"
_WIPED = "DELETE FROM meta WHERE name = 'unwiped'"

PAGE_BYTES = 4096
"""SQLite's default."""

logger = logging.getLogger(__name__)


class Purging:
    """A connection of its own to the file, and the time of the next slice."""

    def __init__(self, path: Path) -> None:
        """Connect, and go on with a purge that was interrupted. Raises sqlite3.Error."""
        self._path = path
        self._db = connect_for_background_work(path)
        self._due = math.inf
        self._merge = WholeMerge(self._db)
        self._has_warned = False
        self._times_held_up = 0
        if self._db.execute(_IS_PENDING).fetchone()[0]:
            self.begin()

    def due_in_s(self) -> float:
        """Return the seconds until `purge` is due; infinite where nothing is left to purge."""
        return max(0.0, self._due - time.monotonic())

    def begin(self) -> None:
        """Begin a purge: something was removed just now."""
        self._merge.begin()
        self._due = 0.0

    def purge(self) -> int:
        """Purge a slice. Returns the approximate number of pages written. A failure only postpones it."""
        began = time.thread_time()
        try:
            for step in (self._merge.merge_some, self._wipe, self._free):
                if pages := step():
                    self._due = time.monotonic() + (time.thread_time() - began) * PAUSE_RATIO
                    return pages
            self._empty_log()
        except sqlite3.Error as error:
            if not self._has_warned:
                logger.warning("what was removed is still in the file: %s: %s", self._path, reason(error))
            self._has_warned, self._due = True, time.monotonic() + RETRY_S
        return 0

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def _wipe(self) -> int:
        """Fill some free pages with zeros, if free pages may not have been overwritten. Returns their number."""
        if not self._db.execute(_MAY_BE_UNWIPED).fetchone()[0]:
            return 0
        if self._db.execute("PRAGMA freelist_count").fetchone()[0]:
            self._db.execute(_FILL, (WIPED_BYTES,))
            return WIPED_BYTES // PAGE_BYTES
        self._db.execute(_WIPED)
        return 1

    def _free(self) -> int:
        """Free some of the pages again that were filled. Returns their number."""
        return WIPED_BYTES // PAGE_BYTES if self._db.execute(_FREE).rowcount else 0

    def _empty_log(self) -> None:
        """Copy the whole log into the file and cut it off, which takes that nobody reads from it; then all is done."""
        if self._without_waiting(lambda: self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]):
            self._due = time.monotonic() + RETRY_S
            self._times_held_up += 1
            if self._times_held_up == HELD_UP_TIMES:
                logger.warning(
                    "what was removed is still in %s-wal: another program reads the journal, an export perhaps; "
                    "it goes when that ends",
                    self._path,
                )
            return
        self._db.execute(_DONE)
        self._due, self._has_warned, self._times_held_up = math.inf, False, 0

    def _without_waiting(self, work: Callable[[], int]) -> int:
        """Do some work without waiting for a lock, since no entry can be kept meanwhile."""
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            return work()
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {INDEXING_LOCK_WAIT_S * 1000:.0f}")
