import ast
import sys
from pathlib import Path
from unicodedata import combining, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.work import measured
from trio_chat.chat.normalization import RUN_MAX, is_mark, normalized

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("unit", ["\u0345\u0323\u05b0\u0301", "\u0f73\u0f71", "\uff9e\u0323", "\u0344"])
def test_c19_no_text_of_any_marks_takes_long_to_normalise(unit: str) -> None:
    text = unit * (64 * 1024 // len(unit))

    with measured() as work:
        normalized("NFKC", text)

    assert work.usual_s < 0.5  # 3 to 7 s where all marks are sorted


@given(st.text(st.characters(categories=("L", "M", "N")), max_size=RUN_MAX))
def test_text_that_people_write_is_normalised_as_python_does(text: str) -> None:
    assert normalized("NFKC", text) == normalize("NFKC", text)


def test_of_many_marks_on_one_letter_the_first_thirty_are_kept() -> None:
    assert (
        normalized("NFD", "a" + "\u0301" * 100 + "b" + "\u0301" * RUN_MAX) == "a" + "\u0301" * 30 + "b" + "\u0301" * 30
    )


def test_every_character_that_normalising_could_sort_counts_as_a_mark() -> None:
    """The others stop a run, whatever they become: what they begin with is no mark."""
    sorted_ones = [
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if any(combining(normalize(form, char)[0]) for form in ("NFD", "NFKD"))
    ]

    assert len(sorted_ones) > 900
    assert [char for char in sorted_ones if not is_mark(char)] == []
    assert [char for char in sorted_ones if char.isalnum() and char not in "\uff9e\uff9f"] == []


def test_nothing_else_in_the_program_normalises() -> None:
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for package in ("trio_chat", "admin_api")
        for path in (ROOT / package).rglob("*.py")
    }
    found = {
        name
        for name, source in sources.items()
        if "unicodedata" in source
        for node in ast.walk(ast.parse(source))
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "unicodedata"
            and "normalize" in [it.name for it in node.names]
        )
        or (isinstance(node, ast.Import) and "unicodedata" in [it.name for it in node.names])
    }

    assert found == {"trio_chat/chat/normalization.py"}
