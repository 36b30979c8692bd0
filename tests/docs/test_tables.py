"""The tables of the documentation, which are made from the code."""

from pathlib import Path

import pytest

from scripts.tables import PAGES, TABLES, names_in, renewed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_table_is_as_the_code_has_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert text == renewed(text), "`make docs` writes it anew"


def test_every_table_is_in_one_page() -> None:
    assert sorted(name for page in PAGES for name in names_in(page.read_text(encoding="utf-8"))) == sorted(TABLES)


def test_a_table_that_is_out_of_date_is_renewed() -> None:
    marks = "before\n<!-- made by make docs: console commands -->\n{}<!-- end -->\nafter\n"

    assert renewed(marks.format("| an old row |\n")) == marks.format(f"\n{TABLES['console commands']()}\n")
