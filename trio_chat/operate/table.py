"""Tables for people and for pipes: aligned, and on a terminal no wider than it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trio_chat.chat.text import clean
from trio_chat.text_width import text_width

DIM, BOLD, WARNING, ERROR = "2", "1", "33", "31"
"""Styles: the parameters of an SGR sequence (ECMA-48 8.3.117)."""

GAP = "  "
CUT = "…"

CUT_MIN = 8
"""Columns of the screen that a cell keeps where it is cut."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. Numbers line up at their ends.

    Where the screen is too narrow, columns that `may_go` are left out, the last ones first; then those that
    `may_shrink` are cut, the widest first.
    """

    head: str
    is_number: bool = False
    may_go: bool = False
    may_shrink: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with a style, which only repeats what the words say."""

    text: str
    style: str = ""


Row = Sequence[Cell | str]


def table_lines(
    columns: Sequence[Column], rows: Sequence[Row], *, width: int | None = None, is_coloured: bool = False
) -> Iterator[str]:
    """Yield the lines of a table. Without a `width`, in columns of the screen, nothing is cut or left out."""
    head: Row = [Cell(column.head, BOLD) for column in columns]
    table = [[_cell(it) for it in row] for row in (head, *rows)]
    widths = [max(map(text_width, (cell.text for cell in column))) for column in zip(*table, strict=True)]
    shown = list(range(len(columns)))
    if width is not None:
        _leave_out(columns, shown, widths, width)
        _shrink(columns, shown, widths, width)
    for row in table:
        cells = (_padded(row[at], widths[at], columns[at], is_coloured=is_coloured) for at in shown)
        yield GAP.join(cells).rstrip()


def cut_to(text: str, width: int) -> str:
    """Return a text, or its beginning with an ellipsis, that is no wider than so many columns."""
    if text_width(text) <= width:
        return text
    text = text[:width]
    while text and text_width(text) > width - 1:
        text = text[:-1]
    return f"{text}{CUT}"


def styled(text: str, style: str) -> str:
    """Return a text in a style."""
    return f"\x1b[{style}m{text}\x1b[0m" if style and text.strip() else text


def _cell(given: Cell | str) -> Cell:
    if isinstance(given, Cell):
        return Cell(clean(given.text) or "-", given.style)
    return Cell(clean(given) or "-")


def _leave_out(columns: Sequence[Column], shown: list[int], widths: Sequence[int], width: int) -> None:
    for at in reversed(range(len(columns))):
        if _least(columns, shown, widths) > width and columns[at].may_go:
            shown.remove(at)


def _least(columns: Sequence[Column], shown: Sequence[int], widths: Sequence[int]) -> int:
    """Return the width of the table with all that may shrink as narrow as it may be."""
    cells = (min(widths[at], CUT_MIN) if columns[at].may_shrink else widths[at] for at in shown)
    return sum(cells) + len(GAP) * (len(shown) - 1)


def _shrink(columns: Sequence[Column], shown: Sequence[int], widths: list[int], width: int) -> None:
    excess = sum(widths[at] for at in shown) + len(GAP) * (len(shown) - 1) - width
    while excess > 0:
        able = [at for at in shown if columns[at].may_shrink and widths[at] > CUT_MIN]
        if not able:
            return
        widths[max(able, key=lambda at: widths[at])] -= 1
        excess -= 1


def _padded(cell: Cell, width: int, column: Column, *, is_coloured: bool) -> str:
    text = cut_to(cell.text, width)
    blanks = " " * (width - text_width(text))
    shown = styled(text, cell.style) if is_coloured else text
    return blanks + shown if column.is_number else shown + blanks
