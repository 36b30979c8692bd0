"""Pages of history: the work that they take, counted in steps of SQLite."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

import pytest

from trio_chat.chat.events import PRESENCE, Draft, Entry, Kind
from trio_chat.journal.sqlite.pages import read_page
from trio_chat.journal.sqlite.rows import PLAIN_COLUMNS, to_plain_row
from trio_chat.journal.sqlite.schema import IS_PRESENCE, IS_SAID, MIGRATIONS


@pytest.mark.parametrize("kinds", [(Kind.SAID, Kind.JOINED), (Kind.JOINED, Kind.SAID)])
@pytest.mark.parametrize("without_presence", [False, True])
def test_a_page_costs_no_more_for_many_entries_of_other_kinds(kinds: Sequence[Kind], without_presence: bool) -> None:
    few, many = kinds
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for statement in (statement for migration in MIGRATIONS for statement in migration):
            db.execute(statement)
        drafts = [Draft("lobby", few, "alice")] * 5 + [Draft("lobby", many, "bob")] * 50_000
        insert = f"INSERT INTO entry ({PLAIN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        db.executemany(insert, (to_plain_row(Entry(number, 0.0, draft), 0) for number, draft in enumerate(drafts, 1)))
        hundreds: list[None] = []
        db.set_progress_handler(lambda: hundreds.append(None), 100)

        page = read_page(db, "lobby", 20, None, None, without_presence=without_presence)

        assert len(page) == (5 if without_presence and few is Kind.SAID else 20)
        assert len(hundreds) < 25


def test_each_kind_is_in_one_of_the_two_indexes() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        found = {kind: db.execute(f"SELECT {IS_PRESENCE}, {IS_SAID} FROM (SELECT ? AS kind)", (kind,)) for kind in Kind}

        assert {kind: row.fetchone() for kind, row in found.items()} == {
            kind: (kind in PRESENCE, kind not in PRESENCE) for kind in Kind
        }
