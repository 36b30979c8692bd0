"""Import of the entries of another journal. Everything here raises sqlite3.Error."""

import sqlite3

from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.journal.records import Origin
from trio_chat.journal.renumbering import Renumbering
from trio_chat.journal.sqlite.removing import remove
from trio_chat.journal.sqlite.rows import COLUMNS, find_keyed, to_micros, to_row
from trio_chat.journal.sqlite.word_index import IndexMarks

_INSERT_NEW = f"INSERT OR IGNORE INTO entry ({COLUMNS}) VALUES ({', '.join('?' * len(COLUMNS.split(', ')))})"
_GET_LOADED_TO = "SELECT value FROM meta WHERE name = ?"
_SET_LOADED_TO = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
_ADOPT = """UPDATE meta SET value = CASE name WHEN 'epoch' THEN ? ELSE ? END
WHERE name IN ('epoch', 'indexed_to', 'pruned_to', 'prune_floor')"""


class SqliteLoading:
    """The import of entries into a file, within a transaction of the caller."""

    def __init__(self, db: sqlite3.Connection, origin: Origin, *, epoch: str, last_id: int) -> None:
        """`epoch` and `last_id` are those of the file. A file without entries adopts the epoch of the origin."""
        self._db = db
        self._keeps_ids = last_id == 0 or origin.epoch == epoch
        self._name = f"loaded {origin.epoch}"
        self._new_ids = Renumbering()
        self._notices: list[Draft] = []
        self.count = 0
        """The number of entries that are new here."""
        self.last_id = last_id
        """The highest id in the file by now."""
        if last_id == 0:
            db.execute(_ADOPT, (origin.epoch, str(origin.pruned_to)))
        self._loaded_to = last_id if self._keeps_ids else self._read_loaded_to()

    def add(self, entry: Entry) -> None:
        """Append an entry, unless it was loaded before or is a repeat."""
        if entry.id <= self._loaded_to:
            return
        self._loaded_to = entry.id
        new_id = entry.id if self._keeps_ids else self.last_id + 1
        new = entry if self._keeps_ids else self._new_ids.renumber(entry, new_id)
        if self._db.execute(_INSERT_NEW, to_row(new, to_micros(new.time))).rowcount:
            self.count, self.last_id = self.count + 1, new_id
            self._notices += [new.draft] if new.draft.kind is Kind.REMOVED else []
        elif known := find_keyed(self._db, new.draft.session, new.draft.key):
            new_id = known.id
        if not self._keeps_ids:
            self._new_ids.add(entry.id, new_id)

    def finish(self, marks: IndexMarks) -> bool:
        """Remove the entries that new notices name, and note how far the other journal was loaded.

        `marks` tell what is in the index. Returns True if an entry was removed.
        """
        if not self._keeps_ids:
            self._db.execute(_SET_LOADED_TO, (self._name, str(self._loaded_to)))
        return bool(remove(self._db, self._notices, marks))

    def _read_loaded_to(self) -> int:
        row = self._db.execute(_GET_LOADED_TO, (self._name,)).fetchone()
        return int(row[0]) if row else 0
