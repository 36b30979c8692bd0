"""Pages of entries, and rooms. All functions raise sqlite3.Error."""

import json
import sqlite3
from collections.abc import Callable

from trio_chat.chat.events import MAILBOX_MARK, SPOKEN, Entry
from trio_chat.journal.records import Past, RoomRecord
from trio_chat.journal.sqlite.rows import COLUMNS, SELECT_BY_IDS, select_entries, to_micros
from trio_chat.journal.sqlite.schema import IS_PRESENCE, IS_SAID

HIGHEST_ID = 2**63 - 1

_SPOKEN = "'{}'".format("', '".join(SPOKEN))

_PAST = f"SELECT {COLUMNS} FROM entry WHERE id > ? AND id < ? ORDER BY id"
_SAID_PAST = f"SELECT {COLUMNS} FROM entry WHERE id > ? AND id < ? AND {IS_SAID} ORDER BY id"
_IN_ROOM = f"SELECT {COLUMNS} FROM entry INDEXED BY %s WHERE id > ?1 AND id < ?2 AND room = ?3 AND %s"
# For files that do not have these indexes yet.
_ROOM_SAID_ANYHOW = f"SELECT {COLUMNS} FROM entry WHERE id > ?1 AND id < ?2 AND room = ?3 AND {IS_SAID} ORDER BY id"
_ROOM_PAST_ANYHOW = f"SELECT {COLUMNS} FROM entry WHERE id > ?1 AND id < ?2 AND room = ?3 ORDER BY id"
_ROOM_SAID = _IN_ROOM % ("said_by_room", IS_SAID)
_ROOM_SAID_PAST = f"{_ROOM_SAID} ORDER BY id"
_ROOM_PAST = f"{_ROOM_SAID} UNION ALL {_IN_ROOM % ('presence_by_room', IS_PRESENCE)} ORDER BY id"

# One step from name to name, however many entries a room has. All that was told in private in a room is read.
_ROOMS = f"""
WITH RECURSIVE room (name) AS (
    SELECT min(room) FROM entry INDEXED BY said_by_room WHERE room > :low AND room < :high AND {IS_SAID}
    UNION ALL
    SELECT (
        SELECT min(room) FROM entry INDEXED BY said_by_room WHERE room > name AND room < :high AND {IS_SAID}
    ) FROM room WHERE name IS NOT NULL
)
SELECT
    CAST(name AS BLOB),
    (SELECT max(id) FROM entry WHERE room = name AND kind = 'topic'),
    max(
        (SELECT max(id) FROM entry INDEXED BY said_by_room WHERE room = name AND {IS_SAID}),
        coalesce((SELECT max(id) FROM entry INDEXED BY presence_by_room WHERE room = name AND {IS_PRESENCE}), 0)
    )
FROM room WHERE name IS NOT NULL AND EXISTS (
    SELECT 1 FROM entry INDEXED BY said_by_room WHERE room = name AND {IS_SAID} AND kind IN ({_SPOKEN})
)
"""
_AROUND_MAILBOXES = (("", MAILBOX_MARK), (chr(ord(MAILBOX_MARK) + 1), "\U0010ffff"))

# Half of the ids are left after each of some 40 steps, which looks at one entry: `earlier` is the id of the one in the
# middle if that was kept before. In one statement, since other threads run between two.
_FIRST_SINCE = """
WITH RECURSIVE step (low, high, earlier) AS (
    SELECT 1, 2 * coalesce(max(id), 0) + 1, NULL FROM entry
    UNION ALL
    SELECT
        iif(earlier IS NULL, low, earlier + 1),
        iif(earlier IS NULL, (low + high) / 2, high),
        (
            SELECT iif(time < :time, id, NULL) FROM entry
            WHERE id >= iif(earlier IS NULL, low + (low + high) / 2, earlier + 1 + high) / 2 ORDER BY id LIMIT 1
        )
    FROM step WHERE low < high
)
SELECT low FROM step WHERE low >= high
"""


def read_page(
    db: sqlite3.Connection,
    room: str | None,
    limit: int,
    before: int | None,
    after: int | None,
    *,
    without_presence: bool = False,
    has_indexes: bool = True,
) -> list[Past]:
    """Return entries of a room, or of all, oldest first.

    Without indexes, as in a file of an earlier schema, it may take long.
    """
    if room is None:
        query = _SAID_PAST if without_presence else _PAST
    elif not has_indexes:
        query = _ROOM_SAID_ANYHOW if without_presence else _ROOM_PAST_ANYHOW
    else:
        query = _ROOM_SAID_PAST if without_presence else _ROOM_PAST
    return select_between(db, query, () if room is None else (room,), limit=limit, before=before, after=after)


def select_between(
    db: sqlite3.Connection,
    query: str,
    parameters: tuple[str, ...],
    *,
    limit: int,
    before: int | None,
    after: int | None,
) -> list[Past]:
    """Return the newest entries below `before` that a query finds, or the oldest above `after`, oldest first.

    The query ends in ORDER BY id. Its first two parameters are the bounds, which the others follow.
    """
    direction = "DESC" if after is None else "ASC"
    bounds = after or 0, HIGHEST_ID if before is None else before
    return select_entries(db, f"{query} {direction} LIMIT ?", (*bounds, *parameters, max(limit, 0)))


def first_id_since(db: sqlite3.Connection, time: float) -> int:
    """Return the id that separates the entries kept before a time from those kept since."""
    found: int = db.execute(_FIRST_SINCE, {"time": to_micros(time)}).fetchone()[0]
    return found


def read_rooms(db: sqlite3.Connection, note_damage: Callable[[list[Past]], object]) -> list[RoomRecord]:
    """Return all rooms in which something was said, but no mailboxes. `note_damage` gets the entries of topics."""
    rows = [row for low, high in _AROUND_MAILBOXES for row in db.execute(_ROOMS, {"low": low, "high": high})]
    said = select_entries(db, SELECT_BY_IDS, (json.dumps([topic_id for _, topic_id, _ in rows]),))
    note_damage(said)
    topics = {entry.id: entry.draft.text for entry in said if isinstance(entry, Entry)}
    names = [(name.decode(errors="ignore"), *ids) for name, *ids in rows]  # a bit may have flipped there too
    return [RoomRecord(name, topics.get(topic_id, ""), last_id) for name, topic_id, last_id in names]
