"""The SQLite journal beyond the contract: reopening, refusals, damage, faults, closing and crashes."""

import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import trio
from msgspec.structs import replace

from tests.conftest import PATIENCE_S
from tests.journal.sqlite.schemas import set_back
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.journal import (
    AccountRecord,
    Damaged,
    JournalError,
    KeyRecord,
    SessionEnd,
    SessionRecord,
    open_journal,
)
from trio_chat.journal.batch import Batch
from trio_chat.journal.sqlite.connection import reason
from trio_chat.journal.sqlite.history import open_sqlite_history
from trio_chat.journal.sqlite.journal import SqliteJournal, SqliteTimes, open_sqlite
from trio_chat.journal.sqlite.opening import check_can_open
from trio_chat.journal.sqlite.schema import APPLICATION_ID, MIGRATIONS, SCHEMA_OF_ACCOUNTS

QUICK = SqliteTimes(lock_wait_s=0.02, probe_every_s=0.01)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def said(text: str, *, key: str = "") -> Draft:
    return Draft("lobby", Kind.SAID, "alice", text, session="s" if key else "", key=key)


async def keep(journal: SqliteJournal, *texts: str) -> None:
    for receipt in [journal.post(said(text)) for text in texts]:
        await receipt.kept()


async def texts(journal: SqliteJournal) -> list[str]:
    return [entry.draft.text for entry in await journal.read("lobby", limit=1000)]


async def what_is_left(journal: SqliteJournal, room: str | None = "lobby") -> list[str | Damaged]:
    past = await journal.read(room, limit=1000)
    return [it if isinstance(it, Damaged) else it.draft.text for it in past]


async def fill(path: Path, *texts: str) -> None:
    async with open_sqlite(path) as journal:
        await keep(journal, *texts)


async def until_well(journal: SqliteJournal) -> None:
    with trio.fail_after(PATIENCE_S):
        while journal.fault:
            await trio.lowlevel.checkpoint()


