"""Literals in the source of tests: a row of a table that no test names is one that nobody has tested."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent

Literal = str
"""A string as it stands in the source; what an f-string puts in is `{}`."""


def _nodes(folder: str, but: str) -> Iterator[ast.AST]:
    for path in sorted((TESTS / folder).rglob("test_*.py")):
        if path.name != but:
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


@cache
def literals(folder: str, *, but: str = "") -> frozenset[Literal]:
    """Return every string in the tests of a folder, except for one file."""
    return frozenset(filter(None, map(_text_of, _nodes(folder, but))))


@cache
def literal_arguments(folder: str, *, but: str = "") -> frozenset[tuple[Literal, ...]]:
    """Return the strings that each call in the tests of a folder begins with, except for one file."""
    calls = (node for node in _nodes(folder, but) if isinstance(node, ast.Call))
    return frozenset(tuple(map(_text_of, call.args)) for call in calls)


def _text_of(node: ast.AST) -> Literal:
    """Return the string of a node; "" for any other."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Constant(value=bytes(data)):
            return data.decode(errors="replace")
        case ast.JoinedStr(values=values):
            return "".join(_text_of(value) or "{}" for value in values)
    return ""
