"""The tables of the documentation, which are made from the code."""

from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from scripts.tables import PAGES, TABLES, names_in, renewed, settings_table
from trio_chat.config.loading import SettingMeta
from trio_chat.config.setting_types import BOOLEAN, Secret, integer, secret, text_list


class Some(msgspec.Struct, frozen=True):
    """Settings of each shape."""

    max_clients: Annotated[int, SettingMeta("How many.", integer(1, 100), short="m")] = 10
    quiet: Annotated[bool, SettingMeta("Say less.", BOOLEAN)] = False
    allow: Annotated[tuple[str, ...], SettingMeta("Who.", text_list("NETWORK", "networks"), "everyone")] = ()
    token: Annotated[Secret | None, SettingMeta("What opens it.", secret(4, 8), "none")] = None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_table_is_as_the_code_has_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert text == renewed(text), "`make docs` writes it anew"


def test_every_table_is_in_one_page() -> None:
    assert sorted(name for page in PAGES for name in names_in(page.read_text(encoding="utf-8"))) == sorted(TABLES)


def test_a_table_that_is_out_of_date_is_renewed() -> None:
    marks = "before\n<!-- made by make docs: console commands -->\n{}<!-- end -->\nafter\n"

    assert renewed(marks.format("| an old row |\n")) == marks.format(f"\n{TABLES['console commands']()}\n")


def test_the_table_has_all_that_follows_from_a_declaration() -> None:
    assert settings_table(Some).splitlines()[2:] == [
        "| `-m N`, `--max-clients N` | `TRIO_CHAT_MAX_CLIENTS` | 10 | How many. |",
        "| `--quiet`, `--no-quiet` | `TRIO_CHAT_QUIET` | false | Say less. |",
        "| `--allow NETWORK` | `TRIO_CHAT_ALLOW` | everyone | Who. |",
        "| none | `TRIO_CHAT_TOKEN` | none | What opens it. |",
    ]
