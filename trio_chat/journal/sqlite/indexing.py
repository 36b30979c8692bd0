"""Indexing of words, a slice at a time, on the thread that writes: SQLite has one writer.

New entries come first, then a gap of older ones, the newest of them before the others, since that is what people look
for. Slices need no sync of their own: what a power cut takes back is done again.
"""

import logging
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

from trio_chat.journal.sqlite.connection import connect_for_background_work, reason
from trio_chat.journal.sqlite.slices import PAUSE_RATIO, SliceSize
from trio_chat.journal.sqlite.word_index import add, prepare, put_off_backlog, read_marks

ENTRIES_PER_SHORTER_PAUSE = 5000
"""PAUSE_RATIO falls by one for each so many entries left to be indexed."""

PAUSE_RATIO_MIN = 9
"""The lowest ratio, since speaking comes before searching. It keeps up with 8,000 lines a second, and a million older
entries take some minutes."""

INDEX_RETRY_S = 60.0
"""The pause after a slice that failed."""

SLICE_END = "SELECT id FROM entry WHERE id > ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?"
"""The parameters are two ids, and one less than the number of entries in a slice between them."""

_SLICE_BEGIN = "SELECT id FROM entry WHERE id > ? AND id <= ? ORDER BY id DESC LIMIT 1 OFFSET ?"
_LAST_ID = "SELECT coalesce(max(id), 0) FROM entry"

logger = logging.getLogger(__name__)


class Indexing:
    """A connection of its own to the file, and the marks that tell which entries are indexed."""

    def __init__(self, path: Path, *, index_within_s: float) -> None:
        """Connect. An idle journal indexes an entry within `index_within_s`. Raises sqlite3.Error."""
        self._path = path
        self._index_within_s = index_within_s
        self._rows = SliceSize(128, least=1, most=512)
        self._due = 0.0
        self.db = connect_for_background_work(path)
        prepare(self.db)
        self.reload()

    def reload(self) -> None:
        """Read the marks from the file again, and put off a large backlog. Raises sqlite3.Error."""
        put_off_backlog(self.db, read_marks(self.db), self.db.execute(_LAST_ID).fetchone()[0])
        self.marks = read_marks(self.db)
        """The marks of what is indexed. Read by other threads."""

    def index_due_in_s(self, last_id: int) -> float | None:
        """Return the seconds until the next slice is due; None when everything is indexed."""
        if self.marks.indexed_to >= last_id and not self.marks.has_gap:
            return None
        return max(0.0, self._due - time.monotonic())

    def index(self, last_id: int) -> None:
        """Index a slice of the entries up to `last_id`; a failure only postpones it."""
        began = time.thread_time()
        try:
            if self.marks.indexed_to < last_id:
                self._index_new(last_id)
            else:
                self._index_gap()
        except sqlite3.Error as error:
            logger.warning("searching is slower, for entries cannot be indexed: %s: %s", self._path, reason(error))
            self._due = time.monotonic() + INDEX_RETRY_S
            return
        took_s = time.thread_time() - began
        self._rows.adapt(took_s)
        left = last_id - self.marks.indexed_to + max(0, self.marks.unindexed_to - self.marks.unindexed_from)
        ratio = max(PAUSE_RATIO_MIN, PAUSE_RATIO - left // ENTRIES_PER_SHORTER_PAUSE)
        pause_s = took_s * ratio if left else self._index_within_s
        self._due = time.monotonic() + pause_s

    def close(self) -> None:
        """Close the connection."""
        self.db.close()

    def _index_new(self, last_id: int) -> None:
        first = self.marks.indexed_to
        end = self.db.execute(SLICE_END, (first, last_id, self._rows.value - 1)).fetchone()
        to = end[0] if end else last_id
        add(self.db, (first, to), "indexed_to", to)
        self.marks = replace(self.marks, indexed_to=to)

    def _index_gap(self) -> None:
        first, to = self.marks.unindexed_from, self.marks.unindexed_to
        begin = self.db.execute(_SLICE_BEGIN, (first, to, self._rows.value - 1)).fetchone()
        after = begin[0] - 1 if begin else first
        add(self.db, (after, to), "unindexed_to", after)
        self.marks = replace(self.marks, unindexed_to=after)
