"""The index of words: its table, its statements, and the marks that tell which entries are in it.

SQLite's own tokenizers know neither scripts without spaces nor new emoji, and another one would have to be written in
C. So the table is given words that are cut already, with spaces between them, which `ascii` only has to take apart. The
texts are in the entries alone: what is removed from the index has to be told to it again, word for word. Therefore one
version of the words has one index, and a new version begins another.

Each slice is one statement, whose work is done by a trigger: between statements the interpreter may run other threads,
and the file would stay locked meanwhile.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import unidata_version

import msgspec

from trio_chat.chat import words
from trio_chat.chat.folding import fold
from trio_chat.journal.search_words import SEARCHED
from trio_chat.journal.sqlite.connection import SECURE_DELETE, transaction

VERSION = f"{words.VERSION} {unidata_version}"
"""The version of the words. Another Python may know more letters, and would cut and fold some texts otherwise."""

INDEXED = "kind IN ('{}')".format("', '".join(SEARCHED))
"""The SQL condition for entries that can be searched."""

BACKLOG_MIN = 2000
"""Entries not indexed yet at opening, or after an import, from which on the newest of them are indexed first."""

MERGED_PAGES = 8
"""Pages of the index merged in each slice. This keeps up with what slices add, and 300,000 entries need no slice of
more than 5 ms; left to itself SQLite merges 64 pages and more at once, in up to 20 ms."""

# The room and the author are one word each, their bytes in hex.
_CREATE = """CREATE VIRTUAL TABLE words USING fts5(
    room, author, text, content = '', columnsize = 0, tokenize = "ascii tokenchars '+#.'"
)"""
# Merging comes in small portions with every slice of indexing, never in a large one of its own accord.
_CONFIGURE = "INSERT INTO words (words, rank) VALUES ('automerge', 0), ('crisismerge', 64)"
_START_ANEW = "UPDATE meta SET value = '0' WHERE name IN ('indexed_to', 'unindexed_from', 'unindexed_to')"
_SET_VERSION = "INSERT OR REPLACE INTO meta VALUES ('words_version', ?)"

_VALUES = ", ".join(f"json_extract(value, '$[{number}]')" for number in range(4))
_MERGE = f"INSERT INTO words (words, rank) VALUES ('merge', {MERGED_PAGES});"
_MERGE_SOME = "INSERT INTO words (words, rank) VALUES ('merge', ?)"
_SLICES = (
    "CREATE TEMP VIEW index_slice AS SELECT '' AS rows, '' AS name, '' AS value",
    f"""CREATE TEMP TRIGGER index_rows INSTEAD OF INSERT ON index_slice BEGIN
        INSERT INTO words (rowid, room, author, text) SELECT {_VALUES} FROM json_each(NEW.rows);
        UPDATE meta SET value = NEW.value WHERE name = NEW.name;
        {_MERGE}
    END""",
)
_MOVE_MARKS = """UPDATE meta SET value = CASE name WHEN 'unindexed_from' THEN ? ELSE ? END
WHERE name IN ('indexed_to', 'unindexed_from', 'unindexed_to')"""  # one statement: all of it or nothing

FORGET = f"INSERT INTO words (words, rowid, room, author, text) SELECT 'delete', {_VALUES} FROM json_each({{rows}})"
"""The statement that removes from the index the rows that `indexable` returned."""

_SET_UNWIPED = "INSERT OR REPLACE INTO meta VALUES ('unwiped', '1')"
"""Note that pages became free without being overwritten."""

REMOVE = f"""
{FORGET.format(rows="NEW.rows")};
{_MERGE}
"""
"""The same as statements of a trigger, and some merging of the index."""

# As one JSON value, see `rows.select_entries`; in hex, since a flipped bit may have made a text no text any more.
_INDEXABLE = f"""
SELECT json_group_array(json_array(id, hex(room), hex(author), hex(text))) FROM (
    SELECT id, room, author, text FROM entry WHERE id > ? AND id <= ? AND {INDEXED} ORDER BY id
)
"""
_decode = msgspec.json.Decoder(list[tuple[int, str, str, str]]).decode

_MARKS = "SELECT name, CAST(value AS INTEGER) FROM meta WHERE name IN ('indexed_to', 'unindexed_from', 'unindexed_to')"


@dataclass(frozen=True, slots=True)
class IndexMarks:
    """The ids that tell which entries are not in the index: those above `indexed_to`, and those in a gap.

    The gap, above `unindexed_from` and up to `unindexed_to`, is filled from its end.
    """

    indexed_to: int
    unindexed_from: int
    unindexed_to: int

    @property
    def has_gap(self) -> bool:
        """Older entries are still being indexed."""
        return self.unindexed_from < self.unindexed_to

    def indexed(self, after: int, to: int) -> list[tuple[int, int]]:
        """Return the ranges of indexed ids between two, as pairs: above the first and up to the second."""
        to = min(to, self.indexed_to)
        if not self.has_gap:
            return [(after, to)]
        return [(after, min(to, self.unindexed_from)), (max(after, self.unindexed_to), to)]


class WholeMerge:
    """A merge of the whole index, some pages at a time. Until then, the index keeps the words that were removed."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._pages = 0

    def begin(self) -> None:
        """Begin with the whole index, or begin again."""
        # A negative number: https://www.sqlite.org/fts5.html#the_merge_command
        self._pages = -MERGED_PAGES

    def merge_some(self) -> int:
        """Merge some pages. Returns their number, about; 0 where nothing is left to merge. Raises sqlite3.Error."""
        if not self._pages:
            return 0
        changes = self._db.total_changes
        self._db.execute(_MERGE_SOME, (self._pages,))
        # SQLite's documentation: fewer than two changes mean that there was nothing to merge.
        self._pages = MERGED_PAGES if self._db.total_changes - changes > 1 else 0
        return self._pages


