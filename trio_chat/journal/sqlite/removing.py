"""Removal of entries: their rows become tombstones, and the index of words forgets them."""

import sqlite3
from collections.abc import Iterable

from trio_chat.chat.events import Draft, Entry
from trio_chat.chat.removal import target_of, tombstone_for
from trio_chat.journal.sqlite.rows import SELECT_BY_ID, select_entries, to_micros, to_plain_row
from trio_chat.journal.sqlite.word_index import FORGET, IndexMarks, indexable

PENDING = "removal_pending"
"""The name of the row of `meta` that exists while words of removed entries may be left in the file; see `purging`."""

_FORGET = FORGET.format(rows="?")
_BURY = 'UPDATE entry SET kind = ?, text = ?, "to" = ?, crc = ? WHERE id = ?'
_SET_PENDING = f"INSERT OR REPLACE INTO meta VALUES ('{PENDING}', '1')"


def remove(db: sqlite3.Connection, notices: Iterable[Draft], marks: IndexMarks) -> list[Entry]:
    """Make tombstones of the entries that notices name, inside a transaction of the caller, and return them.

    `marks` tell what is in the index. Raises sqlite3.Error.
    """
    return [tombstone for notice in notices if (tombstone := _remove(db, notice, marks))]


def _remove(db: sqlite3.Connection, notice: Draft, marks: IndexMarks) -> Entry | None:
    target = target_of(notice)
    if target is None or not (found := select_entries(db, SELECT_BY_ID, (target,))):
        return None
    if (tombstone := tombstone_for(notice, found[0])) is None:
        return None
    # First: to remove a row from a contentless index, SQLite needs every word of it again.
    db.execute(_FORGET, (indexable(db, *marks.indexed(target - 1, target)),))
    _, _, kind, _, text, to, *_, checksum = to_plain_row(tombstone, to_micros(tombstone.time))
    db.execute(_BURY, (kind, text, to, checksum, target))
    db.execute(_SET_PENDING)
    return tombstone
