import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
import trio

from trio_chat.backup.files import BackupError
from trio_chat.backup.transfer import INCOMPLETE_STATUS, HistoryFile, export_history, import_history
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.removal import notice_of
from trio_chat.config import ServeSettings
from trio_chat.journal import Journal, open_history, open_journal

ROOT = Path(__file__).parents[2]

DRAFTS = (
    Draft("lobby", Kind.JOINED, "[::1]:5555"),
    Draft("lobby", Kind.SAID, "alice", "grüß dich @smile 🙂", session="s", key="k"),
    Draft("@5e5510", Kind.TOLD, "alice", "hush", to="bob", session="s", key="k2"),
    Draft("ops", Kind.TOPIC, "bob", "all is well"),
    Draft("lobby", Kind.SAID, "bob", "a line without a key"),
)


async def keep(journal: Journal, *drafts: Draft) -> None:
    for receipt in [journal.post(draft) for draft in drafts]:
        await receipt.kept()


async def fill(data: Path, *drafts: Draft) -> None:
    async with open_journal("sqlite:", data=data) as journal:
        await keep(journal, *drafts)


async def recall(data: Path) -> tuple[str, int, list[Entry]]:
    async with open_history("sqlite:", data=data) as history:
        return history.epoch, history.pruned_to, await history.read(None, after=0, limit=1000)


def filled(data: Path, *drafts: Draft) -> ServeSettings:
    trio.run(fill, data, *drafts or DRAFTS)
    return ServeSettings(data=data)


def exported(settings: ServeSettings) -> Path:
    file = settings.data / "backup.ndjson"
    assert export_history(settings, str(file)) == 0
    return file


def texts(data: Path) -> list[str]:
    return [entry.draft.text for entry in trio.run(recall, data)[2]]


def run(arguments: Sequence[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "trio_chat", *arguments], cwd=ROOT, input=given, capture_output=True)


def test_an_exported_and_imported_history_is_equal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = filled(tmp_path / "old"), ServeSettings(data=tmp_path / "new")
    file = exported(old)

    assert import_history(new, str(file)) == 0

    assert trio.run(recall, new.data) == trio.run(recall, old.data)
    assert capsys.readouterr() == ("", "exported 5 entries\nimported 5 entries\n")


def test_more_than_a_page_is_exported_and_imported(tmp_path: Path) -> None:
    drafts = [Draft("lobby", Kind.SAID, "alice", str(number)) for number in range(2500)]
    file = exported(filled(tmp_path / "old", *drafts))

    assert import_history(ServeSettings(data=tmp_path / "new"), str(file)) == 0

    assert trio.run(recall, tmp_path / "new") == trio.run(recall, tmp_path / "old")
    assert len(file.read_bytes().splitlines()) == 2501


def test_pruned_ids_stay_pruned_in_the_new_journal(tmp_path: Path) -> None:
    old = filled(tmp_path / "old")

    async def prune() -> None:
        async with open_journal("sqlite:", data=old.data) as journal:
            await journal.prune(more_than=1)

    trio.run(prune)
    import_history(ServeSettings(data=tmp_path / "new"), str(exported(old)))

    epoch, pruned_to, entries = trio.run(recall, tmp_path / "new")
    assert (epoch, pruned_to, entries) == trio.run(recall, old.data)
    assert (pruned_to, [entry.id for entry in entries]) == (4, [4, 5])


def test_importing_again_goes_on_where_it_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = filled(tmp_path / "old"), ServeSettings(data=tmp_path / "new")
    import_history(new, str(exported(old)))
    trio.run(fill, old.data, Draft("lobby", Kind.SAID, "alice", "later"))
    capsys.readouterr()

    assert import_history(new, str(exported(old))) == 0

    assert trio.run(recall, new.data) == trio.run(recall, old.data)
    assert capsys.readouterr().err.endswith("imported 1 entry; 5 were here already\n")


def test_another_journal_takes_them_behind_its_own_and_only_once(tmp_path: Path) -> None:
    other = filled(tmp_path / "other", Draft("lobby", Kind.SAID, "carol", "mine"))
    epoch = trio.run(recall, other.data)[0]
    old = filled(tmp_path / "old")
    file = exported(old)

    assert import_history(other, str(file)) == 0
    assert import_history(other, str(file)) == 0

    assert texts(other.data) == ["mine", *(draft.text for draft in DRAFTS)]
    assert trio.run(recall, other.data)[0] == epoch


