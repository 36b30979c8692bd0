"""Files of earlier schemas, for tests of migrations."""

import re
import sqlite3

from trio_chat.journal.sqlite.schema import MIGRATIONS

PRESENCE = "('joined', 'left', 'kicked', 'renamed', 'crowd')"

UNDONE = (
    (r"CREATE TABLE (\w+)", r"DROP TABLE \1"),
    (r"CREATE (?:UNIQUE )?INDEX (\w+)", r"DROP INDEX IF EXISTS \1"),  # it goes with its table
    (r"DROP INDEX entry_by_room", "CREATE INDEX entry_by_room ON entry (room)"),
    (r"DROP INDEX said_by_room", f"CREATE INDEX said_by_room ON entry (room) WHERE kind NOT IN {PRESENCE}"),
    (r"DROP INDEX presence_by_room", f"CREATE INDEX presence_by_room ON entry (room) WHERE kind IN {PRESENCE}"),
    (r"ALTER TABLE (\w+) ADD COLUMN (\w+)", r"ALTER TABLE \1 DROP COLUMN \2"),
    (r"INSERT INTO meta SELECT ('\w+')", r"DELETE FROM meta WHERE name = \1"),
)
"""The statement that undoes each kind of statement of a migration."""


def set_back(db: sqlite3.Connection, version: int) -> None:
    """Undo the migrations after a version of the schema."""
    for statement in (statement for migration in MIGRATIONS[: version - 1 : -1] for statement in migration[::-1]):
        for kind, undo in UNDONE:
            if found := re.match(kind, statement):
                db.execute(found.expand(undo))
    db.execute(f"PRAGMA user_version = {version}")
