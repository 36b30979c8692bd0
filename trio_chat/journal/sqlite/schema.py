"""The schema of the SQLite file, its migrations, and the refusal of files that are not journals."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from trio_chat.journal.records import JournalError
from trio_chat.journal.sqlite.connection import DAMAGED, opening_error, temporary_files_beside, transaction

APPLICATION_ID = 0x7472696F
"""At byte 68 of the file: tells a journal from other databases, for `file` too. "trio" in ASCII."""

IS_PRESENCE = "(kind = 'joined' OR kind = 'left' OR kind = 'kicked' OR kind = 'renamed' OR kind = 'crowd')"
"""The SQL condition for entries of the kinds in `events.PRESENCE`, as it stands in the index `presence_by_room`.

Not by IN: where that is the condition of an index, SQLite fills a table with its list for each row that is inserted,
which took half of the time (64 rows: 247 us of CPU, and 116 without)."""

IS_SAID = "kind <> 'joined' AND kind <> 'left' AND kind <> 'kicked' AND kind <> 'renamed' AND kind <> 'crowd'"
"""The condition for all other entries, as it stands in the index `said_by_room`."""

_FORMER_LIST = "('joined', 'left', 'kicked', 'renamed', 'crowd')"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "INSERT INTO meta VALUES ('indexed_to', '0'), ('pruned_to', '0')",
        # Times are microseconds since 1970.
        """CREATE TABLE entry (
            id INTEGER PRIMARY KEY,
            room TEXT NOT NULL,
            kind TEXT NOT NULL,
            author TEXT NOT NULL,
            text TEXT NOT NULL,
            "to" TEXT NOT NULL,
            time INTEGER NOT NULL,
            session TEXT NOT NULL,
            key TEXT NOT NULL,
            crc INTEGER NOT NULL
        )""",
        # An index ends in the id by itself, so this one serves paging by id in both directions.
        "CREATE INDEX entry_by_room ON entry (room)",
        # The key comes first: keys that rise with time all land on one page, while each session would have a page of
        # its own (64 senders: 12 us of CPU a line instead of 16).
        "CREATE UNIQUE INDEX entry_by_key ON entry (key, session) WHERE key <> ''",
        "CREATE INDEX topic_by_room ON entry (room) WHERE kind = 'topic'",
        # An index that knew only scripts with spaces; `word_index` has taken its place.
        "CREATE VIRTUAL TABLE words USING fts5(room, text, content = '', columnsize = 0)",
        """CREATE TABLE audit (
            id INTEGER PRIMARY KEY,
            time REAL NOT NULL,
            who TEXT NOT NULL,
            action TEXT NOT NULL,
            what TEXT NOT NULL
        )""",
        """CREATE TABLE ban (
            network TEXT PRIMARY KEY,
            reason TEXT NOT NULL,
            by TEXT NOT NULL,
            since REAL NOT NULL,
            until REAL
        ) WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE place (
            owner TEXT PRIMARY KEY,
            mode TEXT NOT NULL,
            label TEXT NOT NULL,
            nick TEXT NOT NULL,
            rooms TEXT NOT NULL
        ) WITHOUT ROWID""",
    ),
    (
        # The highest id pruned in a room, and the one for rooms without: of what was pruned before, nobody knows where.
        "CREATE TABLE prune_mark (room TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX prune_mark_by_id ON prune_mark (id)",
        "INSERT INTO meta SELECT 'prune_floor', value FROM meta WHERE name = 'pruned_to'",
    ),
    # Among a million notices, a page of what was said would read them all.
    (f"CREATE INDEX said_by_room ON entry (room) WHERE kind NOT IN {_FORMER_LIST}",),
    # The index of words now has a version of its own, and a gap while older entries are being indexed anew.
    ("INSERT OR IGNORE INTO meta VALUES ('unindexed_from', '0'), ('unindexed_to', '0')",),
    (
        "ALTER TABLE place ADD COLUMN address TEXT NOT NULL DEFAULT ''",
        # The label and the rooms as others were told, where that lags behind; else empty.
        "ALTER TABLE place ADD COLUMN told TEXT NOT NULL DEFAULT ''",
    ),
    (
        """CREATE TABLE hook (
            name TEXT PRIMARY KEY,
            room TEXT NOT NULL,
            digest TEXT NOT NULL,
            by TEXT NOT NULL,
            since REAL NOT NULL
        ) WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE mute (
            number INTEGER PRIMARY KEY,
            label TEXT NOT NULL,
            network TEXT NOT NULL,
            session TEXT NOT NULL,
            spared TEXT NOT NULL,
            reason TEXT NOT NULL,
            by TEXT NOT NULL,
            since REAL NOT NULL,
            until REAL
        )""",
    ),
    # Before, some builds of SQLite left what was deleted in the pages that became free.
    ("INSERT OR IGNORE INTO meta VALUES ('unwiped', '1')",),
    # Each entry is in one index of its room and not in two, which saves the writer 3 us a line.
    (f"CREATE INDEX presence_by_room ON entry (room) WHERE kind IN {_FORMER_LIST}", "DROP INDEX entry_by_room"),
    (
        # The account of the author, and of the recipient where something is told.
        "ALTER TABLE entry ADD COLUMN account TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE entry ADD COLUMN to_account TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE place ADD COLUMN account TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE mute ADD COLUMN account TEXT NOT NULL DEFAULT ''",
        # `keys` and `marks` are JSON.
        """CREATE TABLE account (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            folded TEXT NOT NULL UNIQUE,
            since REAL NOT NULL,
            seen REAL NOT NULL,
            by TEXT NOT NULL,
            password TEXT NOT NULL,
            keys TEXT NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE invite (
            digest TEXT PRIMARY KEY,
            account TEXT NOT NULL,
            uses INTEGER NOT NULL,
            by TEXT NOT NULL,
            since REAL NOT NULL,
            until REAL NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE memory (
            account TEXT PRIMARY KEY,
            rooms TEXT NOT NULL,
            ignored TEXT NOT NULL,
            marks TEXT NOT NULL
        ) WITHOUT ROWID""",
    ),
    (
        "DROP INDEX said_by_room",
        "DROP INDEX presence_by_room",
        f"CREATE INDEX said_by_room ON entry (room) WHERE {IS_SAID}",
        f"CREATE INDEX presence_by_room ON entry (room) WHERE {IS_PRESENCE}",
    ),
)
"""Statements that lead from each schema to the next. What has been released is never changed, only added to.

Whatever removes entries has to leave the newest one in place: the next id is one more than the highest.
"""

SCHEMA_OF_ACCOUNTS = 11
"""The first schema with accounts, and with their part in entries."""

LARGE_BYTES = 64 * 1024 * 1024
"""A file of this size may take seconds to be brought up to date, which is logged: a million entries take 4."""

STEPS = 20_000
"""Steps of SQLite's virtual machine between two calls of `is_cancelled`: a few milliseconds."""

_MAGIC = b"SQLite format 3\0"


logger = logging.getLogger(__name__)


def migrate(db: sqlite3.Connection, path: Path, *, is_cancelled: Callable[[], bool] = lambda: False) -> None:
    """Bring the schema up to date, one transaction for each step: a crash undoes the step that it interrupts.

    `is_cancelled` is called now and then. Where it returns True, the step is undone, and sqlite3.OperationalError
    raised.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    _refuse_newer(path, version)
    if version == len(MIGRATIONS):
        return
    if version > 0 and path.stat().st_size >= LARGE_BYTES:
        logger.info("%s is brought up to date, which may take a while", path)
    db.set_progress_handler(is_cancelled, STEPS)
    try:
        with temporary_files_beside(path):
            _migrate_from(db, version)
    finally:
        db.set_progress_handler(None, 0)


def _migrate_from(db: sqlite3.Connection, version: int) -> None:
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        with transaction(db):
            for statement in statements:
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {number}")


def refuse_foreign(path: Path, head: bytes) -> None:
    """Raise JournalError when the first 100 bytes of a file are not those of a journal that this version can read."""
    if len(head) < 100:
        raise opening_error(path, DAMAGED)
    if not head.startswith(_MAGIC) or int.from_bytes(head[68:72]) != APPLICATION_ID:
        raise JournalError(
            f"{path} is not a journal of trio-chat, or is damaged; move it away, or choose another folder with --data"
        )
    _refuse_newer(path, int.from_bytes(head[60:64]))


def _refuse_newer(path: Path, version: int) -> None:
    if version > len(MIGRATIONS):
        raise JournalError(
            f"{path} was written by a newer trio-chat (schema {version}, this one knows {len(MIGRATIONS)}); "
            "update trio-chat, or choose another folder with --data"
        )