@pytest.mark.parametrize(("number", "left"), [(2, [1, 3, 4, 5]), (5, [1, 2, 3, 4])])
def test_intact_entries_are_exported_and_damaged_ones_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int, left: list[int]
) -> None:
    old, new = filled(tmp_path / "old"), ServeSettings(data=tmp_path / "new")
    journal, file = old.data / "journal.db", tmp_path / "backup.ndjson"
    with closing(sqlite3.connect(journal, isolation_level=None)) as db:
        db.execute("UPDATE entry SET text = 'x' WHERE id = ?", (number,))

    assert export_history(old, str(file)) == INCOMPLETE_STATUS

    assert capsys.readouterr().err == (
        f"exported 4 entries\ntrio-chat: 1 entry could not be exported: entry {number} of {journal} is damaged\n"
    )
    assert import_history(new, str(file)) == 0
    assert [entry.id for entry in trio.run(recall, new.data)[2]] == left


def test_a_history_of_damaged_entries_alone_is_exported_as_an_empty_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = filled(tmp_path / "old"), ServeSettings(data=tmp_path / "new")
    with closing(sqlite3.connect(old.data / "journal.db", isolation_level=None)) as db:
        db.execute("UPDATE entry SET text = 'x'")

    assert export_history(old, str(tmp_path / "backup.ndjson")) == INCOMPLETE_STATUS

    assert "5 entries could not be exported: entries 1, 2, 3, 4, 5 of" in capsys.readouterr().err
    assert import_history(new, str(tmp_path / "backup.ndjson")) == 0


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda lines: [*lines[:2], b"{", *lines[3:]], "line 3: Input data was truncated"),
        (lambda lines: lines[:4], "line 5: the file ends too early: the last entry's id should be 5"),
        (lambda lines: [*lines[:-1], lines[-1][:-5]], "line 6: Input data was truncated"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "line 3: ids must rise, and 1 comes after 2"),
        (lambda lines: [*lines, b"x" * 2_000_000], "line 7: JSON is malformed"),
        (lambda lines: lines[1:], "line 1: this does not begin like a history"),
        (lambda lines: [], "line 1: this does not begin like a history"),
        (lambda lines: [lines[0], b'{"id":1,"time":1,"room":"\\u0000","kind":"said","author":"x"}'], "line 2: nothing"),
    ],
)
def test_a_damaged_file_is_one_line_that_says_where_and_nothing_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage, why: str
) -> None:
    file = exported(filled(tmp_path / "old"))
    other = filled(tmp_path / "other", Draft("lobby", Kind.SAID, "carol", "mine"))
    file.write_bytes(b"\n".join(damage(file.read_bytes().splitlines())))
    capsys.readouterr()

    assert import_history(other, str(file)) == 1

    said = capsys.readouterr().err
    assert said.startswith(f"trio-chat: {file}, {why}")
    assert said.endswith("nothing was imported\n")
    assert said.count("\n") == 1
    assert texts(other.data) == ["mine"]


def test_a_file_that_is_no_history_creates_no_journal(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello")

    assert import_history(ServeSettings(data=tmp_path / "new"), str(file)) == 1

    assert not (tmp_path / "new").exists()


def test_an_imported_line_cannot_drive_a_terminal(tmp_path: Path) -> None:
    file = exported(filled(tmp_path / "old", Draft("lobby", Kind.SAID, "alice", "x")))
    header, line = map(json.loads, file.read_bytes().splitlines())
    line |= {"text": "one\ntwo\x1b[2J", "author": "al\x9b31mice"}
    file.write_text(f"{json.dumps(header)}\n{json.dumps(line)}\n")

    assert import_history(ServeSettings(data=tmp_path / "new"), str(file)) == 0

    [entry] = trio.run(recall, tmp_path / "new")[2]
    assert (entry.draft.text, entry.draft.author) == ("one two", "alice")


def test_an_import_that_is_stopped_gives_no_more_entries(tmp_path: Path) -> None:
    source = HistoryFile(io.BytesIO(exported(filled(tmp_path)).read_bytes()), "backup")
    entries = source.entries(lambda entry_id: None)
    next(entries)

    source.stop()

    with pytest.raises(BackupError, match="stopped"):
        next(entries)


def test_a_file_is_whole_or_as_it_was_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = exported(filled(tmp_path))
    before = file.read_bytes()

    assert export_history(ServeSettings(data=tmp_path / "nowhere"), str(file)) == 1

    assert file.read_bytes() == before
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(tmp_path)) == ["backup.ndjson", "journal.db"]


