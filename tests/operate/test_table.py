"""Tables of commands: their widths, and what is left out where there is no room."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.operate.table import Cell, Column, cut_to, table_lines
from trio_chat.text_width import text_width

COLUMNS = (
    Column("NAME", may_shrink=True),
    Column("COUNT", is_number=True),
    Column("TEXT", may_shrink=True),
    Column("EXTRA", may_go=True),
)


def test_columns_line_up_and_numbers_at_their_ends() -> None:
    lines = list(table_lines(COLUMNS, [("alice", "7", "hello", "x"), ("安德烈", "123", "", "y")]))

    assert lines == [
        "NAME    COUNT  TEXT   EXTRA",
        "alice       7  hello  x",
        "安德烈    123  -      y",
    ]


def test_a_narrow_table_leaves_out_columns_and_then_cuts_cells() -> None:
    rows = [("alice", "7", "a text of more than thirty characters", "x")]

    assert list(table_lines(COLUMNS, rows, width=30)) == [
        "NAME   COUNT  TEXT       EXTRA",
        "alice      7  a text o…  x",
    ]
    assert next(table_lines(COLUMNS, rows, width=22)) == "NAME   COUNT  TEXT"


@given(st.lists(st.tuples(*[st.text(max_size=30)] * 4), max_size=5), st.integers(40, 100))
def test_no_line_is_wider_than_the_terminal_or_drives_it(rows: list[tuple[str, ...]], width: int) -> None:
    columns = [Column("A", may_shrink=True) for _ in range(4)]

    for line in table_lines(columns, rows, width=width):
        assert text_width(line) <= width
        assert re.search("[\x00-\x1f\x7f-\x9f\u202e]", line) is None


def test_styles_are_around_the_text_alone_and_only_where_colours_are_wanted() -> None:
    rows = [(Cell("alice", "33"), "1", "", "")]

    assert list(table_lines(COLUMNS, rows))[1].startswith("alice  ")
    assert list(table_lines(COLUMNS, rows, is_coloured=True))[1].startswith("\x1b[33malice\x1b[0m  ")


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("hello", 5, "hello"), ("hello", 4, "hel…"), ("日本語", 5, "日本…"), ("日本語", 4, "日…")],
)
def test_a_text_is_cut_by_its_width_on_the_screen(text: str, width: int, shown: str) -> None:
    assert cut_to(text, width) == shown