async def refusal(path: Path, times: SqliteTimes = QUICK) -> str:
    with pytest.raises(JournalError) as refused:
        async with open_sqlite(path, times=times):
            pass
    return str(refused.value)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def no_larger_than(size_bytes: int) -> Iterator[None]:
    """Make the kernel refuse to let any file of this process grow: the nearest thing to a failing disk without root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def content(path: Path) -> bytes:
    return path.read_bytes()


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


class TestReopening:
    async def test_entries_ids_and_epoch_live_on(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            assert journal.last_id == 0
            await keep(journal, "one", "two")
            before = await journal.read("lobby", limit=9)
            epoch = journal.epoch

        async with open_sqlite(path) as journal:
            assert journal.last_id == 2
            await keep(journal, "three")

            after = await journal.read("lobby", limit=9)
            assert after[:2] == before
            assert [entry.id for entry in after] == [1, 2, 3]
            assert journal.epoch == epoch

    async def test_a_key_is_remembered(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            await journal.post(said("first", key="k")).kept()

        async with open_sqlite(path) as journal:
            again = said("again", key="k")
            receipt = journal.post(again)
            await receipt.kept()

            first = receipt.repeated("s", "k")
            assert first is not None
            assert first.draft.text == "first"
            assert await texts(journal) == ["first"]

    async def test_only_the_database_is_left_behind(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            await keep(journal, "hello")
            await journal.read("lobby", limit=9)

        assert [file.name for file in path.parent.iterdir()] == ["journal.db"]

    async def test_the_file_is_named_by_the_address_or_lies_in_the_data_folder(self, tmp_path: Path) -> None:
        async with open_journal("sqlite:", data=tmp_path / "new" / "data"):
            pass
        async with open_journal(f"sqlite:{tmp_path}/elsewhere/chat.db", data=tmp_path / "unused"):
            pass

        assert (tmp_path / "new" / "data" / "journal.db").exists()
        assert (tmp_path / "elsewhere" / "chat.db").exists()
        assert not (tmp_path / "unused").exists()

    async def test_others_on_the_machine_cannot_read_it(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            await keep(journal, "private")

            modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
            assert modes == {0o600}

    async def test_another_program_may_read_meanwhile(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            await keep(journal, "hello")

            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as other:
                assert other.execute("SELECT text FROM entry").fetchall() == [("hello",)]

    async def test_a_journal_of_the_first_day_is_recognised(self, path: Path) -> None:
        await fill(path)

        with closing(sqlite3.connect(path)) as other:
            assert other.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
            assert other.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)

    async def test_a_journal_of_the_first_schema_is_brought_up_to_date(self, path: Path) -> None:
        await fill(path, "old")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            set_back(other, 1)

        async with open_sqlite(path) as journal:
            await journal.post(sessions=[SessionRecord("s", "frames", "alice", "alice", ("lobby",))]).kept()

            assert await texts(journal) == ["old"]
            assert len(await journal.read_sessions()) == 1

    async def test_a_journal_from_before_accounts_is_exported_as_it_is_and_then_brought_up_to_date(
        self, path: Path
    ) -> None:
        await fill(path, "old")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            set_back(other, SCHEMA_OF_ACCOUNTS - 1)

        async with open_sqlite_history(path) as history:
            [old] = await history.read(None, limit=9)
            assert isinstance(old, Entry)
            assert old.draft.text == "old"
            assert await history.read_names() == []
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("PRAGMA user_version").fetchone() == (SCHEMA_OF_ACCOUNTS - 1,)
        async with open_sqlite(path) as journal:
            await journal.post(Draft("lobby", Kind.SAID, "alice", "new", account="a1")).kept()

            assert [it.draft.account for it in await journal.read("lobby", limit=9) if isinstance(it, Entry)] == [
                "",
                "a1",
            ]
            assert await journal.read_accounts() == []

    @pytest.mark.parametrize("column", ["account", "to_account"])
    async def test_an_account_that_changed_in_the_file_is_damage(self, path: Path, column: str) -> None:
        async with open_sqlite(path) as journal:
            await journal.post(Draft("lobby", Kind.SAID, "alice", "a", account="a1", to_account="a2")).kept()
            await journal.post(Draft("lobby", Kind.SAID, "alice", "b")).kept()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute(f"UPDATE entry SET {column} = 'a9'")

        async with open_sqlite(path) as journal:
            assert await journal.read("lobby", limit=9) == [Damaged(1), Damaged(2)]

    async def test_entries_from_before_the_index_are_found(self, path: Path) -> None:
        await fill(path, "old")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            set_back(other, 3)

        async with open_sqlite(path) as journal:
            assert len(await journal.read("lobby", limit=9, without_presence=True)) == 1

    @pytest.mark.parametrize("schema", range(1, len(MIGRATIONS)))
    async def test_the_history_of_each_former_schema_can_be_read_as_it_is(self, path: Path, schema: int) -> None:
        async with open_sqlite(path) as journal:
            await journal.post(*(Draft("lobby", kind, "alice", kind) for kind in (Kind.JOINED, Kind.SAID))).kept()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            set_back(other, schema)

        async with open_sqlite_history(path) as history:
            pages = [
                [it.id for it in await history.read(room, limit=9, after=after, without_presence=is_said)]
                for room in (None, "lobby")
                for after in (None, 0)
                for is_said in (False, True)
            ]

        assert pages == [[1, 2], [2]] * 4

    async def test_a_stop_while_a_journal_is_brought_up_to_date_undoes_that_and_ends_at_once(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            await journal.post(*(Draft("lobby", Kind.SAID, "alice", "old") for _ in range(20_000))).kept()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            set_back(other, 3)

        with pytest.raises(JournalError):
            async with open_sqlite(path, close_by=lambda: 0.0):
                pass
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("PRAGMA user_version").fetchone() == (3,)

        async with open_sqlite(path) as journal:
            assert len(await journal.read("lobby", limit=9, without_presence=True)) == 9

    async def test_sessions_of_a_journal_without_their_addresses_are_there_again(self, path: Path) -> None:
        old = SessionRecord("s", "frames", "alice", "alice", ("lobby",))
        async with open_sqlite(path) as journal:
            await journal.post(sessions=[old]).kept()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            set_back(other, 5)

        async with open_sqlite(path) as journal:
            assert await journal.read_sessions() == [old]

    async def test_without_marks_every_room_may_have_lost_pruned_entries(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            await keep(journal, *"abc")
            await journal.prune(more_than=1)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            set_back(other, 2)

        async with open_sqlite(path) as journal:
            assert await journal.pruned_in("ops") == 2

    async def test_the_marks_of_pruning_stay(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            await keep(journal, *"abc")
            await journal.prune(more_than=1)

        async with open_sqlite(path) as journal:
            assert [await journal.pruned_in(room) for room in ("lobby", "ops")] == [2, 0]

    async def test_of_too_many_marks_the_lowest_become_one(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            for number in range(6):
                await journal.post(Draft(f"room{number}", Kind.SAID, "alice", "hello")).kept()
            journal._store.pruning._marks_max = 2

            await journal.prune(more_than=1)

            assert [await journal.pruned_in(f"room{number}") for number in range(6)] == [3, 3, 3, 4, 5, 3]
            with closing(sqlite3.connect(path)) as other:
                assert other.execute("SELECT count(*) FROM prune_mark").fetchone() == (2,)


class TestRefusals:
    """Each names the file and what to do, and leaves the file as it is."""

    async def test_another_server_has_it(self, path: Path) -> None:
        async with open_sqlite(path):
            text = await refusal(path)

        assert text.startswith(f"the data folder {path.parent} is in use by another server; stop that one")

    async def test_the_folder_is_free_again_after_a_refusal(self, path: Path) -> None:
        put(path, b"not a database at all" * 100)
        await refusal(path)
        os.unlink(path)

        await fill(path, "hello")

    async def test_a_file_that_is_no_database(self, path: Path) -> None:
        before = b"Dear diary,\n" * 1000
        put(path, before)

        text = await refusal(path)

        assert f"{path} is not a journal of trio-chat" in text
        assert content(path) == before

    async def test_a_database_of_another_program(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE entry (id)")
        before = content(path)

        text = await refusal(path)

        assert f"{path} is not a journal of trio-chat" in text
        assert content(path) == before

    async def test_a_link_to_a_file_that_is_not_there(self, path: Path) -> None:
        os.symlink("/mnt/disk/journal.db", path)

        text = await refusal(path)

        assert text == (
            f"{path} is a link to /mnt/disk/journal.db, which is not there: put that file back, or remove the link"
        )
        assert os.readlink(path) == "/mnt/disk/journal.db"

    async def test_a_pipe(self, path: Path) -> None:
        os.mkfifo(path)

        assert await refusal(path) == f"{path} is no file; move it away, or choose another folder with --data"

    async def test_a_newer_schema(self, path: Path) -> None:
        await fill(path, "hello")
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA user_version = 99")
        before = content(path)

        text = await refusal(path)

        assert text.startswith(f"{path} was written by a newer trio-chat (schema 99")
        assert content(path) == before

    @pytest.mark.parametrize("size", [0, 50, 100, 4096, 10_000, 3 * 4096])
    async def test_a_file_cut_short(self, path: Path, size: int) -> None:
        await fill(path, *("x" * 1000 for _ in range(50)))
        os.truncate(path, size)
        before = content(path)

        text = await refusal(path)

        assert (
            text
            == f"cannot open {path}: the journal is damaged; restore it from a backup, or move it away to begin anew"
        )
        assert content(path) == before

    async def test_a_damaged_page(self, path: Path) -> None:
        await fill(path, *("x" * 1000 for _ in range(50)))
        overwrite(path, 7 * 4096, b"\xff" * 16)
        before = content(path)

        text = await refusal(path)

        assert text.startswith(f"cannot open {path}: the journal is damaged")
        assert content(path) == before
        assert os.listdir(path.parent) == ["journal.db"]

    @pytest.mark.parametrize("beside", ["-wal", "-wal -shm"])
    async def test_a_damaged_page_with_a_log_of_changes_that_stays_as_it_is(
        self, path: Path, tmp_path: Path, beside: str
    ) -> None:
        copy = tmp_path / "copy" / "journal.db"
        copy.parent.mkdir()
        names = ["journal.db", *(f"journal.db{ending}" for ending in beside.split())]
        await fill(path, "first" * 200, *("x" * 1000 for _ in range(50)))
        async with open_sqlite(path) as journal:
            await keep(journal, "in the log")
            for name in names:
                shutil.copy(path.with_name(name), copy.with_name(name))
        oldest = content(copy).rindex(b"first" * 200) // 4096  # that page is not in the log
        overwrite(copy, oldest * 4096, b"\xff" * 16)
        before = [content(copy.with_name(name)) for name in names[:2]]

        text = await refusal(copy)
        with pytest.raises(JournalError) as tried:
            check_can_open(copy)

        assert text.startswith(f"cannot open {copy}: the journal is damaged")
        assert str(tried.value) == text
        assert sorted(file.name for file in copy.parent.iterdir()) == sorted(names)
        assert [content(copy.with_name(name)) for name in names[:2]] == before

    async def test_a_log_of_changes_without_its_file(self, path: Path) -> None:
        log = path.with_name("journal.db-wal")
        put(log, b"changes of another journal")

        text = await refusal(path)

        assert text.startswith(f"{log} is there without {path}")
        assert content(log) == b"changes of another journal"

    async def test_a_data_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        text = await refusal(tmp_path / "file" / "data" / "journal.db")

        assert text.startswith(f"cannot write in the data folder {tmp_path}/file/data: Not a directory; choose another")

    async def test_a_path_that_is_a_folder(self, path: Path) -> None:
        os.mkdir(path)

        assert (await refusal(path)).startswith(f"cannot write to the journal {path}: Is a directory")

    async def test_a_file_that_another_program_has_locked(self, path: Path) -> None:
        await fill(path, "hello")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("INSERT INTO meta VALUES ('x', 'y')")

            text = await refusal(path)

        assert text == f"cannot open {path}: another program has locked the journal; end that program"


class TestDamageFoundLater:
    async def test_a_bit_that_flips_inside_a_text_is_noticed(self, path: Path) -> None:
        await fill(path, "one", "hello world", "three")
        overwrite(path, content(path).index(b"hello world"), b"j")

        async with open_sqlite(path) as journal:
            assert await what_is_left(journal) == ["one", Damaged(2), "three"]

    @pytest.mark.parametrize(
        "change",
        [
            "text = CAST(X'6A80' AS TEXT)",
            "text = X'6A80'",
            "author = X'00'",
            "time = 'now'",
            "time = time + (1 << 62)",
            "time = -1",
            "crc = 0.5",
            "kind = 'sad'",
            "room = 'ops'",
        ],
    )
    async def test_a_damaged_entry_leaves_the_others_readable(self, path: Path, change: str) -> None:
        await fill(path, "one", "two", "three")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute(f"UPDATE entry SET {change} WHERE id = 2")

        async with open_sqlite(path) as journal:
            assert await what_is_left(journal, None) == ["one", Damaged(2), "three"]

    @pytest.mark.parametrize("after", [None, 0])
    @pytest.mark.parametrize(
        ("number", "kind", "flipped"),
        [(1, b"said", b"left"), (1, b"said", b"saie"), (2, b"joined", b"jpined"), (2, b"joined", b"said\0\0")],
    )
    async def test_an_entry_whose_kind_is_damaged_is_in_its_room_still(
        self, path: Path, number: int, kind: bytes, flipped: bytes, after: int | None
    ) -> None:
        async with open_sqlite(path) as journal:
            for entry_id, it in enumerate((Kind.SAID, Kind.JOINED, Kind.SAID), 1):
                await journal.post(Draft("lobby", it, f"by{entry_id}", "x")).kept()
        at = content(path).index(kind + b"by%d" % number)
        overwrite(path, at, flipped)

        async with open_sqlite(path) as journal:
            page = await journal.read("lobby", limit=9, after=after)
            said = await journal.read("lobby", limit=9, after=after, without_presence=True)

        assert [it for it in page if isinstance(it, Damaged)] == [Damaged(number)]
        assert [it.id for it in page] == [1, 2, 3]
        assert [it.id for it in said] == [1, 3]

    async def test_damaged_entries_are_found_by_their_words_still(self, path: Path) -> None:
        await fill(path, "hello earth", "hello world")
        overwrite(path, content(path).index(b"hello world"), b"j")

        async with open_sqlite(path) as journal:
            first, second = await journal.search(["lobby"], "hello", limit=9)

        assert (first.draft.text, second) == ("hello earth", Damaged(2))

    async def test_each_is_logged_once_with_its_file_and_told_to_who_asks(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        await fill(path, "one", "two", "three", "four")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("UPDATE entry SET text = 'tow' WHERE id % 2 = 0")

        async with open_sqlite(path) as journal:
            unread = journal.damage
            await journal.read("lobby", limit=9, after=2)
            seen = journal.damage
            await journal.read("lobby", limit=9)
            await journal.read("lobby", limit=9)

            assert unread is None
            assert seen == f"entry 4 of {path} is damaged"
            assert journal.damage == f"entries 2, 4 of {path} are damaged"
        logged = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        assert [line.partition(":")[0] for line in logged] == [
            f"entry 4 of {path} is damaged",
            f"entry 2 of {path} is damaged",
        ]

    async def test_many_are_one_line_that_does_not_name_all(self, path: Path) -> None:
        await fill(path, *map(str, range(30)))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("UPDATE entry SET text = 'tow'")

        async with open_sqlite(path) as journal:
            await journal.read("lobby", limit=50)

            named = ", ".join(map(str, range(1, 21)))
            assert journal.damage == f"entries {named} and 10 others of {path} are damaged"

    async def test_a_room_whose_topic_is_damaged_is_there_without_it(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            await keep(journal, "hello")
            await journal.post(Draft("lobby", Kind.TOPIC, "alice", "weather")).kept()
        overwrite(path, content(path).index(b"weather"), b"\xff")

        async with open_sqlite(path) as journal:
            assert [(room.name, room.topic, room.last_id) for room in await journal.rooms()] == [("lobby", "", 2)]
            assert journal.damage == f"entry 2 of {path} is damaged"

    async def test_a_repeat_of_a_damaged_entry_is_not_kept_again(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            await journal.post(said("hello world", key="k")).kept()
        overwrite(path, content(path).index(b"hello world"), b"\xff")

        async with open_sqlite(path) as journal:
            again, other = journal.post(said("hello world", key="k")), journal.post(said("something else"))
            await again.kept()
            await other.kept()

            repeated = again.repeated("s", "k")
            assert repeated is not None
            assert (repeated.id, repeated.draft.text) == (1, "hello world")
            assert await what_is_left(journal) == [Damaged(1), "something else"]

    async def test_damage_found_after_opening_ends_writing(self, path: Path) -> None:
        await fill(path, *("so large that checking takes a while" * 3000 for _ in range(100)))
        overwrite(path, 7 * 4096, b"\xff" * 16)

        async with open_sqlite(path, times=SqliteTimes(integrity_check_s=0)) as journal:
            with trio.fail_after(PATIENCE_S):
                while journal.fault is None:
                    await trio.lowlevel.checkpoint()

            assert journal.fault == f"{path}: the journal is damaged"
            with pytest.raises(JournalError, match="the journal is damaged"):
                await keep(journal, "on a torn page")


class TestFaults:
    async def test_a_lock_makes_it_read_only_until_it_is_gone(self, path: Path) -> None:
        async with open_sqlite(path, times=QUICK) as journal:
            await keep(journal, "before")

            with locked(path):
                with pytest.raises(JournalError, match="another program has locked the journal"):
                    await keep(journal, "during")
                assert journal.fault == f"{path}: another program has locked the journal"
                assert await texts(journal) == ["before"]
            await until_well(journal)

            await keep(journal, "after")
            assert [(entry.id, entry.draft.text) for entry in await journal.read("lobby", limit=9)] == [
                (1, "before"),
                (2, "after"),
            ]

    async def test_the_next_batch_is_tried_without_waiting_for_a_probe(self, path: Path) -> None:
        async with open_sqlite(path, times=SqliteTimes(lock_wait_s=0.02, probe_every_s=3600)) as journal:
            with locked(path), pytest.raises(JournalError):
                await keep(journal, "during")

            await keep(journal, "after")

            assert journal.fault is None

    async def test_nothing_that_failed_is_published(self, path: Path) -> None:
        async with open_sqlite(path, times=QUICK) as journal:
            following = journal.follow()
            with locked(path), pytest.raises(JournalError):
                await keep(journal, "lost")
            await keep(journal, "kept")

            assert [entry.draft.text for entry in await anext(following)] == ["kept"]

    @pytest.mark.parametrize("count", [1, 200])
    async def test_a_disk_that_fails_makes_it_read_only_until_it_works(self, path: Path, count: int) -> None:
        async with open_sqlite(path, times=QUICK) as journal:
            await keep(journal, "before")

            with no_larger_than(16 * 1024):
                with pytest.raises(JournalError, match="the disk reports an error"):
                    await keep(journal, *("x" * 20_000 for _ in range(count)))
                assert await texts(journal) == ["before"]
            await until_well(journal)

            await keep(journal, "after")
            assert [entry.id for entry in await journal.read("lobby", limit=9)] == [1, 2]

    async def test_it_is_not_called_healthy_while_only_small_batches_can_be_kept(self, path: Path) -> None:
        large = ["x" * 20_000] * 50
        async with open_sqlite(path, times=QUICK) as journal:
            await keep(journal, "before")

            with no_larger_than(path.with_name("journal.db-wal").stat().st_size + 200_000):
                with pytest.raises(JournalError):
                    await keep(journal, *large)
                for number in range(3):
                    await keep(journal, f"small {number}")
                    assert journal.fault
                    probe_at = journal._writer._probe_at
                    with trio.fail_after(PATIENCE_S):
                        while journal.fault and journal._writer._probe_at == probe_at:
                            await trio.lowlevel.checkpoint()
                    assert journal.fault
                with pytest.raises(JournalError):
                    await keep(journal, *large)
            await until_well(journal)

            await keep(journal, *large)
            assert journal.fault is None

    async def test_it_is_well_again_also_while_somebody_speaks_all_the_time(self, path: Path) -> None:
        async with open_sqlite(path, times=SqliteTimes(lock_wait_s=0.02, probe_every_s=0.2)) as journal:
            with locked(path), pytest.raises(JournalError):
                await keep(journal, "x" * 20_000)

            earlier = journal.post(said("small"))
            with trio.fail_after(PATIENCE_S):
                while journal.fault:  # there is always one more, but never many at once
                    later = journal.post(said("small"))
                    await earlier.kept()
                    earlier = later

    async def test_a_large_group_that_was_kept_proves_that_all_is_well(self, path: Path) -> None:
        async with open_sqlite(path, times=SqliteTimes(lock_wait_s=0.02, probe_every_s=3600)) as journal:
            with locked(path), pytest.raises(JournalError):
                await keep(journal, "x" * 2000)

            await keep(journal, "small")
            assert journal.fault
            await keep(journal, "x" * 2000)

            assert journal.fault is None

    async def test_a_fault_and_its_end_are_logged_once(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        async with open_sqlite(path, times=QUICK) as journal:
            with locked(path):
                for text in ("one", "two"):
                    with pytest.raises(JournalError):
                        await keep(journal, text)
            await until_well(journal)

        assert caplog.messages == [
            f"nothing can be kept: {path}: another program has locked the journal",
            f"the journal is well again: {path}",
        ]

    async def test_a_text_that_cannot_be_stored_harms_no_later_one(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            with pytest.raises(JournalError, match="surrogates not allowed"):
                await keep(journal, "\ud800")

            await keep(journal, "fine")

            assert await texts(journal) == ["fine"]

    def test_a_full_disk_is_called_that(self) -> None:
        with closing(sqlite3.connect(":memory:")) as db:
            db.execute("PRAGMA max_page_count = 1")
            with pytest.raises(sqlite3.Error) as full:
                db.execute("CREATE TABLE t (x)")

        assert reason(full.value) == "the disk is full"


def session(owner: str, *rooms: str) -> SessionRecord:
    return SessionRecord(owner, "frames", "alice", "alice", rooms)


async def until_records_are(journal: SqliteJournal, *records: SessionRecord) -> None:
    with trio.fail_after(PATIENCE_S):
        while await journal.read_sessions() != list(records):
            await trio.lowlevel.checkpoint()


class TestSessionRecords:
    @pytest.mark.parametrize(("text", "owner"), [("\ud800", "a"), ("joined", "\ud800")])
    async def test_a_draft_and_its_record_are_kept_together_or_not_at_all(
        self, path: Path, text: str, owner: str
    ) -> None:
        async with open_sqlite(path) as journal:
            with pytest.raises(JournalError, match="surrogates not allowed"):
                await journal.post(said(text), sessions=[session(owner)]).kept()

            await keep(journal, "hello")
            await journal.settled()
            assert journal.fault is None
            assert await texts(journal) == ["hello"]
            assert await journal.read_sessions() == []

    async def test_a_record_from_before_the_start_is_deleted_once_the_journal_works_again(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            await journal.post(sessions=[session("of before")]).kept()

        async with open_sqlite(path, times=QUICK) as journal:
            with locked(path), pytest.raises(JournalError):
                await journal.post(sessions=[SessionEnd("of before")]).kept()

            await until_records_are(journal)

    async def test_a_record_that_failed_is_kept_once_the_journal_works_again(self, path: Path) -> None:
        async with open_sqlite(path, times=QUICK) as journal:
            await journal.post(sessions=[session("leaves"), session("moves", "lobby")]).kept()
            with locked(path):
                journal.post(said("1"), sessions=[session("comes")])
                journal.post(said("2"), sessions=[session("moves", "ops")])
                last = journal.post(said("3"), sessions=[SessionEnd("leaves")])
                with pytest.raises(JournalError):
                    await last.kept()

            await until_records_are(journal, session("comes"), session("moves", "ops"))
            assert "3" not in await texts(journal)

    async def test_a_later_change_is_not_undone_by_one_that_failed(self, path: Path) -> None:
        async with open_sqlite(path, times=SqliteTimes(lock_wait_s=0.02, probe_every_s=3600)) as journal:
            with locked(path), pytest.raises(JournalError):
                await journal.post(sessions=[session("a", "lobby"), session("b")]).kept()

            await journal.post(said("hello"), sessions=[session("a", "ops")]).kept()

            await until_records_are(journal, session("a", "ops"), session("b"))

    async def test_changes_after_one_that_failed_are_announced_with_it_before_anything_else(self, path: Path) -> None:
        before, moved, named = (
            SessionRecord("c1", "lines", label, nick, rooms)
            for label, nick, rooms in (
                ("10.0.0.1:5", "", ("lobby",)),
                ("10.0.0.1:5", "", ("lobby", "ops")),
                ("alice", "alice", ("lobby", "ops")),
            )
        )
        async with open_sqlite(path, times=SqliteTimes(lock_wait_s=0.02, probe_every_s=3600)) as journal:
            joined = Draft("ops", Kind.JOINED, before.label, "#ops", client="c1")
            renamed = [Draft(room, Kind.RENAMED, before.label, "alice", client="c1") for room in moved.rooms]
            await journal.post(sessions=[before]).kept()
            with locked(path), pytest.raises(JournalError):
                await journal.post(joined, sessions=[moved]).kept()

            journal.post(*renamed, sessions=[named])
            await journal.post(Draft("ops", Kind.SAID, "alice", "hello")).kept()

            told = [it.draft for it in await journal.read(None, limit=9) if not isinstance(it, Damaged)]
            assert [(it.room, it.kind, it.author, it.text) for it in told] == [
                ("lobby", "renamed", "10.0.0.1:5", "alice"),
                ("ops", "joined", "alice", "#ops"),
                ("ops", "said", "alice", "hello"),
            ]
            assert await journal.read_sessions() == [named]

    async def test_nothing_can_be_said_before_overdue_notices(self, path: Path) -> None:
        async with open_sqlite(path, times=QUICK) as journal:
            with locked(path):
                joined = journal.post(Draft("lobby", Kind.JOINED, "alice"), sessions=[session("a", "lobby")])
                with pytest.raises(JournalError):
                    await joined.kept()
                with pytest.raises(JournalError, match="locked"):
                    await journal.post(said("nobody knows me")).kept()

            await journal.post(said("hello")).kept()

            assert await texts(journal) == ["", "hello"]

    async def test_those_who_come_and_go_while_nothing_can_be_kept_are_not_remembered(self, path: Path) -> None:
        async with open_sqlite(path, times=QUICK) as journal:
            await journal.post(sessions=[session("of before")]).kept()
            with locked(path):
                for number in range(3):
                    for change in (session(f"c{number}"), SessionEnd(f"c{number}")):
                        with pytest.raises(JournalError):
                            await journal.post(sessions=[change]).kept()
                with pytest.raises(JournalError):
                    await journal.post(sessions=[SessionEnd("of before")]).kept()
                assert set(journal._overdue) == {"of before"}

            await until_records_are(journal)


class TestClosing:
    async def test_a_lock_does_not_hold_it_up(self, path: Path) -> None:
        times = SqliteTimes(lock_wait_s=0.1, close_max_s=10 * PATIENCE_S)
        with trio.fail_after(PATIENCE_S):
            async with open_sqlite(path, times=times) as journal:
                other = sqlite3.connect(path, isolation_level=None)
                other.execute("BEGIN EXCLUSIVE")
                receipt = journal.post(said("never"))
        other.close()

        with pytest.raises(JournalError, match="locked"):
            await receipt.kept()

    async def test_a_disk_that_never_answers_does_not_hold_it_up(self, path: Path) -> None:
        answer = threading.Event()

        def clock() -> float:
            answer.wait()
            return 0.0

        async with open_sqlite(path, clock=clock, times=SqliteTimes(close_max_s=0.01)) as journal:
            receipt = journal.post(said("never"))
        with pytest.raises(JournalError, match="did not answer in time"):
            await receipt.kept()
        answer.set()

    @pytest.mark.parametrize(
        ("left_s", "takes_s"), [(1, 1), (0, SqliteTimes().close_min_s), (-1, SqliteTimes().close_min_s)]
    )
    async def test_it_takes_no_longer_than_it_is_given_and_says_what_may_be_lost(
        self, path: Path, autojump_clock, caplog: pytest.LogCaptureFixture, left_s: float, takes_s: float
    ) -> None:
        answer = threading.Event()

        def clock() -> float:
            answer.wait()
            return 0.0

        async with open_sqlite(path, clock=clock, close_by=lambda: began + left_s) as journal:
            journal.post(said("never"))
            journal.post(said("ever"))
            began = trio.current_time()

        assert trio.current_time() - began == pytest.approx(takes_s)
        assert "2 entries may not be kept" in caplog.text
        answer.set()

    async def test_cancellation_keeps_posted_drafts(self, path: Path) -> None:
        with trio.CancelScope() as scope:
            async with open_sqlite(path) as journal:
                receipt = journal.post(said("hello"))
                scope.cancel()

        assert os.listdir(path.parent) == ["journal.db"]
        await receipt.kept()
        async with open_sqlite(path) as journal:
            assert await texts(journal) == ["hello"]

    async def test_a_closed_journal_cannot_be_read(self, path: Path) -> None:
        async with open_sqlite(path) as journal:
            pass

        with pytest.raises(JournalError, match="closed"):
            await texts(journal)


SPEAKER = """
import os, sys, trio
from pathlib import Path
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.journal.sqlite.journal import open_sqlite