@pytest.mark.parametrize("place", ["/dev/full", "/no/such/folder/backup", "/"])
def test_a_target_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    settings = filled(tmp_path)

    assert export_history(settings, place) == 1

    said = capsys.readouterr().err
    assert said.startswith(f"trio-chat: cannot write to {place}: ")
    assert said.count("\n") == 1


def test_memory_is_no_place_for_a_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = exported(filled(tmp_path))
    capsys.readouterr()

    assert import_history(ServeSettings(journal="memory:"), str(file)) == 1
    assert export_history(ServeSettings(journal="memory:"), "-") == 1

    assert capsys.readouterr().err.count("trio-chat: the journal memory: ") == 2


def test_a_history_goes_through_a_pipe(tmp_path: Path) -> None:
    old, new = filled(tmp_path / "old"), tmp_path / "new"

    out = run(["history", "export", "--data", str(old.data)])
    done = run(["history", "import", "-", "--data", str(new)], out.stdout)

    assert (out.returncode, out.stderr) == (0, b"exported 5 entries\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"imported 5 entries\n")
    assert trio.run(recall, new) == trio.run(recall, old.data)


def test_a_pipe_that_is_closed_ends_it_without_a_word(tmp_path: Path) -> None:
    settings = filled(tmp_path, *[Draft("lobby", Kind.SAID, "alice", "x" * 1000) for _ in range(1000)])
    command = f"{sys.executable} -m trio_chat history export --data {settings.data} | head -n 1 > /dev/null"

    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (141, "")


async def test_an_export_shows_the_journal_as_it_was_at_its_beginning(tmp_path: Path) -> None:
    async with open_journal("sqlite:", data=tmp_path) as journal:
        await keep(journal, *DRAFTS)
        async with open_history("sqlite:", data=tmp_path) as history:
            await keep(journal, Draft("lobby", Kind.SAID, "alice", "later"))
            await journal.prune(more_than=1)

            entries = await history.read(None, after=0, limit=100)
            of_room = await history.read("ops", limit=100)

            assert [entry.draft for entry in entries] == list(DRAFTS)
            assert (history.last_id, history.pruned_to, of_room) == (5, 0, entries[3:4])


def test_a_server_lets_its_history_be_exported_but_nothing_imported(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "trio_chat", "serve", "--port", "0", "--admin-port", "0", "--data", str(data)]
    file = exported(filled(tmp_path / "old"))
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        assert server.stdout
        server.stdout.readline()

        out = run(["history", "export", "--data", str(data)])
        refused = run(["history", "import", str(file), "--data", str(data)])

        assert (out.returncode, out.stderr) == (0, b"exported 0 entries\n")
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"trio-chat: the data folder {data} is in use by another server".encode())
    finally:
        server.kill()
        server.communicate()


def test_a_removal_is_exported_without_the_words_and_reaches_what_was_imported_before(tmp_path: Path) -> None:
    old, new = filled(tmp_path / "old", Draft("lobby", Kind.SAID, "bob", "xyzzy")), ServeSettings(data=tmp_path / "new")
    assert import_history(new, str(exported(old))) == 0

    async def remove() -> None:
        async with open_journal("sqlite:", data=old.data) as journal:
            (entry,) = [it for it in await journal.read(None, limit=1) if isinstance(it, Entry)]
            await journal.post(notice_of(entry)).kept()

    trio.run(remove)
    newer = exported(old)
    assert b"xyzzy" not in newer.read_bytes()
    assert import_history(new, str(newer)) == 0

    entries = trio.run(recall, new.data)[2]
    assert entries == trio.run(recall, old.data)[2]
    assert "xyzzy" not in str(entries)
