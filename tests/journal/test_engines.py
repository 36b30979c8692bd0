"""The table of engines: whoever adds one is told by a test what is still missing."""

import ast
import inspect
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import trio_chat.journal
from tests.journal.test_contract import URLS
from trio_chat.config import ServeSettings, settings_of
from trio_chat.journal import HistoryReader, Journal, JournalError, Searchable, need, open_history, open_journal
from trio_chat.journal.engines import ENGINES, check_journal, check_outlasts_server
from trio_chat.journal.protocol import PARTS

CONTRACT = Path(__file__).with_name("test_contract.py")
INTERFACES = (HistoryReader, Journal, *PARTS)


def test_every_engine_is_tested_by_the_contract() -> None:
    assert {url.partition(":")[0] for url in URLS} == ENGINES.keys()


def test_every_folder_of_the_journal_is_an_engine() -> None:
    folders = {path.parent.name for path in Path(trio_chat.journal.__file__).parent.glob("*/__init__.py")}

    assert folders == ENGINES.keys()


def test_every_form_of_a_url_stands_in_the_help_of_the_setting() -> None:
    [setting] = [one for one in settings_of(ServeSettings) if one.name == "journal"]

    assert all(f"`{form}` {place}" in setting.help for one in ENGINES.values() for form, place in one.forms.items())


@pytest.mark.parametrize("url", URLS)
async def test_every_engine_has_all_parts(url: str, tmp_path: Path) -> None:
    async with open_journal(url, data=tmp_path) as journal:
        assert [part.__name__ for part in INTERFACES if not isinstance(journal, part)] == []


@pytest.mark.parametrize("url", URLS)
async def test_every_engine_is_found_by_all_who_open_a_journal(url: str, tmp_path: Path) -> None:
    async with open_journal(url, data=tmp_path) as journal:
        check_journal(url, data=tmp_path)
        with suppress(JournalError):
            check_outlasts_server(url)
            async with open_history(url, data=tmp_path) as history:
                assert isinstance(history, HistoryReader)
                assert history.epoch == journal.epoch


def test_what_an_engine_lacks_is_said_in_words() -> None:
    class Unsearchable:
        epoch = "1"

    with pytest.raises(JournalError, match=r"^this journal cannot be searched$"):
        need(Unsearchable(), Searchable)  # type: ignore[arg-type]


async def test_a_journal_that_ends_with_its_server_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"^the journal memory: ends with its server; there is no history in it$"):
        async with open_history("memory:", data=tmp_path):
            pass
    with pytest.raises(JournalError, match=r"would end with this command; name one that stays, such as sqlite:$"):
        check_outlasts_server("memory:")


def members(interface: type) -> Iterator[str]:
    """The names that an interface declares itself."""
    yield from inspect.get_annotations(interface)
    yield from (name for name in interface.__dict__ if not name.startswith("_") and name != "register")


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
    assert declared - used_in_the_contract() == set()
