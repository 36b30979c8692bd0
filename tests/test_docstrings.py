"""The English of docstrings: a noun or a verb first, not a clause in its place, nor the result or the errors."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

REFUSED = re.compile(r"\s*((What|Whatever|How|Whether|Who|Whoever|Where|Why|Raises)\b|->)")
"""Beginnings of docstrings: of a clause in place of a word of the field, of the errors, or of the result.

What it does comes first; the result and the errors follow it.
"""


def refused_in(source: str) -> list[tuple[int, str]]:
    """Line and text of each docstring with a refused beginning, be it of a module, class, function or constant."""
    strings = (
        (node.lineno, node.value.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
    return [(line, text.strip()) for line, text in strings if REFUSED.match(text)]


@pytest.mark.parametrize("folder", ["trio_chat", "admin_api", "scripts", "bench", "tests"])
def test_each_docstring_begins_with_a_noun_or_a_verb(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, text in refused_in(path.read_text(encoding="utf-8"))
    ]

    assert found == [], "begin with a noun or a verb: `Audit log of operators`, not `What operators did`"


def test_what_is_refused_is_found_in_every_place_of_a_docstring() -> None:
    source = '"""What it is."""\nX = 1\n"""Whether so."""\ndef f():\n    """How."""\nclass A:\n    """Whole."""\n'
    source += 'def g():\n    """-> it"""\ndef h():\n    """Raises OSError."""\n'

    assert [line for line, _ in refused_in(source)] == [1, 3, 5, 9, 11]
