"""Accounts in exports and imports: only where they are asked for."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import trio

from tests.backup.test_transfer import filled, texts
from trio_chat.backup.account_lines import decode_account, encode_account
from trio_chat.backup.ndjson import FormatError
from trio_chat.backup.transfer import export_history, import_history
from trio_chat.chat.nicks import fold_name
from trio_chat.cli import run
from trio_chat.config import ServeSettings
from trio_chat.journal import (
    AccountRecord,
    KeyRecord,
    MarkRecord,
    MemoryRecord,
    NameRecord,
    open_history,
    open_journal,
)

KEY = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(range(32))).decode()
HASH = "$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"


def account(name: str, number: int) -> AccountRecord:
    keys = (KeyRecord(KEY, 2.5, "own"), KeyRecord(KEY, 3.5, "invite"))
    return AccountRecord(f"{number:016x}", name, fold_name(name), float(number), 9.0, "http ann@::1", HASH, keys)


def memory(number: int) -> MemoryRecord:
    marks = (MarkRecord("lobby", 2, 1.5), MarkRecord("@", 3, 2.5))
    return MemoryRecord(f"{number:016x}", ("lobby", "dev"), ("eve",), marks)


ALICE: NameRecord = (account("Alice", 1), memory(1))
CARLA: NameRecord = (msgspec.structs.replace(account("安德烈", 2), keys=(), password=""), None)


def claim(data: Path, *names: NameRecord) -> None:
    async def keep() -> None:
        async with open_journal("sqlite:", data=data) as journal:
            assert not await journal.load_names(names, keeps_marks=True)

    trio.run(keep)


def names_in(data: Path) -> Sequence[NameRecord]:
    async def read() -> Sequence[NameRecord]:
        async with open_history("sqlite:", data=data) as history:
            return await history.read_names()

    return list(trio.run(read))


@pytest.fixture
def old(tmp_path: Path) -> ServeSettings:
    """A journal with entries, alice and carla."""
    settings = filled(tmp_path / "old")
    claim(settings.data, ALICE, CARLA)
    return settings


@pytest.fixture
def new(tmp_path: Path) -> ServeSettings:
    return ServeSettings(data=tmp_path / "new")


@pytest.fixture
def file(old: ServeSettings, tmp_path: Path) -> str:
    """An export with accounts."""
    name = str(tmp_path / "backup.ndjson")
    assert run(["history", "export", "--accounts", name, "--data", str(old.data)]) == 0
    return name


def test_with_accounts_an_empty_journal_becomes_the_exported_one(old, new, file, capsys):
    assert run(["history", "import", "--accounts", file, "--data", str(new.data)]) == 0

    assert "added 2 accounts" in capsys.readouterr().err
    assert names_in(new.data) == names_in(old.data) == [ALICE, CARLA]
    assert texts(new.data) == texts(old.data)


def test_without_it_an_export_has_none(old, tmp_path):
    file = tmp_path / "plain.ndjson"
    export_history(old, str(file))

    lines = file.read_text().splitlines()

    assert "accounts" not in json.loads(lines[0])
    assert "argon2id" not in file.read_text()
    assert len(lines) == 1 + 5


def test_without_it_an_import_leaves_those_in_the_file_out_and_says_so(new, file, capsys):
    assert import_history(new, file) == 0

    assert "--accounts adds its 2 accounts" in capsys.readouterr().err
    assert names_in(new.data) == []
    assert len(texts(new.data)) == 5


def test_a_file_without_accounts_is_said_to_have_none(old, new, tmp_path, capsys):
    file = str(tmp_path / "plain.ndjson")
    export_history(old, file)

    assert import_history(new, file, with_accounts=True) == 0
    assert "the file has no accounts" in capsys.readouterr().err


def test_names_that_belong_to_others_here_are_left_out_and_named(new, file, capsys):
    ours = (account("aLICE", 77), None)
    claim(new.data, ours)

    assert import_history(new, file, with_accounts=True) == 0

    assert "added 1 account; left out, since they belong to others here: Alice" in capsys.readouterr().err
    assert {name for name, _ in names_in(new.data)} == {ours[0], CARLA[0]}


def test_a_second_import_changes_nothing(new, file, capsys):
    import_history(new, file, with_accounts=True)
    capsys.readouterr()

    assert import_history(new, file, with_accounts=True) == 0

    assert "added 0 accounts" in capsys.readouterr().err
    assert names_in(new.data) == [ALICE, CARLA]


def test_in_a_journal_with_entries_of_its_own_read_marks_mean_nothing(tmp_path, file):
    other = filled(tmp_path / "other")

    import_history(other, file, with_accounts=True)

    [(_, remembered), _] = names_in(other.data)
    assert remembered == msgspec.structs.replace(memory(1), marks=())


BAD = {
    "account": "no id",
    "name": "[server]",
    "since": -1,
    "password": "$argon2i$v=19",
    "keys": [{"blob": "ssh-rsa AAAA", "added": 1, "source": "own"}],
    "rooms": ["no room"],
    "marks": [["no room", 1, 1.0]],
    "power": "all",
}


@pytest.mark.parametrize("field", BAD)
def test_a_line_that_is_no_account_is_refused_with_its_number_and_nothing_is_imported(new, file, field, capsys):
    lines = Path(file).read_text().splitlines(keepends=True)
    lines[1] = json.dumps(json.loads(lines[1]) | {field: BAD[field]}) + "\n"
    Path(file).write_text("".join(lines))

    assert import_history(new, file, with_accounts=True) == 1

    assert "line 2: " in capsys.readouterr().err
    assert not (new.data / "journal.db").exists()


def test_a_file_that_ends_among_its_accounts_is_refused(new, file, capsys):
    Path(file).write_text("".join(Path(file).read_text().splitlines(keepends=True)[:2]))

    assert import_history(new, file, with_accounts=True) == 1
    assert "line 3: " in capsys.readouterr().err


@pytest.mark.parametrize("record", [ALICE, CARLA])
def test_a_line_is_read_back_as_it_was_written(record):
    assert decode_account(encode_account(record)) == record


def test_a_key_by_which_names_are_compared_is_not_taken_from_a_file():
    with pytest.raises(FormatError, match="folded"):
        decode_account(encode_account(ALICE).replace(b'"name":', b'"folded":"x","name":'))
