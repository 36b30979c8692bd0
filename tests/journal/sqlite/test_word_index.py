"""The index of words: begun anew behind what is said, without a word of what was removed."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chat.test_words import LINES
from tests.conftest import PATIENCE_S
from tests.journal.test_contract import is_held
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.text import clean
from trio_chat.journal.records import Origin
from trio_chat.journal.search_words import WORDS_MAX, SearchCriteria, phrases
from trio_chat.journal.sqlite.indexing import Indexing
from trio_chat.journal.sqlite.journal import open_sqlite
from trio_chat.journal.sqlite.opening import lock_and_prepare
from trio_chat.journal.sqlite.pages import HIGHEST_ID
from trio_chat.journal.sqlite.pruning import SqlitePruning
from trio_chat.journal.sqlite.rows import PLAIN_COLUMNS, to_plain_row
from trio_chat.journal.sqlite.schema import APPLICATION_ID, MIGRATIONS
from trio_chat.journal.sqlite.searching import search
from trio_chat.journal.sqlite.time_limit import TimeLimit
from trio_chat.journal.sqlite.word_index import BACKLOG_MIN, VERSION

COUNT = BACKLOG_MIN + 500
ALL = list(range(1, COUNT + 1))

INSERT = f"INSERT INTO entry ({PLAIN_COLUMNS}) VALUES ({', '.join('?' * 10)})"

FORMER_SCHEMA = 4
"""The last one with an index that knew only scripts with spaces."""


def make_former(path: Path, texts: Iterable[str]) -> None:
    """Make a file with so many entries, and an index of them, as it was before there was one tokenizer."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        for statement in chain.from_iterable(MIGRATIONS[:FORMER_SCHEMA]):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {FORMER_SCHEMA}")
        db.execute("INSERT INTO meta VALUES ('epoch', 'abc')")
    fill(path, texts)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("INSERT INTO words (rowid, room, text) SELECT id, hex(room), text FROM entry")
        db.execute("UPDATE meta SET value = (SELECT max(id) FROM entry) WHERE name = 'indexed_to'")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def fill(path: Path, texts: Iterable[str]) -> None:
    """Write entries into a new journal, without indexing any."""
    os.close(lock_and_prepare(path))
    drafts = (Draft("lobby", Kind.SAID, "alice", text) for text in texts)
    entries = (Entry(number, 1.7e9, draft) for number, draft in enumerate(drafts, 1))
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany(INSERT, (to_plain_row(entry, 17 * 10**14) for entry in entries))


def lines(count: int) -> Iterator[str]:
    return (f"服务器{number % 7}好 said {number}" for number in range(1, count + 1))


@pytest.fixture
def indexing(path: Path) -> Iterator[Indexing]:
    fill(path, lines(COUNT))
    with closing(Indexing(path, index_within_s=0)) as indexing:
        yield indexing


def found(path: Path, words: str) -> list[int]:
    with closing(sqlite3.connect(path)) as db:
        criteria = SearchCriteria(("lobby",), phrases(words))
        if criteria.is_empty:
            return []
        return [entry.id for entry in search(db, criteria, COUNT, HIGHEST_ID, TimeLimit(PATIENCE_S))]


