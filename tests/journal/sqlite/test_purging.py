"""The files of a journal lose the words of what was removed, a short while later, whatever happened meanwhile."""

import math
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
import trio

from tests.conftest import PATIENCE_S
from tests.journal.sqlite.schemas import set_back
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.removal import notice_of
from trio_chat.journal import Damaged
from trio_chat.journal.sqlite import purging
from trio_chat.journal.sqlite.history import open_sqlite_history
from trio_chat.journal.sqlite.journal import SqliteJournal, SqliteTimes, open_sqlite
from trio_chat.journal.sqlite.schema import MIGRATIONS

WORD = "xylophonium"
"""A word that nobody else says, and of which no other word is the beginning."""

TIMES = SqliteTimes(index_within_s=0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def others(count: int, words: int = 8) -> list[Draft]:
    texts = (" ".join(f"w{number * k % 997}" for k in range(1, words)) for number in range(count))
    return [Draft("lobby", Kind.SAID, "alice", text) for text in texts]


async def keep(journal: SqliteJournal, *drafts: Draft) -> None:
    await journal.post(*drafts).kept()


async def until_indexed(journal: SqliteJournal) -> None:
    with trio.fail_after(PATIENCE_S):
        while journal._store.indexing.marks.indexed_to < journal.last_id or journal._store.indexing.marks.has_gap:
            await trio.lowlevel.checkpoint()


async def until_purged(journal: SqliteJournal) -> None:
    with trio.fail_after(PATIENCE_S):
        while not math.isinf(journal._store.purging.due_in_s()):
            await trio.lowlevel.checkpoint()


async def remove(journal: SqliteJournal, entry_id: int) -> None:
    (entry,) = await journal.read(None, limit=1, after=entry_id - 1)
    assert isinstance(entry, Entry)
    await journal.post(notice_of(entry)).kept()


def files_with(path: Path, word: str) -> list[str]:
    """The files that have a word, in any case or as hex."""
    forms = (word.encode(), word.encode().hex().encode(), word.upper().encode(), word.encode().hex().upper().encode())
    files = (path.with_name(path.name + ending) for ending in ("", "-wal", "-shm"))
    return [file.name for file in files if file.exists() and any(form in file.read_bytes() for form in forms)]


@pytest.mark.parametrize("around", [0, 300])
@pytest.mark.parametrize("is_indexed", [False, True])
@pytest.mark.parametrize("text", [WORD, f"we {WORD} {'and so on ' * 20}", f"{WORD} " * 800])
async def test_the_words_of_a_removed_entry_leave_all_files(
    path: Path, around: int, is_indexed: bool, text: str
) -> None:
    async with open_sqlite(path, times=TIMES) as journal:
        for draft in (*others(around), Draft("lobby", Kind.SAID, "bob", text), *others(around)):
            receipt = journal.post(draft)
        await receipt.kept()
        if is_indexed:
            await until_indexed(journal)
        assert files_with(path, WORD)

        await remove(journal, around + 1)
        await until_purged(journal)

        assert files_with(path, WORD) == []
        assert await journal.search(["lobby"], WORD, limit=1) == []
        await keep(journal, *others(10))
        assert len(await journal.search(["lobby"], "w1", limit=1)) == 1
    assert files_with(path, WORD) == []


async def test_words_indexed_long_ago_leave_the_index_though_others_follow(path: Path) -> None:
    async with open_sqlite(path, times=TIMES) as journal:
        await keep(journal, Draft("lobby", Kind.SAID, "bob", WORD))
        for _ in range(6):
            await keep(journal, *others(60))
            await until_indexed(journal)
    async with open_sqlite(path, times=TIMES) as journal:
        await remove(journal, 1)
        for _ in range(6):
            await keep(journal, *others(20))
            await until_indexed(journal)
        await until_purged(journal)

        assert files_with(path, WORD) == []


async def test_the_log_is_cut_off_once_no_reader_needs_it(path: Path) -> None:
    async with open_sqlite(path, times=TIMES) as journal:
        await keep(journal, Draft("lobby", Kind.SAID, "bob", WORD), *others(10))
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM entry").fetchone()
            await remove(journal, 1)
            with trio.fail_after(PATIENCE_S):
                while journal._store.purging.due_in_s() < 0.5:  # it was tried, and is to be tried again
                    await trio.lowlevel.checkpoint()
            assert files_with(path, WORD)
            assert not math.isinf(journal._store.purging.due_in_s())
            await keep(journal, *others(10))
            reader.execute("COMMIT")
        await until_purged(journal)

        assert files_with(path, WORD) == []


KILLED = """
import os, signal, sys, trio
from pathlib import Path
from trio_chat.chat.events import Draft, Kind
from trio_chat.chat.removal import notice_of
from trio_chat.journal.sqlite import purging
from trio_chat.journal.sqlite.journal import SqliteTimes, open_sqlite

async def main(path, slices):
    async with open_sqlite(path, times=SqliteTimes(index_within_s=0.0)) as journal:
        await journal.post(Draft("lobby", Kind.SAID, "bob", sys.argv[3])).kept()
        for number in range(20):
            await journal.post(*(Draft("lobby", Kind.SAID, "al", f"w{n} w{n * number}") for n in range(100))).kept()
            while journal._store.indexing.marks.indexed_to < journal.last_id:
                await trio.lowlevel.checkpoint()
        purge, count = purging.Purging.purge, 0
        def counted(self):
            nonlocal count
            count += 1
            if count > slices:
                os.kill(os.getpid(), signal.SIGKILL)
            return purge(self)
        purging.Purging.purge = counted
        (entry,) = await journal.read("lobby", limit=1, after=0)
        await journal.post(notice_of(entry)).kept()
        await trio.sleep_forever()

trio.run(main, Path(sys.argv[1]), int(sys.argv[2]))
"""


@pytest.mark.parametrize("slices", [0, 1, 3])
async def test_what_kill_left_in_the_files_is_purged_after_the_next_start(path: Path, slices: int) -> None:
    command = [sys.executable, "-c", KILLED, os.fspath(path), str(slices), WORD]
    ended = await trio.run_process(command, check=False, capture_stderr=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert files_with(path, WORD)

    async with open_sqlite(path, times=TIMES) as journal:
        await until_purged(journal)

        assert files_with(path, WORD) == []
        (tombstone,) = await journal.read("lobby", limit=1, after=0)
        assert isinstance(tombstone, Entry)
        assert tombstone.draft.kind is Kind.REMOVED


async def test_pages_that_an_earlier_version_freed_without_overwriting_them_are_wiped(path: Path) -> None:
    async with open_sqlite(path, times=TIMES) as journal:
        await keep(journal, *others(10))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA secure_delete = OFF")
        db.execute("CREATE TABLE old (text TEXT)")
        db.executemany("INSERT INTO old VALUES (?)", [(f"{WORD} {'x' * 3000}",)] * 200)
        db.execute("DROP TABLE old")
        set_back(db, next(version for version, (first, *_) in enumerate(MIGRATIONS) if "'unwiped'" in first))
        db.execute("DELETE FROM meta WHERE name = 'unwiped'")
    assert files_with(path, WORD)

    async with open_sqlite(path, times=TIMES) as journal:
        await remove(journal, 1)
        await until_purged(journal)

        assert files_with(path, WORD) == []
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT count(*) FROM meta WHERE name LIKE '%wipe%'").fetchone() == (0,)
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_journal_that_another_program_has_locked_is_purged_later(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_sqlite(path, times=TIMES) as journal:
        await keep(journal, Draft("lobby", Kind.SAID, "bob", WORD), *others(10))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            await remove(journal, 1)
            other.execute("BEGIN IMMEDIATE")
            with trio.fail_after(PATIENCE_S):
                while not 0.5 < journal._store.purging.due_in_s() < math.inf:
                    await trio.lowlevel.checkpoint()
            other.execute("ROLLBACK")
        await until_purged(journal)

        assert files_with(path, WORD) == []


def test_nothing_is_purged_where_nothing_was_removed(path: Path) -> None:
    async def run() -> float:
        async with open_sqlite(path, times=TIMES) as journal:
            await keep(journal, *others(10))
            return journal._store.purging.due_in_s()

    assert trio.run(run) == math.inf


async def test_a_removal_while_the_journal_is_exported_is_done_and_its_rest_told_and_purged_at_the_end(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "RETRY_S", 0.01)
    async with open_sqlite(path, times=TIMES) as journal:
        await keep(journal, Draft("lobby", Kind.SAID, "bob", WORD), *others(10))
        async with open_sqlite_history(path) as export:
            await remove(journal, 1)
            with trio.fail_after(PATIENCE_S):
                while "it goes when that ends" not in caplog.text:
                    await trio.lowlevel.checkpoint()

            exported = await export.read(None, limit=100)
            assert [it.draft.text for it in exported[:1] if isinstance(it, Entry)] == [WORD]
            assert len(exported) == 11
        await until_purged(journal)

        assert files_with(path, WORD) == []
        assert caplog.text.count("it goes when that ends") == 1


async def test_a_damaged_entry_stays_as_it_is(path: Path) -> None:
    async with open_sqlite(path, times=TIMES) as journal:
        await keep(journal, *others(3))
        (entry,) = await journal.read(None, limit=1, after=1)
        assert isinstance(entry, Entry)
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE entry SET text = 'flipped' WHERE id = 2")

        await journal.post(notice_of(entry)).kept()

        assert await journal.read(None, limit=1, after=1, before=3) == [Damaged(2)]
        assert [it.id for it in await journal.read(None, limit=9)] == [1, 2, 3, 4]
