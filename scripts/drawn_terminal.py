"""Draws what is on a terminal as SVG: text in the viewer's monospaced font, lines and blocks as shapes. Pure."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple

from pyte.screens import Char

CELL_WIDTH, CELL_HEIGHT, FONT_SIZE = 9, 19, 15
BASELINE = 14
"""Pixels from the top of a row to the feet of its letters."""

MARGIN, TITLE_HEIGHT = 14, 36

FONTS = "'DejaVu Sans Mono','Noto Sans Mono CJK SC','Noto Color Emoji',ui-monospace,Menlo,Consolas,monospace"

_COLOURS = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
_LINES = {
    "│": "M4.5 0V19",
    "┴": "M0 9.5H9M4.5 0V9.5",
    "┬": "M0 9.5H9M4.5 9.5V19",
    "├": "M4.5 0V19M4.5 9.5H9",
    "┤": "M4.5 0V19M0 9.5H4.5",
    "┼": "M4.5 0V19M0 9.5H9",
    "╌": "M1 9.5H4M6 9.5H9",
}
"""Lines as paths in a cell: fonts draw them shorter than a row is high."""

_ASCII, _RULE = "ascii", "─"
_STRETCH = re.compile(r"\S+(?: \S+)*")

_BLOCKS = {"█": (0, 0, 1, 1), "▀": (0, 0, 1, 0.5), "▄": (0, 0.5, 1, 0.5), "▌": (0, 0, 0.5, 1), "▐": (0.5, 0, 0.5, 1)}
"""Blocks as parts of a cell: left, top, width, height."""


class Theme(NamedTuple):
    """The colours of a terminal."""

    background: str
    text: str
    bar: str
    """Behind the title of the window."""
    colours: Sequence[str]
    """The sixteen colours, the bright ones last."""


DARK = Theme(
    "#16191f",
    "#d6dae2",
    "#20242c",
    (
        *("#2a2f38", "#f07178", "#8fc977", "#e2b35f", "#6fa8f5", "#c792ea", "#56c2c9", "#d6dae2"),
        *("#5b6472", "#ff8b92", "#a9dd94", "#f0c981", "#8fbcff", "#d9adf5", "#7ad7dd", "#ffffff"),
    ),
)
LIGHT = Theme(
    "#fbfbfa",
    "#24292f",
    "#ececea",
    (
        *("#24292f", "#c4323c", "#2f7d32", "#8a5a00", "#1f5fbf", "#8b3fb5", "#0b7a83", "#e4e4e2"),
        *("#6b7280", "#d9434d", "#3a9440", "#a36c00", "#2f73d9", "#a352cf", "#0f929c", "#ffffff"),
    ),
)


class Look(NamedTuple):
    """The look of a cell."""

    colour: str
    background: str
    is_bold: bool
    is_dim: bool
    is_underlined: bool


def look_of(cell: Char, theme: Theme, *, is_cursor: bool = False) -> Look:
    """Return the look of a cell."""
    colour, background = _colour(cell.fg, theme, theme.text), _colour(cell.bg, theme, theme.background)
    if cell.reverse != is_cursor:
        colour, background = background, colour
    return Look(colour, background, cell.bold, cell.italics, cell.underscore)


def _colour(name: str, theme: Theme, default: str) -> str:
    if name == "default":
        return default
    bare = name.removeprefix("bright")
    if bare in _COLOURS:
        return theme.colours[_COLOURS.index(bare) + 8 * (bare != name)]
    return f"#{name}"


def draw_row(cells: Sequence[Char], theme: Theme, *, cursor: int = -1) -> str:
    """Draw a row, from its upper left corner. `cursor` is the column of the cursor, if that is in it."""
    looks = [look_of(cell, theme, is_cursor=column == cursor) for column, cell in enumerate(cells)]
    drawn: list[str] = []
    at = 0
    for look, run in groupby(zip(looks, cells, strict=True), key=lambda pair: pair[0]):
        texts = [cell.data for _, cell in run]
        if look.background != theme.background:
            drawn.append(_rect(at, 0, len(texts), 1, look.background))
        drawn += _runs(texts, look, at)
        at += len(texts)
    return "".join(drawn)


def _runs(texts: Sequence[str], look: Look, at: int) -> Iterator[str]:
    """Draw texts of one look: letters that follow each other as one text, everything else cell by cell."""
    opacity = ' opacity=".58"' if look.is_dim else ""
    column = 0
    for kind, group in groupby(texts, key=_kind):
        run = list(group)
        if kind == _ASCII:
            yield from _words("".join(run), look, at + column, opacity)
        elif kind == _RULE:
            x, width = (at + column) * CELL_WIDTH, len(run) * CELL_WIDTH
            yield f'<path d="M{x} 9.5h{width}" stroke="{look.colour}"{opacity}/>'
        if kind:
            column += len(run)
            continue
        for text in run:
            yield _cell(text, look, at + column, opacity)
            column += 1
    if look.is_underlined:
        x, width = at * CELL_WIDTH, len(texts) * CELL_WIDTH
        yield f'<path d="M{x} 16.5h{width}" stroke="{look.colour}"{opacity}/>'


def _kind(text: str) -> str:
    """Return the kind of a cell: cells of the same kind in a row are drawn as one."""
    return _RULE if text == _RULE else _ASCII if text.isascii() and text else ""


def _words(text: str, look: Look, column: int, opacity: str) -> Iterator[str]:
    """Draw a text in ASCII, without the blanks around it; where there are several blanks, it is parted."""
    for found in _STRETCH.finditer(text):
        yield _text(found[0], look, column + found.start(), len(found[0]), opacity)


def _cell(text: str, look: Look, column: int, opacity: str) -> str:
    if not text:  # behind a wide character
        return ""
    x = column * CELL_WIDTH
    if path := _LINES.get(text):
        return f'<path transform="translate({x})" d="{path}" stroke="{look.colour}" fill="none"{opacity}/>'
    if block := _BLOCKS.get(text):
        return _rect(column + block[0], *block[1:], look.colour)
    return _text(text, look, column, 0, opacity)


def _text(text: str, look: Look, column: float, columns: int, opacity: str) -> str:
    weight = ' font-weight="700"' if look.is_bold else ""
    length = f' textLength="{columns * CELL_WIDTH}"' if columns > 1 else ""
    x = column * CELL_WIDTH
    look_of_it = f'fill="{look.colour}"{weight}{length}{opacity}'
    return f'<text x="{x:g}" y="{BASELINE}" {look_of_it}>{escape(text, quote=False)}</text>'


def _rect(left: float, top: float, width: float, height: float, colour: str) -> str:
    box = f'x="{left * CELL_WIDTH:g}" y="{top * CELL_HEIGHT:g}"'
    size = f'width="{width * CELL_WIDTH:g}" height="{height * CELL_HEIGHT:g}"'
    return f'<rect {box} {size} fill="{colour}" shape-rendering="crispEdges"/>'


def draw_window(body: str, columns: int, rows: int, theme: Theme, *, title: str = "") -> str:
    """Draw a window around rows that are drawn already. -> a whole file"""
    width, height = columns * CELL_WIDTH + 2 * MARGIN, rows * CELL_HEIGHT + MARGIN + TITLE_HEIGHT
    dots = "".join(
        f'<circle cx="{MARGIN + 6 + 20 * number}" cy="{TITLE_HEIGHT / 2 - 2:g}" r="5.5" fill="{theme.colours[8]}" '
        f'opacity=".55"/>'
        for number in range(3)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="{FONTS}" font-size="{FONT_SIZE}" xml:space="preserve">'
        f'<rect width="{width}" height="{height}" rx="9" fill="{theme.background}"/>'
        f'<path d="M0 {TITLE_HEIGHT - 6}V9A9 9 0 0 1 9 0H{width - 9}A9 9 0 0 1 {width} 9V{TITLE_HEIGHT - 6}Z" '
        f'fill="{theme.bar}"/>{dots}'
        f'<text x="{width / 2:g}" y="{TITLE_HEIGHT / 2 + 3:g}" text-anchor="middle" font-size="13" '
        f'fill="{theme.text}" opacity=".75">{escape(title)}</text>'
        f'<g transform="translate({MARGIN} {TITLE_HEIGHT})">{body}</g></svg>'
    )


def draw_screen(rows: Sequence[Sequence[Char]], cursor: tuple[int, int] | None, theme: Theme, *, title: str) -> str:
    """Draw all rows of a terminal in a window. `cursor` is its column and row, where it is shown."""
    drawn = []
    for number, cells in enumerate(rows):
        column = cursor[0] if cursor and cursor[1] == number else -1
        drawn.append(f'<g transform="translate(0 {number * CELL_HEIGHT})">{draw_row(cells, theme, cursor=column)}</g>')
    return draw_window("".join(drawn), len(rows[0]), len(rows), theme, title=title)
