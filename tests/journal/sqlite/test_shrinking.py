"""The file gets smaller when entries are removed, and nothing else changes."""

import logging
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import trio

from tests.conftest import PATIENCE_S
from trio_chat.chat.events import Draft, Kind
from trio_chat.journal import JournalError, compact_journal
from trio_chat.journal.sqlite import shrinking
from trio_chat.journal.sqlite.journal import SqliteJournal, open_sqlite
from trio_chat.journal.sqlite.shrinking import Shrinking, rebuild_if_small

MB = 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def fill(journal: SqliteJournal, count: int) -> None:
    drafts = [Draft("lobby", Kind.SAID, "alice", f"line {number} {'x' * 1000}") for number in range(count)]
    await journal.post(*drafts).kept()


def pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(f"PRAGMA {name}").fetchone()[0]


async def until_indexed(path: Path, to: int) -> None:
    with trio.fail_after(PATIENCE_S), closing(sqlite3.connect(path)) as db:
        while db.execute("SELECT value FROM meta WHERE name = 'indexed_to'").fetchone() != (str(to),):
            await trio.lowlevel.checkpoint()


def rows_of_index(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM words_data").fetchone()[0])


def size(path: Path) -> int:
    return path.stat().st_size


def made_by_an_early_version(path: Path) -> None:
    """Make a file such that nothing can be cut off."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("VACUUM")
    assert pragma(path, "auto_vacuum") == 0


async def until_smaller(path: Path, size_max: float) -> None:
    with trio.fail_after(PATIENCE_S):
        while size(path) > size_max:
            await trio.lowlevel.checkpoint()


async def test_the_file_gets_smaller_while_the_journal_is_in_use(path: Path) -> None:
    async with open_sqlite(path) as journal:
        await fill(journal, 2000)
        await journal.prune(more_than=10)

        await until_smaller(path, 0.6 * MB)

        await fill(journal, 1)
        left = await journal.read("lobby", limit=100)
        assert [entry.id for entry in left] == [*range(1991, 2002)]
        assert [entry.id for entry in await journal.search(["lobby"], "1995", limit=9)] == [1996]
    assert pragma(path, "integrity_check") == "ok"


async def test_the_index_of_words_gets_smaller_too(path: Path) -> None:
    async with open_sqlite(path) as journal:
        texts = (" ".join(f"word{number}x{other}" for other in range(8)) for number in range(1500))
        await journal.post(*(Draft("lobby", Kind.SAID, "alice", text) for text in texts)).kept()
        await until_indexed(path, 1500)

        await journal.prune(more_than=10)
        with trio.fail_after(PATIENCE_S):
            while rows_of_index(path) > 5:
                await trio.lowlevel.checkpoint()

        assert [entry.id for entry in await journal.search(["lobby"], "word1495x3", limit=9)] == [1496]
        assert await journal.search(["lobby"], "word7x3", limit=9) == []
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("INSERT INTO words (words) VALUES ('integrity-check')")


async def test_pages_free_at_the_start_are_given_back(path: Path) -> None:
    async with open_sqlite(path) as journal:
        await fill(journal, 3000)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DELETE FROM entry WHERE id < 2990")
    assert size(path) > 3 * MB

    async with open_sqlite(path):
        await until_smaller(path, 0.6 * MB)


async def test_a_small_file_of_an_early_version_is_rebuilt_at_the_start(path: Path) -> None:
    async with open_sqlite(path) as journal:
        epoch = journal.epoch
        await fill(journal, 3000)
    made_by_an_early_version(path)

    async with open_sqlite(path) as journal:
        assert pragma(path, "auto_vacuum") == 2
        assert (journal.epoch, journal.last_id) == (epoch, 3000)
        await journal.prune(more_than=10)
        await until_smaller(path, 0.6 * MB)


async def test_a_file_of_an_early_version_keeps_its_size_in_use_and_the_log_names_the_cure(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with open_sqlite(path) as journal:
        await fill(journal, 3000)
    made_by_an_early_version(path)

    with closing(sqlite3.connect(path, isolation_level=None)) as db, closing(Shrinking(path)) as shrinking_:
        db.execute("DELETE FROM entry WHERE id < 2990")
        rebuild_if_small(db, bytes_max=1000)
        assert [shrinking_.shrink(), shrinking_.shrink()] == [0, 0]

    assert caplog.text.count("keeps its size until `trio-chat history compact` is run") == 1
    assert size(path) > 3 * MB


async def test_a_file_is_compacted_while_no_server_uses_it(path: Path) -> None:
    async with open_sqlite(path) as journal:
        await fill(journal, 3000)
        with pytest.raises(JournalError, match="in use by another server"):
            compact_journal("sqlite:", data=path.parent)
    made_by_an_early_version(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DELETE FROM entry WHERE id < 2990")

    before, after = compact_journal("sqlite:", data=path.parent)

    assert before > 3 * MB
    assert after == size(path) < 0.3 * MB
    assert pragma(path, "auto_vacuum") == 2
    async with open_sqlite(path) as journal:
        assert [entry.id for entry in await journal.read("lobby", limit=100)] == [*range(2990, 3001)]


def test_a_rebuild_that_does_not_fit_on_the_disk_changes_nothing(path: Path) -> None:
    async def fill_file() -> None:
        async with open_sqlite(path) as journal:
            await fill(journal, 3000)

    trio.run(fill_file)
    made_by_an_early_version(path)
    before = path.read_bytes()

    done = subprocess.run(
        [sys.executable, "-m", "trio_chat", "history", "compact", "--data", str(path.parent)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (MB, MB)),
    )

    assert done.returncode == 1
    assert done.stderr.startswith(f"trio-chat: cannot compact {path}: the disk ")
    assert done.stderr.endswith("; nothing was changed\n")
    assert path.read_bytes() == before
    assert {file.name for file in path.parent.iterdir()} == {"journal.db"}


async def test_a_slice_is_bounded_and_a_reserve_stays_for_the_next_entries(path: Path) -> None:
    async with open_sqlite(path) as journal:
        await fill(journal, 3000)
    with closing(sqlite3.connect(path, isolation_level=None)) as db, closing(Shrinking(path)) as shrinking_:
        db.execute("DELETE FROM entry WHERE id < 2990")

        slices = [shrinking_.shrink() for _ in range(1000)]

        assert 0 < max(slices) <= 512
        assert slices[-1] == 0
        assert db.execute("PRAGMA freelist_count").fetchone()[0] == shrinking.RESERVE_PAGES
        assert 50 < shrinking_.due_in_s() <= shrinking.LOOK_EVERY_S


async def test_a_journal_in_memory_cannot_be_compacted(path: Path) -> None:
    with pytest.raises(JournalError, match="has no space to give back"):
        compact_journal("memory:", data=path.parent)
    with pytest.raises(JournalError, match="there is no journal at"):
        compact_journal("sqlite:", data=path.parent)