async def speak(journal):
    while True:
        await journal.post(Draft("lobby", Kind.SAID, "a", "x" * 50)).kept()

async def main():
    async with open_sqlite(Path(sys.argv[1])) as journal, trio.open_nursery() as nursery:
        following = journal.follow()
        for _ in range(20):
            nursery.start_soon(speak, journal)
        async for entries in following:
            os.write(1, b"%d\\n" % entries[-1].id)

trio.run(main)
"""


def kill_when_published(path: Path, published: int) -> int:
    """Run a server until it has published that many entries, and kill it. Returns the last id that it published."""
    with subprocess.Popen([sys.executable, "-c", SPEAKER, path], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        for line in server.stdout:
            if int(line) >= published:
                break
        server.send_signal(signal.SIGKILL)
        return int(([line, *server.stdout])[-1])


class TestKilling:
    @pytest.mark.parametrize("published", [1, 40, 300, 1000, 3000])
    async def test_published_entries_survive_kill_9(self, path: Path, published: int) -> None:
        seen = kill_when_published(path, published)

        async with open_sqlite(path) as journal:
            ids = [entry.id for entry in await journal.read("lobby", limit=1_000_000)]
            assert ids == list(range(1, len(ids) + 1))
            assert len(ids) >= seen >= published
            await keep(journal, "life goes on")

    async def test_a_commit_waits_for_the_disk(self, path: Path) -> None:
        """A power cut cannot be had in a test; what SQLite does about it can be asked for only on that connection."""
        async with open_sqlite(path) as journal:
            db = journal._store._db
            asked = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "fullfsync")]

            assert asked == [2, 1]


async def test_every_commit_is_timed(path: Path) -> None:
    async with open_sqlite(path) as journal:
        await keep(journal, "one")
        await keep(journal, "two", "three")

        assert sum(journal.commits.counts) == 2
        assert journal.commits.total_s > 0


async def test_a_room_in_which_nothing_was_said_is_not_among_those_to_be_known(path: Path) -> None:
    async with open_sqlite(path) as journal:
        for room, kinds in {
            "dve": [Kind.JOINED, Kind.ANNOUNCED, Kind.RENAMED, Kind.KICKED],
            "dev": [Kind.JOINED, Kind.SAID, Kind.LEFT],
            "ops": [Kind.JOINED, Kind.TOPIC],
            "zoo": [Kind.ACTED],
        }.items():
            for kind in kinds:
                await journal.post(Draft(room, kind, "alice", "text")).kept()

        assert [(room.name, room.topic) for room in await journal.rooms()] == [
            ("dev", ""),
            ("ops", "text"),
            ("zoo", ""),
        ]


async def test_drafts_posted_before_a_failure_could_be_known_fail_with_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_writing, goes_on = threading.Event(), threading.Event()
    async with open_sqlite(path, times=QUICK) as journal:
        keep_batch = journal._store.keep

        def fail_once(batch: Batch, time: float) -> None:
            monkeypatch.setattr(journal._store, "keep", keep_batch)
            is_writing.set()
            goes_on.wait(PATIENCE_S)
            raise JournalError("the disk is full")

        monkeypatch.setattr(journal._store, "keep", fail_once)
        first = journal.post(said("1"))
        await trio.to_thread.run_sync(is_writing.wait)
        second = journal.post(said("2"))
        goes_on.set()
        for receipt in (first, second):
            with pytest.raises(JournalError):
                await receipt.kept()
        await keep(journal, "3")

        assert await texts(journal) == ["3"]


async def test_an_account_whose_keys_are_damaged_stays_claimed_and_keeps_no_server_from_starting(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    account = AccountRecord("a1", "alice", "alice", 1.0, 2.0, "own", "hash", (KeyRecord("blob", 1.0, "own"),))
    async with open_sqlite(path) as journal:
        await journal.keep_account(account)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE account SET keys = substr(keys, 2)")

    async with open_sqlite(path) as journal:
        assert await journal.read_accounts() == [replace(account, keys=())]

    assert "the record of the account a1 is damaged" in caplog.text
