"""A recording of a terminal as one animated SVG. Pure.

Each row is divided where panes meet. Each part is a strip of film: all drawings that it ever shows stand side by side,
and the strip jumps past a window of its size. So a drawing is in the file once, however long it is shown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pyte.screens import Char

from scripts.drawn_terminal import CELL_HEIGHT, CELL_WIDTH, Theme, draw_row, draw_window


@dataclass
class _Strip:
    """A part of a row, from column `start` to before `end`, with the drawings that it shows."""

    row: int
    start: int
    end: int
    shown: list[tuple[float, str]] = field(default_factory=list)
    """The time in seconds from which on a drawing is shown, and its name."""


class Film:
    """A recording that grows frame by frame. `seams` are the columns at which panes meet."""

    def __init__(self, columns: int, rows: int, theme: Theme, seams: Sequence[int] = ()) -> None:
        self._columns, self._rows, self._theme = columns, rows, theme
        bounds = [0, *seams, columns]
        self._strips = [_Strip(row, start, end) for row in range(rows) for start, end in pairwise(bounds)]
        self._names: dict[str, str] = {"": "r0"}

    def add(self, at_s: float, rows: Sequence[Sequence[Char]], cursor: tuple[int, int] | None) -> None:
        """Add the contents of the terminal at a time, in seconds. `cursor` is its column and row."""
        for strip in self._strips:
            column = cursor[0] - strip.start if cursor and cursor[1] == strip.row else -1
            drawing = draw_row(rows[strip.row][strip.start : strip.end], self._theme, cursor=column)
            name = self._names.setdefault(drawing, f"r{len(self._names)}")
            if not strip.shown or strip.shown[-1][1] != name:
                strip.shown.append((at_s, name))

    def draw(self, length_s: float, *, title: str) -> str:
        """Draw the recording, as a loop of so many seconds. -> the SVG"""
        drawings = "".join(f'<g id="{name}">{drawing}</g>' for drawing, name in self._names.items())
        strips = [*self._draw_strips(length_s)]
        style = "".join(rules for rules, _ in strips)
        body = "".join(drawn for _, drawn in strips)
        return draw_window(
            f"<defs>{drawings}</defs><style>{style}</style>{body}",
            *(self._columns, self._rows, self._theme),
            title=title,
        )

    def _draw_strips(self, length_s: float) -> Iterator[tuple[str, str]]:
        """Yield the rules and the drawing of each strip that ever shows anything."""
        for number, strip in enumerate(self._strips):
            if [name for _, name in strip.shown] == ["r0"]:
                continue
            width, x, y = (strip.end - strip.start) * CELL_WIDTH, strip.start * CELL_WIDTH, strip.row * CELL_HEIGHT
            used = list(dict.fromkeys(name for _, name in strip.shown))
            film = "".join(f'<use href="#{name}" x="{at * width}"/>' for at, name in enumerate(used) if name != "r0")
            stops = "".join(
                f"{100 * at_s / length_s:.4g}%{{transform:translateX({-used.index(name) * width}px)}}"
                for at_s, name in strip.shown
            )
            is_still = len(used) == 1
            moves = "" if is_still else f' style="animation:k{number} {length_s:g}s step-end infinite"'
            rules = "" if is_still else f"@keyframes k{number}{{{stops}}}"
            window = f'x="{x}" y="{y}" width="{width}" height="{CELL_HEIGHT}"'
            yield rules, f"<svg {window}><g{moves}>{film}</g></svg>"
