"""What is done to the file beside keeping: words are indexed and old entries pruned, a slice at a time.

Both happen on the thread that writes, since SQLite has one writer, and must not hold up who speaks. So each slice is
one statement, whose work is done by triggers: between statements the interpreter may run other threads, and the file
would stay locked meanwhile. Slices need no sync of their own: what a power cut takes back is done again.
"""

import logging
import sqlite3
import time
from pathlib import Path

from trio_chat.journal.sqlite.connection import connect_beside, reason
from trio_chat.journal.sqlite.readers import INDEXED

SLICE_S = 0.002
"""The CPU time that a slice may take; one in a hundred takes twice as much."""

MERGED_PAGES = 8
"""Pages of the index merged in each slice. This keeps up with what slices add, and 300,000 entries need no slice of
more than 5 ms; left to itself SQLite merges 64 pages and more at once, in up to 20 ms."""

RESTS = 20
"""The thread rests this many times as long as a slice took, or less when far more is left to be indexed."""

LAG_PER_REST = 5000
RETRY_S = 60.0

_ROWS_MIN, _ROWS_MAX = 8, 512

_MERGE = f"INSERT INTO words (words, rank) VALUES ('merge', {MERGED_PAGES});"
_SLICE = "id > CAST(OLD.value AS INTEGER) AND id <= CAST(NEW.value AS INTEGER)"
_INDEX = f"""
CREATE TEMP TRIGGER index_slice AFTER UPDATE OF value ON meta WHEN NEW.name = 'indexed_to' BEGIN
    INSERT INTO words (rowid, room, text) SELECT id, hex(room), text FROM entry WHERE {_SLICE} AND {INDEXED};
    {_MERGE}
END
"""
# The last topic of a room stays, however old, until the slice that has a newer one.
_PRUNE = f"""
CREATE TEMP TRIGGER prune_slice AFTER UPDATE OF value ON meta WHEN NEW.name = 'pruned_to' BEGIN
    INSERT INTO words (words, rowid, room, text) SELECT 'delete', id, hex(room), text FROM entry
        WHERE {_SLICE} AND {INDEXED} AND id <= (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'indexed_to');
    DELETE FROM entry WHERE kind = 'topic' AND id <= CAST(OLD.value AS INTEGER)
        AND room IN (SELECT room FROM entry WHERE {_SLICE} AND kind = 'topic');
    DELETE FROM entry WHERE {_SLICE} AND NOT (
        kind = 'topic' AND id = (SELECT max(id) FROM entry AS one WHERE one.room = entry.room AND one.kind = 'topic'));
    {_MERGE}
END
"""
_GO_ON = "UPDATE meta SET value = ? WHERE name = ?"
_SLICE_END = "SELECT id FROM entry WHERE id > ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?"

logger = logging.getLogger(__name__)


class Indexing:
    """A connection of its own to the file, and how far both have come: ids up to which all is indexed, or gone."""

    def __init__(self, path: Path, *, index_s: float) -> None:
        """`index_s` is how long it may take until an entry is indexed when there is nothing else to do."""
        self._path = path
        self._index_s = index_s
        self._rows = 128
        self._due = 0.0
        self._db = connect_beside(path)
        for trigger in (_INDEX, _PRUNE):
            self._db.execute(trigger)
        self.indexed_to = self.pruned_to = 0
        self.reload()

    def reload(self) -> None:
        """Read anew how far it has come."""
        meta = dict(self._db.execute("SELECT name, value FROM meta").fetchall())
        self.indexed_to, self.pruned_to = int(meta["indexed_to"]), int(meta["pruned_to"])

    def index_due_in_s(self, last_id: int) -> float | None:
        """-> seconds until another slice is to be indexed, or None as long as nothing more is kept."""
        return max(0.0, self._due - time.monotonic()) if self.indexed_to < last_id else None

    def index(self, last_id: int) -> None:
        """Index a slice of the entries up to `last_id`; a failure only postpones it."""
        end = min(last_id, self.indexed_to + self._rows)
        try:
            took_s = self._go_on("indexed_to", end)
        except sqlite3.Error as error:
            logger.warning("searching is slower, for entries cannot be indexed: %s: %s", self._path, reason(error))
            self._due = time.monotonic() + RETRY_S
            return
        self.indexed_to = end
        lag = last_id - end
        self._due = time.monotonic() + (took_s * max(1, RESTS - lag // LAG_PER_REST) if lag else self._index_s)

    def prune(self, target: int) -> float:
        """Remove a slice of the entries up to `target`, which is below the newest. -> the seconds that it took.

        Raises sqlite3.Error.
        """
        end = self._db.execute(_SLICE_END, (self.pruned_to, target, self._rows - 1)).fetchone()
        # It is raised before they go: whoever then finds less than there was knows why.
        self.pruned_to = end[0] if end else target
        return self._go_on("pruned_to", self.pruned_to)

    def empty_log(self) -> bool:
        """Bring all that is in the log into the file. -> whether that was possible"""
        try:
            is_held_up, *_ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error:
            return False
        return not is_held_up

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _go_on(self, name: str, end: int) -> float:
        began = time.thread_time()
        self._db.execute(_GO_ON, (str(end), name))
        took_s = time.thread_time() - began
        if took_s > SLICE_S:
            self._rows = max(_ROWS_MIN, self._rows // 2)
        elif took_s < SLICE_S / 2:
            self._rows = min(_ROWS_MAX, self._rows * 2)
        return took_s
