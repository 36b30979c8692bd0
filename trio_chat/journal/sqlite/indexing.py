"""Indexing of words and pruning of old entries, a slice at a time.

Both happen on the thread that writes, since SQLite has one writer, and must not delay entries. So each slice is
one statement, whose work is done by triggers: between statements the interpreter may run other threads, and the file
would stay locked meanwhile. Slices need no sync of their own: what a power cut takes back is done again.
"""

import logging
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from trio_chat.journal.prune_marks import MARKS_MAX
from trio_chat.journal.sqlite.connection import connect_beside, reason
from trio_chat.journal.sqlite.readers import INDEXED

SLICE_S = 0.002
"""The CPU time that a slice may take; one in a hundred takes twice as much."""

MERGED_PAGES = 8
"""Pages of the index merged in each slice. This keeps up with what slices add, and 300,000 entries need no slice of
more than 5 ms; left to itself SQLite merges 64 pages and more at once, in up to 20 ms."""

PAUSE_RATIO = 20
"""The pause after a slice of indexing is this many times its duration, or less when many entries are left."""

ENTRIES_PER_SHORTER_PAUSE = 5000
"""For each so many entries left to be indexed, the ratio falls by one, down to 1."""

INDEX_RETRY_S = 60.0
"""The pause after a slice that failed."""

_ROWS_MIN, _ROWS_MAX = 8, 512

_MERGE = f"INSERT INTO words (words, rank) VALUES ('merge', {MERGED_PAGES});"
_SLICE = "id > CAST(OLD.value AS INTEGER) AND id <= CAST(NEW.value AS INTEGER)"
_INDEX = f"""
CREATE TEMP TRIGGER index_slice AFTER UPDATE OF value ON meta WHEN NEW.name = 'indexed_to' BEGIN
    INSERT INTO words (rowid, room, text) SELECT id, hex(room), text FROM entry WHERE {_SLICE} AND {INDEXED};
    {_MERGE}
END
"""
_LAST_TOPIC = (
    "kind = 'topic' AND id = (SELECT max(id) FROM entry AS one WHERE one.room = entry.room AND one.kind = 'topic')"
)
_MARK = """INSERT INTO prune_mark (room, id) SELECT room, max(id) FROM entry WHERE {} GROUP BY room
        ON CONFLICT (room) DO UPDATE SET id = max(id, excluded.id);
    DELETE FROM entry WHERE {}"""
# The last topic of a room stays, however old, until the slice that has a newer one.
_OLD_TOPICS = f"""kind = 'topic' AND id <= CAST(OLD.value AS INTEGER)
        AND room IN (SELECT room FROM entry WHERE {_SLICE} AND kind = 'topic')"""
_OTHERS = f"{_SLICE} AND NOT ({_LAST_TOPIC})"
_PRUNE = f"""
CREATE TEMP TRIGGER prune_slice AFTER UPDATE OF value ON meta WHEN NEW.name = 'pruned_to' BEGIN
    INSERT INTO words (words, rowid, room, text) SELECT 'delete', id, hex(room), text FROM entry
        WHERE {_SLICE} AND {INDEXED} AND id <= (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'indexed_to');
    {_MARK.format(_OLD_TOPICS, _OLD_TOPICS)};
    {_MARK.format(_OTHERS, _OTHERS)};
    {_MERGE}
END
"""
_ADVANCE = "UPDATE meta SET value = ? WHERE name = ?"
_LOWEST_MARKS = "SELECT id FROM prune_mark ORDER BY id DESC LIMIT 1 OFFSET ?"
_RAISE_FLOOR = "UPDATE meta SET value = max(CAST(value AS INTEGER), ?) WHERE name = 'prune_floor'"
_SLICE_END = "SELECT id FROM entry WHERE id > ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?"

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
        for trigger in (_INDEX, _PRUNE):
            self._db.execute(trigger)
        self.indexed_to = self.pruned_to = 0
        self.reload()

    def reload(self) -> None:
        """Read both ids from the file again."""
        meta = dict(self._db.execute("SELECT name, value FROM meta").fetchall())
        self.indexed_to, self.pruned_to = int(meta["indexed_to"]), int(meta["pruned_to"])

    def index_due_in_s(self, last_id: int) -> float | None:
        """-> seconds until the next slice is due, or None when everything is indexed."""
        return max(0.0, self._due - time.monotonic()) if self.indexed_to < last_id else None

    def index(self, last_id: int) -> None:
        """Index a slice of the entries up to `last_id`; a failure only postpones it."""
        end = min(last_id, self.indexed_to + self._rows)
        try:
            took_s = self._advance("indexed_to", end)
        except sqlite3.Error as error:
            logger.warning("searching is slower, for entries cannot be indexed: %s: %s", self._path, reason(error))
            self._due = time.monotonic() + INDEX_RETRY_S
            return
        self.indexed_to = end
        lag = last_id - end
        self._due = time.monotonic() + (
            took_s * max(1, PAUSE_RATIO - lag // ENTRIES_PER_SHORTER_PAUSE) if lag else self._index_within_s
        )

    def prune(self, target: int) -> float:
        """Remove a slice of the entries up to `target`, which is below the newest. -> the seconds it took

        Raises sqlite3.Error.
        """
        end = self._db.execute(_SLICE_END, (self.pruned_to, target, self._rows - 1)).fetchone()
        # It is raised before they are removed: a reader that finds fewer entries can tell why.
        self.pruned_to = end[0] if end else target
        took_s = self._advance("pruned_to", self.pruned_to)
        if self.pruned_to == target:
            self._merge_lowest_marks()
        return took_s

    def empty_log(self) -> bool:
        """Copy the whole log into the file and empty it. -> True when that was possible"""
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
            self._db.execute(_RAISE_FLOOR, lowest)  # first: until they are deleted, it only says too much
            self._db.execute("DELETE FROM prune_mark WHERE id <= ?", lowest)

    def _advance(self, name: str, end: int) -> float:
        began = time.thread_time()
        self._db.execute(_ADVANCE, (str(end), name))
        took_s = time.thread_time() - began
        if took_s > SLICE_S:
            self._rows = max(_ROWS_MIN, self._rows // 2)
        elif took_s < SLICE_S / 2:
            self._rows = min(_ROWS_MAX, self._rows * 2)
        return took_s
