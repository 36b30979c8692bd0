"""One search of a file: entries that are not indexed yet are read and compared, the others found in the index."""

import json
import sqlite3

import msgspec

from trio_chat.journal.records import Past
from trio_chat.journal.search_words import SearchCriteria
from trio_chat.journal.sqlite.rows import COLUMNS, SELECT_BY_IDS, select_entries
from trio_chat.journal.sqlite.time_limit import SEARCH_STEPS, TimeLimit
from trio_chat.journal.sqlite.word_index import INDEXED, match, read_marks, text_of

UNINDEXED_MAX = 20_000
"""Entries not indexed yet that one search reads, the newest ones: 0.1 s of CPU."""

_AT_ONCE = 500

_NEW = f"""
SELECT json_group_array(json_array(id, hex(room), hex(author), hex(text))) FROM (
    SELECT id, room, author, text FROM entry WHERE id > ? AND id < ? AND {INDEXED} ORDER BY id DESC LIMIT {_AT_ONCE}
)
"""
_decode = msgspec.json.Decoder(list[tuple[int, str, str, str]]).decode

# Contentless, so the entries may be gone already where a flipped bit hid some words from what removed them.
_INDEXED = f"""SELECT {COLUMNS} FROM entry WHERE id IN (
    SELECT rowid FROM words WHERE words MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid DESC LIMIT ?
)"""


def search(
    db: sqlite3.Connection, criteria: SearchCriteria, limit: int, before: int, time_limit: TimeLimit
) -> list[Past]:
    """Return the newest entries that match, oldest first. Raises sqlite3.Error and TimeoutError.

    The caller holds a transaction, so that the index and the entries are of one state.
    """
    after = criteria.after or 0
    indexed_to = read_marks(db).indexed_to
    ids = _new_ids(db, criteria, limit, max(after, indexed_to), before, time_limit)
    found: list[Past] = select_entries(db, SELECT_BY_IDS, (json.dumps(ids),)) if ids else []
    if len(ids) < limit and after < indexed_to:
        query = match(criteria.rooms, criteria.phrases, criteria.author)
        with time_limit.on(db, SEARCH_STEPS):
            found[:0] = select_entries(db, _INDEXED, (query, after, before, limit - len(ids)))
    return found


def _new_ids(
    db: sqlite3.Connection, criteria: SearchCriteria, limit: int, after: int, before: int, time_limit: TimeLimit
) -> list[int]:
    """Return the ids of the newest matching entries that are not indexed."""
    rooms = {room.encode(errors="replace").hex().upper() for room in criteria.rooms}
    found: list[int] = []
    for _ in range(UNINDEXED_MAX // _AT_ONCE):
        if len(found) >= limit or time_limit.is_over:
            break
        rows = _decode(db.execute(_NEW, (after, before)).fetchone()[0])
        found += (
            number
            for number, room, author, text in rows
            if room in rooms and criteria.matches_author(text_of(author)) and criteria.matches_text(text_of(text))
        )
        if len(rows) < _AT_ONCE:
            break
        before = rows[-1][0]
    if time_limit.is_over:
        raise TimeoutError
    return found[:limit]
