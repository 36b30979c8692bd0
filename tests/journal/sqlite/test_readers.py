"""The work of a page, counted in steps of SQLite."""

import sqlite3
from contextlib import closing

from trio_chat.chat.events import PRESENCE, Draft, Entry, Kind
from trio_chat.journal.sqlite.readers import read_page
from trio_chat.journal.sqlite.rows import COLUMNS, to_row
from trio_chat.journal.sqlite.schema import IS_SAID, MIGRATIONS


def test_a_page_without_presence_costs_no_more_for_many_notices() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for statement in (statement for migration in MIGRATIONS for statement in migration):
            db.execute(statement)
        drafts = [Draft("lobby", Kind.SAID, "alice", str(number)) for number in range(5)]
        drafts += [Draft("lobby", Kind.JOINED, "bob")] * 50_000
        insert = f"INSERT INTO entry ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        db.executemany(insert, (to_row(Entry(number, 0.0, draft), 0) for number, draft in enumerate(drafts, 1)))
        hundreds: list[None] = []
        db.set_progress_handler(lambda: hundreds.append(None), 100)

        page = read_page(db, "lobby", 20, None, None, without_presence=True)

        assert len(page) == 5
        assert len(hundreds) < 20


def test_the_index_is_of_all_kinds_but_those_of_presence() -> None:
    assert "kind NOT IN ('{}')".format("', '".join(PRESENCE)) == IS_SAID
