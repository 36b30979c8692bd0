"""The work of keeping entries, counted in steps of SQLite."""

import sqlite3
from contextlib import closing

from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.journal.sqlite.rows import PLAIN_COLUMNS, to_plain_row
from trio_chat.journal.sqlite.schema import MIGRATIONS


def test_an_entry_takes_few_steps() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for statement in (statement for migration in MIGRATIONS for statement in migration):
            db.execute(statement)
        insert = f"INSERT INTO entry ({PLAIN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        steps: list[None] = []
        db.set_progress_handler(lambda: steps.append(None), 1)

        db.execute(insert, to_plain_row(Entry(1, 0.0, Draft("lobby", Kind.SAID, "alice", "hello")), 0))

        assert len(steps) < 75