def prepare(db: sqlite3.Connection) -> None:
    """Begin the index anew where it is of another version, and define slices. Raises sqlite3.Error.

    Dropping the former one takes a sixth of a second for a million entries, if its pages need not be overwritten.
    """
    version = db.execute("SELECT value FROM meta WHERE name = 'words_version'").fetchone()
    if version is None or version[0] != VERSION:
        db.execute("PRAGMA secure_delete = FAST")  # `purging` overwrites them when something is removed
        with transaction(db):
            db.execute("DROP TABLE IF EXISTS words")
            db.execute(_CREATE)
            db.execute(_CONFIGURE)
            db.execute(_START_ANEW)
            db.execute(_SET_VERSION, (VERSION,))
            db.execute(_SET_UNWIPED)
        db.execute(f"PRAGMA {SECURE_DELETE}")
    for statement in _SLICES:
        db.execute(statement)


def read_marks(db: sqlite3.Connection) -> IndexMarks:
    """Return the marks. Raises sqlite3.Error."""
    return IndexMarks(**dict(db.execute(_MARKS).fetchall()))


def put_off_backlog(db: sqlite3.Connection, marks: IndexMarks, last_id: int) -> None:
    """Let a large backlog be a gap, so that what is new need not wait for it. Raises sqlite3.Error."""
    if last_id - marks.indexed_to < BACKLOG_MIN or (marks.has_gap and marks.unindexed_to < marks.indexed_to):
        return
    first = marks.unindexed_from if marks.has_gap else marks.indexed_to
    db.execute(_MOVE_MARKS, (str(first), str(last_id)))


def add(db: sqlite3.Connection, ids: tuple[int, int], mark: str, value: int) -> None:
    """Index the entries above one id and up to another, and set a mark. Raises sqlite3.Error."""
    db.execute("INSERT INTO index_slice VALUES (?, ?, ?)", (indexable(db, ids), mark, str(value)))


def indexable(db: sqlite3.Connection, *ranges: tuple[int, int]) -> bytes:
    """Return the rows of the index, as JSON, for the entries in ranges of ids. Raises sqlite3.Error."""
    rows = [row for ids in ranges for row in _decode(db.execute(_INDEXABLE, ids).fetchone()[0])]
    return msgspec.json.encode(
        [
            (number, room, author_word(text_of(author)), " ".join(words.words(text_of(text))))
            for number, room, author, text in rows
        ]
    )


def author_word(author: str) -> str:
    """Return the word that stands for an author in the index, the same for all spellings of a name."""
    return fold(author).encode().hex()


def match(rooms: Sequence[str], phrases: Sequence[str], author: str) -> str:
    """Write a query in the language of FTS5."""
    names = " OR ".join(f'"{room.encode(errors="replace").hex()}"' for room in rooms)
    parts = [f"room : ({names})", f'author : "{author_word(author)}"' if author else ""]
    parts += (f'text : ("{phrase}" *)' for phrase in phrases)
    return " AND ".join(filter(None, parts))


def text_of(in_hex: str) -> str:
    """Decode a text that was read in hex. Bytes that are not UTF-8, since a bit flipped, become U+FFFD."""
    return bytes.fromhex(in_hex).decode(errors="replace")
