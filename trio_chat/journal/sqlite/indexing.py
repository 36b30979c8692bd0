"""Indexing of words and pruning of old entries, a slice at a time.

Both happen on the thread that writes, since SQLite has one writer, and must not delay entries: see `word_index`. New
entries come first, then a gap of older ones, the newest of them before the others, since that is what people look for.
Slices need no sync of their own: what a power cut takes back is done again.
"""

import logging
import sqlite3
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from trio_chat.journal.prune_marks import MARKS_MAX
from trio_chat.journal.sqlite.connection import connect_beside, reason
from trio_chat.journal.sqlite.word_index import REMOVE, add, indexable, prepare, put_off_backlog, read_marks

SLICE_S = 0.002
"""The CPU time that a slice may take; one in a hundred takes twice as much."""

PAUSE_RATIO = 20
"""The pause after a slice of indexing is this many times its duration, or less when many entries are left."""

ENTRIES_PER_SHORTER_PAUSE = 5000
"""The ratio falls by one for each so many entries left to be indexed."""

PAUSE_RATIO_MIN = 9
"""The lowest ratio: who speaks comes before who searches. It keeps up with 8,000 lines a second, and a million older
entries take some minutes."""

INDEX_RETRY_S = 60.0
"""The pause after a slice that failed."""

_ROWS_MIN, _ROWS_MAX = 1, 512

_SLICE = "id > NEW.first AND id <= NEW.last"
_LAST_TOPIC = (
    "kind = 'topic' AND id = (SELECT max(id) FROM entry AS one WHERE one.room = entry.room AND one.kind = 'topic')"
)
_MARK = """INSERT INTO prune_mark (room, id) SELECT room, max(id) FROM entry WHERE {} GROUP BY room
        ON CONFLICT (room) DO UPDATE SET id = max(id, excluded.id);
    DELETE FROM entry WHERE {}"""
# The last topic of a room stays, however old, until the slice that has a newer one.
_OLD_TOPICS = f"""kind = 'topic' AND id <= NEW.first
        AND room IN (SELECT room FROM entry WHERE {_SLICE} AND kind = 'topic')"""
_OTHERS = f"{_SLICE} AND NOT ({_LAST_TOPIC})"
_PRUNE = (
    "CREATE TEMP VIEW prune_slice AS SELECT '' AS rows, 0 AS first, 0 AS last",
    f"""CREATE TEMP TRIGGER prune_rows INSTEAD OF INSERT ON prune_slice BEGIN
        {REMOVE}
        UPDATE meta SET value = NEW.last WHERE name = 'pruned_to';
        {_MARK.format(_OLD_TOPICS, _OLD_TOPICS)};
        {_MARK.format(_OTHERS, _OTHERS)};
    END""",
)
_LOWEST_MARKS = "SELECT id FROM prune_mark ORDER BY id DESC LIMIT 1 OFFSET ?"
_RAISE_FLOOR = "UPDATE meta SET value = max(CAST(value AS INTEGER), ?) WHERE name = 'prune_floor'"
_SLICE_END = "SELECT id FROM entry WHERE id > ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?"
_SLICE_BEGIN = "SELECT id FROM entry WHERE id > ? AND id <= ? ORDER BY id DESC LIMIT 1 OFFSET ?"
_LAST_ID = "SELECT coalesce(max(id), 0) FROM entry"

logger = logging.getLogger(__name__)


class Indexing:
    """A connection of its own to the file, and the ids up to which entries are indexed and pruned."""

    def __init__(self, path: Path, *, index_within_s: float, marks_max: int = MARKS_MAX) -> None:
        """`index_within_s` is the time until an entry is indexed when there is nothing else to do."""
        self._path = path
        self._index_within_s = index_within_s
        self._rows = 128
        self._marks_max = marks_max
        self._due = 0.0
        self._db = connect_beside(path)
        prepare(self._db)
        for statement in _PRUNE:
            self._db.execute(statement)
        self.reload()

    def reload(self) -> None:
        """Read the ids from the file again, and put off indexing where that is much. Raises sqlite3.Error."""
        put_off_backlog(self._db, read_marks(self._db), self._db.execute(_LAST_ID).fetchone()[0])
        self.marks = read_marks(self._db)
        """The marks of what is indexed. Read by other threads."""
        self.pruned_to = int(self._db.execute("SELECT value FROM meta WHERE name = 'pruned_to'").fetchone()[0])

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
        took_s = self._adapt(time.thread_time() - began)
        left = last_id - self.marks.indexed_to + max(0, self.marks.unindexed_to - self.marks.unindexed_from)
        ratio = max(PAUSE_RATIO_MIN, PAUSE_RATIO - left // ENTRIES_PER_SHORTER_PAUSE)
        pause_s = took_s * ratio if left else self._index_within_s
        self._due = time.monotonic() + pause_s

    def prune(self, target: int) -> float:
        """Remove a slice of the entries up to `target`, which is below the newest. Returns the CPU time in seconds.

        Raises sqlite3.Error.
        """
        began, first = time.thread_time(), self.pruned_to
        end = self._db.execute(_SLICE_END, (first, target, self._rows - 1)).fetchone()
        # It is raised before they are removed: a reader that finds fewer entries can tell why.
        self.pruned_to = end[0] if end else target
        rows = indexable(self._db, *self.marks.indexed(first, self.pruned_to))
        self._db.execute("INSERT INTO prune_slice VALUES (?, ?, ?)", (rows, first, self.pruned_to))
        took_s = self._adapt(time.thread_time() - began)
        if self.pruned_to == target:
            self._merge_lowest_marks()
        return took_s

    def empty_log(self) -> bool:
        """Copy the whole log into the file and empty it. Returns False where that was not possible."""
        try:
            is_held_up, *_ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error:
            return False
        return not is_held_up

    def restart_log(self) -> None:
        """Copy the whole log into the file, and have it written from its beginning again where that is possible."""
        with suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(RESTART)")

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def _merge_lowest_marks(self) -> None:
        """Let the rooms pruned longest ago share one mark, where there are too many. Raises sqlite3.Error."""
        if lowest := self._db.execute(_LOWEST_MARKS, (self._marks_max,)).fetchone():
            self._db.execute(_RAISE_FLOOR, lowest)  # first: meanwhile it only reports too much
            self._db.execute("DELETE FROM prune_mark WHERE id <= ?", lowest)

    def _index_new(self, last_id: int) -> None:
        first = self.marks.indexed_to
        end = self._db.execute(_SLICE_END, (first, last_id, self._rows - 1)).fetchone()
        to = end[0] if end else last_id
        add(self._db, (first, to), "indexed_to", to)
        self.marks = replace(self.marks, indexed_to=to)

    def _index_gap(self) -> None:
        first, to = self.marks.unindexed_from, self.marks.unindexed_to
        begin = self._db.execute(_SLICE_BEGIN, (first, to, self._rows - 1)).fetchone()
        after = begin[0] - 1 if begin else first
        add(self._db, (after, to), "unindexed_to", after)
        self.marks = replace(self.marks, unindexed_to=after)

    def _adapt(self, took_s: float) -> float:
        """Adapt the size of slices to what one took. -> that"""
        if took_s > SLICE_S:
            self._rows = max(_ROWS_MIN, self._rows // 2)
        elif took_s < SLICE_S / 2:
            self._rows = min(_ROWS_MAX, self._rows * 2)
        return took_s
