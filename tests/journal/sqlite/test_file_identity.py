"""A file that is removed, moved away or replaced while it is open."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import trio

from trio_chat.chat.events import Draft, Kind
from trio_chat.journal import BanRecord, JournalError
from trio_chat.journal.sqlite.journal import SqliteJournal, SqliteTimes, open_sqlite

QUICK = SqliteTimes(lock_wait_s=0.02, probe_every_s=0.01)
ONLY_WHEN_WRITTEN_TO = SqliteTimes(probe_every_s=3600)
GONE = "the journal file was removed or replaced"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.db"


def beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


async def keep(journal: SqliteJournal, *texts: str) -> None:
    for receipt in [journal.post(Draft("lobby", Kind.SAID, "alice", text)) for text in texts]:
        await receipt.kept()


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not condition():
            await trio.lowlevel.checkpoint()


def texts(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [text for (text,) in db.execute("SELECT text FROM entry ORDER BY id")]


async def another_journal(folder: Path, *texts: str) -> Path:
    path = folder / "another" / "journal.db"
    async with open_sqlite(path) as journal:
        await keep(journal, *texts)
    return path


def remove_all(path: Path) -> None:
    for file in list(path.parent.iterdir()):
        file.unlink()


def move_the_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


def replace(path: Path, by: Path, *, kept_at: Path) -> None:
    path.rename(kept_at)
    by.rename(path)


def put_theirs(path: Path) -> None:
    remove_all(path)
    path.write_bytes(b"theirs")
    beside(path, "-wal").write_bytes(b"their changes")


def copy_over(path: Path) -> None:
    copy = shutil.copy(path, beside(path, ".copy"))
    Path(copy).rename(path)


@pytest.mark.parametrize("lose", [Path.unlink, remove_all, move_the_folder, copy_over])
@pytest.mark.parametrize("times", [QUICK, ONLY_WHEN_WRITTEN_TO])
async def test_nothing_is_said_to_be_kept_in_a_file_that_has_lost_its_name(
    path: Path, lose: Callable[[Path], None], times: SqliteTimes
) -> None:
    async with open_sqlite(path, times=times) as journal:
        following = journal.follow()
        await keep(journal, "before")
        assert [entry.draft.text for entry in await anext(following)] == ["before"]

        lose(path)

        with pytest.raises(JournalError, match=GONE):
            await keep(journal, "after")
        with pytest.raises(JournalError, match=GONE):
            await journal.add_ban(BanRecord("10.0.0.1/32", "", "console", 0.0, None))
        await until(lambda: journal.fault == f"{path}: {GONE}")


async def test_it_is_noticed_while_nobody_speaks(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with open_sqlite(path, times=QUICK) as journal:
        remove_all(path)

        await until(lambda: journal.fault == f"{path}: {GONE}")

    assert [record.getMessage() for record in caplog.records] == [f"nothing can be kept: {path}: {GONE}"]


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
async def test_a_file_beside_it_that_is_removed_is_missed_too(path: Path, ending: str) -> None:
    gone = f"the {ending} file of the journal was removed or replaced"
    async with open_sqlite(path, times=QUICK) as journal:
        await keep(journal, "before")

        beside(path, ending).unlink()

        with pytest.raises(JournalError, match=gone):
            await keep(journal, "after")
        await until(lambda: journal.fault == f"{path}: {gone}")
        with pytest.raises(JournalError, match=gone):
            await journal.read("lobby", limit=9)
        assert not beside(path, ending).exists()
    assert texts(path) == ["before"]
    async with open_sqlite(path) as journal:
        await keep(journal, "after")
    assert texts(path) == ["before", "after"]


async def test_all_is_well_again_when_the_same_file_is_put_back(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    async with open_sqlite(path, times=QUICK) as journal:
        await keep(journal, "before")
        shutil.move(path, elsewhere)
        await until(lambda: journal.fault is not None)

        shutil.move(elsewhere, path)

        await until(lambda: journal.fault is None)
        await keep(journal, "after")
        assert [entry.id for entry in await journal.read("lobby", limit=9)] == [1, 2]
    assert texts(path) == ["before", "after"]
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


async def test_kept_entries_are_in_the_file_wherever_it_is_and_not_beside_another(path: Path, tmp_path: Path) -> None:
    elsewhere, another = tmp_path / "elsewhere.db", await another_journal(tmp_path, "of another")
    async with open_sqlite(path, times=ONLY_WHEN_WRITTEN_TO) as journal:
        await keep(journal, "ours")
        replace(path, another, kept_at=elsewhere)

    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]
    assert texts(path) == ["of another"]
    assert texts(elsewhere) == ["ours"]


async def test_a_crash_leaves_no_log_that_another_file_could_take_for_its_own(path: Path, tmp_path: Path) -> None:
    elsewhere, another = tmp_path / "elsewhere.db", await another_journal(tmp_path, "of another")
    async with open_sqlite(path, times=QUICK) as journal:
        await keep(journal, "ours")
        replace(path, another, kept_at=elsewhere)

        await until(lambda: beside(path, "-wal").stat().st_size == 0)

        copy = tmp_path / "as a crash leaves it"
        shutil.copytree(path.parent, copy)
        assert texts(copy / "journal.db") == ["of another"]


async def test_files_of_others_stay(path: Path) -> None:
    async with open_sqlite(path, times=QUICK) as journal:
        await keep(journal, "ours")
        put_theirs(path)
        await until(lambda: journal.fault is not None)

    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == {
        "journal.db": b"theirs",
        "journal.db-wal": b"their changes",
    }


async def test_a_log_that_somebody_still_reads_is_put_aside(path: Path, tmp_path: Path, caplog) -> None:
    elsewhere, another = tmp_path / "elsewhere.db", await another_journal(tmp_path, "of another")
    async with open_sqlite(path, times=ONLY_WHEN_WRITTEN_TO) as journal:
        await keep(journal, "one")
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM entry").fetchone()
            await keep(journal, "two")
            replace(path, another, kept_at=elsewhere)
            await journal.aclose()

    assert texts(path) == ["of another"]
    assert sorted(file.name for file in path.parent.iterdir()) == ["journal.db", "journal.db-wal.left"]
    assert f"{path}-wal.left" in caplog.text


async def test_nobody_reads_what_somebody_else_put_there(path: Path, tmp_path: Path) -> None:
    another = await another_journal(tmp_path, "of another")
    async with open_sqlite(path, times=QUICK) as journal:
        await keep(journal, "ours")

        another.rename(path)

        with pytest.raises(JournalError, match=GONE):
            await journal.read("lobby", limit=9)


async def test_a_link_may_lead_to_the_file(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    path.parent.mkdir()
    async with open_sqlite(path):
        pass

    async with open_sqlite(link, times=QUICK) as journal:
        await keep(journal, "before")
        link.unlink()
        link.symlink_to(tmp_path / "nowhere")

        with pytest.raises(JournalError, match=GONE):
            await keep(journal, "after")
    assert texts(path) == ["before"]
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]
