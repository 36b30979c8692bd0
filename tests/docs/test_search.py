"""The examples in docs/search.md."""

import re
from pathlib import Path

import pytest

from trio_chat.chat.words import holds
from trio_chat.journal.search_words import phrases

PAGE = Path(__file__).parents[2] / "docs" / "search.md"
ROWS = [
    tuple(re.findall("`([^`]+)`", cell) for cell in row.strip("|").split("|"))
    for row in PAGE.read_text(encoding="utf-8").splitlines()
    if row.startswith("| `")
]


def test_the_page_has_examples() -> None:
    assert len(ROWS) > 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]))
def test_what_the_page_says_of_searches_is_true(row: tuple[list[str], list[str], list[str]]) -> None:
    queries, found, not_found = row

    for query in queries:
        assert [text for text in found if not holds(text, phrases(query))] == []
        assert [text for text in not_found if holds(text, phrases(query))] == []