def terms(path: Path) -> list[tuple[str, int, int]]:
    """Return the terms in the index, each with the number of entries and of places that have it."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab('main', 'words', 'row')")
        return db.execute("SELECT * FROM temp.terms ORDER BY term").fetchall()


def finish(indexing: Indexing, last_id: int = COUNT) -> None:
    while indexing.index_due_in_s(last_id) is not None:
        indexing.index(last_id)


def check_against_a_new_index(path: Path) -> None:
    """Check that the index has exactly the words of one that is made of the entries that are there."""
    in_file = terms(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE meta SET value = 'none' WHERE name = 'words_version'")
    with closing(Indexing(path, index_within_s=0)) as anew:
        finish(anew)
    assert in_file == terms(path)


def test_of_a_large_backlog_the_newest_entries_are_found_first(path: Path, indexing: Indexing) -> None:
    assert indexing.marks.has_gap

    indexing.index(COUNT)

    some = found(path, "said")
    assert some == ALL[-len(some) :]
    assert 0 < len(some) < COUNT
    finish(indexing)
    assert found(path, "said") == ALL
    assert found(path, "服务器3好") == [number for number in ALL if number % 7 == 3]
    check_against_a_new_index(path)


def test_entries_of_meanwhile_are_found_at_once(path: Path, indexing: Indexing) -> None:
    indexing.index(COUNT)
    with closing(sqlite3.connect(path)) as db, db:
        entry = Entry(COUNT + 1, 1.7e9, Draft("lobby", Kind.SAID, "bob", "现在"))
        db.execute(INSERT, to_plain_row(entry, 17 * 10**14))

    assert found(path, "现在") == [COUNT + 1]
    indexing.index(COUNT + 1)
    assert indexing.marks.indexed_to == COUNT + 1
    assert indexing.marks.has_gap
    assert found(path, "现在") == [COUNT + 1]


@pytest.mark.parametrize("target", [100, COUNT - 200, COUNT - 1])
def test_entries_pruned_while_being_indexed_leave_no_word(path: Path, indexing: Indexing, target: int) -> None:
    for _ in range(3):
        indexing.index(COUNT)
    pruning = SqlitePruning(indexing)

    while pruning.pruned_to < target:
        pruning.prune(target)
        indexing.index(COUNT)
    finish(indexing)

    assert found(path, "said") == ALL[target:]
    check_against_a_new_index(path)


def test_pruned_entries_leave_no_word_in_the_index(path: Path, indexing: Indexing) -> None:
    finish(indexing)
    pruning = SqlitePruning(indexing)

    while pruning.pruned_to < COUNT - 3:
        pruning.prune(COUNT - 3)

    assert [term for term, entries, _ in terms(path) if entries > 3] == []
    check_against_a_new_index(path)


KILLED = """
import os, signal, sys
from pathlib import Path
from trio_chat.journal.sqlite.indexing import Indexing
from trio_chat.journal.sqlite.pruning import SqlitePruning
indexing = Indexing(Path(sys.argv[1]), index_within_s=0)
pruning = SqlitePruning(indexing)
for _ in range(4):
    indexing.index(int(sys.argv[2]))
    pruning.prune(int(sys.argv[2]) // 8)
indexing.db.execute("BEGIN")
indexing.index(int(sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_indexing_goes_on_where_a_crash_has_ended_it(path: Path) -> None:
    fill(path, lines(COUNT))

    killed = subprocess.run([sys.executable, "-c", KILLED, path, str(COUNT)], check=False)

    assert killed.returncode == -signal.SIGKILL
    with closing(Indexing(path, index_within_s=0)) as indexing:
        assert indexing.marks.has_gap
        assert indexing.marks.unindexed_to < COUNT
        pruning = SqlitePruning(indexing)
        while pruning.pruned_to < COUNT // 8:
            pruning.prune(COUNT // 8)
        finish(indexing)
    assert found(path, "said") == ALL[COUNT // 8 :]
    check_against_a_new_index(path)


@pytest.mark.parametrize("numbers", [[1, 2, 3], ALL], ids=["small", "large"])
async def test_a_former_index_is_replaced_while_the_server_runs(path: Path, numbers: list[int]) -> None:
    make_former(path, lines(len(numbers)))

    async with open_sqlite(path) as journal:
        newest = [entry.id for entry in await journal.search(["lobby"], "服务器", limit=1)]
        with trio.fail_after(PATIENCE_S):
            while journal.is_indexing:
                await trio.lowlevel.checkpoint()
        ids = [entry.id for entry in await journal.search(["lobby"], "服务器", limit=COUNT)]

    assert newest in ([], numbers[-1:])
    assert ids == numbers
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT value FROM meta WHERE name = 'words_version'").fetchone() == (VERSION,)
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@settings(max_examples=20)
@given(texts=st.lists(LINES, min_size=1, max_size=30), more=st.lists(LINES, max_size=5), data=st.data())
def test_the_index_finds_what_a_naive_search_does_in_every_script(
    texts: list[str], more: list[str], data: st.DataObject
) -> None:
    texts = [clean(text) for text in texts]
    starts = [data.draw(st.integers(0, len(text))) for text in texts]
    queries = [text[start : start + 5] for text, start in zip(texts, starts, strict=True)] + more
    pruned = data.draw(st.integers(0, len(texts) - 1))

    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        fill(path, texts)
        with closing(Indexing(path, index_within_s=0)) as indexing:
            finish(indexing, len(texts))
            pruning = SqlitePruning(indexing)
            for first in (0, pruned):
                while pruning.pruned_to < first:
                    pruning.prune(first)
                for query in (" ".join(query.split()[:WORDS_MAX]) for query in queries):
                    held = [number for number, text in enumerate(texts, 1) if number > first and is_held(text, query)]
                    assert found(path, query) == held, query


def test_an_index_of_another_version_of_the_words_is_begun_anew(path: Path, indexing: Indexing) -> None:
    finish(indexing)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = '0 6.0.0' WHERE name = 'words_version'")

    with closing(Indexing(path, index_within_s=0)) as anew:
        assert (anew.marks.indexed_to, anew.marks.has_gap) == (COUNT, True)
        assert terms(path) == []
        finish(anew)

    assert found(path, "said 17") == [number for number in ALL if str(number).startswith("17")]


async def test_imported_entries_are_indexed_after_new_ones(path: Path) -> None:
    async with open_sqlite(path) as journal:
        drafts = [Draft("lobby", Kind.SAID, "alice", f"imported {number}") for number in ALL]
        for origin in ("one", "another"):
            await journal.load((Entry(number, 1.7e9, draft) for number, draft in enumerate(drafts, 1)), Origin(origin))

        await journal.post(Draft("lobby", Kind.SAID, "bob", "said now")).kept()

        assert [entry.draft.text for entry in await journal.search(["lobby"], "now", limit=9)] == ["said now"]
        with trio.fail_after(PATIENCE_S):
            while journal.is_indexing:
                await trio.lowlevel.checkpoint()
        assert len(await journal.search(["lobby"], "imported", limit=3 * COUNT)) == 2 * COUNT
    check_against_a_new_index(path)
