"""The table of engines: whoever adds one is told by a test what is still missing."""

import ast
from contextlib import suppress
from pathlib import Path

import pytest

import trio_chat.journal
from tests.journal.bare_engine import BARE, bare_engine, members
from tests.journal.test_contract import URLS
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.config import ServeSettings, settings_of
from trio_chat.journal import HistoryReader, Importable, JournalError, Origin, need, open_history, open_journal
from trio_chat.journal.engine import Engine
from trio_chat.journal.engines import ENGINES, check_journal, check_outlasts_server
from trio_chat.journal.protocol import OPTIONAL, REQUIRED

CONTRACT = Path(__file__).with_name("test_contract.py")
FORMS_OF_REDIS = {"rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"}
"""Schemes of other ways to a Redis: `tests/journal/redis/` tests them."""

INTERFACES = (*REQUIRED, *OPTIONAL)


def folder_of(engine: Engine) -> str:
    return engine.open.__module__.split(".")[2]


def test_every_engine_is_tested_by_the_contract() -> None:
    tested = {url.partition(":")[0] for url in URLS}

    assert {folder_of(ENGINES[scheme]) for scheme in FORMS_OF_REDIS} == {"redis"}
    assert ENGINES.keys() - FORMS_OF_REDIS == tested, "add a URL of each scheme to URLS, in test_contract.py"


def test_every_folder_of_the_journal_is_an_engine() -> None:
    folders = {path.parent.name for path in Path(trio_chat.journal.__file__).parent.glob("*/__init__.py")}

    assert folders == {*map(folder_of, ENGINES.values())}, "give the folder its row of ENGINES, in journal/engines.py"


def test_every_form_of_a_url_stands_in_the_help_of_the_setting() -> None:
    [setting] = [one for one in settings_of(ServeSettings) if one.name == "journal"]

    assert all(f"`{form}` {place}" in setting.help for one in ENGINES.values() for form, place in one.forms.items())


@pytest.mark.parametrize("url", URLS)
async def test_the_row_of_an_engine_names_the_optional_parts_that_it_lacks(url: str, tmp_path: Path) -> None:
    engine = ENGINES[url.partition(":")[0]]
    async with open_journal(url, data=tmp_path) as journal:
        assert {part for part in OPTIONAL if not isinstance(journal, part)} == engine.lacks


@pytest.mark.parametrize("part", REQUIRED)
async def test_an_engine_that_lacks_a_required_part_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, part: type
) -> None:
    monkeypatch.setitem(ENGINES, "bare", bare_engine(next(members(part))))

    with pytest.raises(JournalError, match=rf"^the journal bare: cannot .*: it lacks {part.__name__}$"):
        async with open_journal("bare:", data=tmp_path):
            pass


@pytest.mark.parametrize("url", URLS)
async def test_every_engine_is_found_by_all_who_open_a_journal(url: str, tmp_path: Path) -> None:
    async with open_journal(url, data=tmp_path) as journal:
        check_journal(url, data=tmp_path)
        with suppress(JournalError):
            check_outlasts_server(url)
            async with open_history(url, data=tmp_path) as history:
                assert isinstance(history, HistoryReader)
                assert history.epoch == journal.epoch


async def test_a_history_that_is_only_read_is_read_from_a_time_on_too(tmp_path: Path) -> None:
    async with open_journal("sqlite:", data=tmp_path) as journal:
        entries = [Entry(number, 100.0 * number, Draft("lobby", Kind.SAID, "alice", "hi")) for number in (1, 2, 3)]
        await need(journal, Importable).load(entries, Origin("another"))

    async with open_history("sqlite:", data=tmp_path) as history:
        assert [await history.first_id_since(time) for time in (100, 150, 300, 301)] == [1, 2, 3, 4]


@pytest.mark.parametrize(("part", "ability"), OPTIONAL.items())
async def test_a_missing_optional_part_is_explained_to_its_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, part: type, ability: str
) -> None:
    monkeypatch.setitem(ENGINES, "bare", BARE)
    async with open_journal("bare:", data=tmp_path) as journal:
        with pytest.raises(JournalError, match=rf"^this journal cannot {ability}$"):
            need(journal, part)


async def test_a_journal_that_ends_with_its_server_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"^the journal memory: ends with its server; there is no history in it$"):
        async with open_history("memory:", data=tmp_path):
            pass
    with pytest.raises(JournalError, match=r"would end with this command; name one that stays, such as sqlite:$"):
        check_outlasts_server("memory:")


def used_in_the_contract() -> set[str]:
    """The names that tests use of the fixture `journal`, which stands for every engine."""
    used: set[str] = set()
    for test in ast.parse(CONTRACT.read_text(encoding="utf-8")).body:
        if isinstance(test, ast.AsyncFunctionDef) and "journal" in [argument.arg for argument in test.args.args]:
            used |= {
                node.attr
                for node in ast.walk(test)
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "journal"
            }
    return used


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_contract_uses_every_member_of_every_interface(interface: type) -> None:
    declared = set(members(interface))

    assert declared
    assert declared - used_in_the_contract() == set(), "test these in test_contract.py, with every engine"
