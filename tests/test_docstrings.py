"""The English of docstrings: a noun or a verb first, not a clause in place of a noun."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CLAUSE = re.compile(r"\s*(What|Whatever|How|Whether|Who|Whoever|Where|Why)\b")
"""First words of docstrings that describe a thing by a clause, where the field has a word for it."""


def clauses_in(source: str) -> list[tuple[int, str]]:
    """Line and text of each docstring that begins with a clause: of a module, class or function, or of a constant."""
    strings = (
        (node.lineno, node.value.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
    return [(line, text.strip()) for line, text in strings if CLAUSE.match(text)]


@pytest.mark.parametrize("folder", ["trio_chat", "admin_api", "scripts", "bench", "tests"])
def test_no_docstring_begins_with_a_clause(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, text in clauses_in(path.read_text(encoding="utf-8"))
    ]

    assert found == [], "begin with a noun or a verb: `Audit log of operators`, not `What operators did`"


def test_clauses_are_found_in_every_place_of_a_docstring() -> None:
    source = '"""What it is."""\nX = 1\n"""Whether so."""\ndef f():\n    """How."""\nclass A:\n    """Whole."""\n'

    assert [line for line, _ in clauses_in(source)] == [1, 3, 5]
