"""Pruning of old entries, a slice at a time, on the thread that writes; and the ids up to which they are old.

Slices need no sync of their own: what a power cut takes back is done again. All functions raise sqlite3.Error.
"""

import sqlite3
import time

import msgspec

from trio_chat.journal.age import AgeCut
from trio_chat.journal.prune_marks import MARKS_MAX
from trio_chat.journal.sqlite.indexing import SLICE_END, Indexing
from trio_chat.journal.sqlite.rows import to_micros
from trio_chat.journal.sqlite.slices import SliceSize
from trio_chat.journal.sqlite.word_index import REMOVE, indexable

_SLICE = "id > NEW.first AND id <= NEW.last"
_LAST_TOPIC = (
    "kind = 'topic' AND id = (SELECT max(id) FROM entry AS one WHERE one.room = entry.room AND one.kind = 'topic')"
)
_RAISE_MARKS_AND_DELETE = """INSERT INTO prune_mark (room, id) SELECT room, max(id) FROM entry WHERE {} GROUP BY room
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
        {_RAISE_MARKS_AND_DELETE.format(_OLD_TOPICS, _OLD_TOPICS)};
        {_RAISE_MARKS_AND_DELETE.format(_OTHERS, _OTHERS)};
    END""",
)
_LOWEST_MARKS = "SELECT id FROM prune_mark ORDER BY id DESC LIMIT 1 OFFSET ?"
_RAISE_FLOOR = "UPDATE meta SET value = max(CAST(value AS INTEGER), ?) WHERE name = 'prune_floor'"

_ENDS = """
SELECT coalesce((SELECT max(id) FROM entry), 0), (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'pruned_to')
"""
_MARK_OF_ROOM = """
SELECT max(
    (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'prune_floor'),
    coalesce((SELECT id FROM prune_mark WHERE room = ?), 0)
)
"""

_VOTES_AT_ONCE = 10_000
# The votes of `age.vote`. A time that is no number, since a bit flipped, is above all of them.
_VOTES = """
SELECT json_group_array(json_array(id, vote)) FROM (
    SELECT id, CASE WHEN time > :now THEN 0 WHEN time < :cutoff THEN 1 ELSE -1 END AS vote
    FROM entry WHERE id > :after ORDER BY id LIMIT :limit
)
"""
_decode_votes = msgspec.json.Decoder(list[tuple[int, int]]).decode


class SqlitePruning:
    """Pruning on the connection of `Indexing`, which knows the words that have to leave the index."""

    def __init__(self, indexing: Indexing, *, marks_max: int = MARKS_MAX) -> None:
        """Keep at most `marks_max` marks of rooms."""
        self._indexing = indexing
        self._db = indexing.db
        self._marks_max = marks_max
        self._rows = SliceSize(128, least=1, most=512)
        for statement in _PRUNE:
            self._db.execute(statement)
        self.reload()

    def reload(self) -> None:
        """Read the highest pruned id from the file again."""
        self.pruned_to = int(self._db.execute("SELECT value FROM meta WHERE name = 'pruned_to'").fetchone()[0])
        """The highest id ever pruned or being pruned. Read by other threads."""

    def prune(self, target: int) -> float:
        """Remove a slice of the entries up to `target`, which is below the newest. Returns the CPU time in seconds."""
        began, first = time.thread_time(), self.pruned_to
        end = self._db.execute(SLICE_END, (first, target, self._rows.value - 1)).fetchone()
        # It is raised before they are removed: a reader that finds fewer entries can tell why.
        self.pruned_to = end[0] if end else target
        rows = indexable(self._db, *self._indexing.marks.indexed(first, self.pruned_to))
        self._db.execute("INSERT INTO prune_slice VALUES (?, ?, ?)", (rows, first, self.pruned_to))
        took_s = time.thread_time() - began
        self._rows.adapt(took_s)
        if self.pruned_to == target:
            self._merge_lowest_marks()
        return took_s

    def _merge_lowest_marks(self) -> None:
        """Let the rooms pruned longest ago share one mark, where there are too many."""
        if lowest := self._db.execute(_LOWEST_MARKS, (self._marks_max,)).fetchone():
            self._db.execute(_RAISE_FLOOR, lowest)  # first: meanwhile it only reports too much
            self._db.execute("DELETE FROM prune_mark WHERE id <= ?", lowest)


def pruned_in(db: sqlite3.Connection, room: str) -> int:
    """Return the highest id of an entry of a room that was pruned."""
    mark: int = db.execute(_MARK_OF_ROOM, (room,)).fetchone()[0]
    return mark


def prunable_to(db: sqlite3.Connection, now: float, older_than: float | None, more_than: int | None) -> int:
    """Return the highest id up to which entries are older than so many seconds, or have `more_than` newer ones."""
    last: int
    last, pruned = db.execute(_ENDS).fetchone()
    found: list[int] = [pruned]
    if more_than is not None:
        found.append(last - more_than)
    if older_than is not None:
        found.append(_old_to(db, pruned, now, older_than))
    return min(max(found), last - 1)


def _old_to(db: sqlite3.Connection, after_id: int, now: float, older_than: float) -> int:
    """Return the id up to which the entries after `after_id` are old."""
    cut = AgeCut(after_id)
    times = {"now": to_micros(now), "cutoff": to_micros(now - older_than), "limit": _VOTES_AT_ONCE}
    while not cut.is_settled and (
        votes := _decode_votes(db.execute(_VOTES, times | {"after": after_id}).fetchone()[0])
    ):
        for entry_id, vote in votes:
            cut.add(entry_id, vote)
            after_id = entry_id
    return cut.id
