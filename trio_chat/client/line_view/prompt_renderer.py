"""Draws the prompt, and erases it even after a change of the terminal's width."""

from collections.abc import Mapping
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point
from prompt_toolkit.layout.layout import Layout
from prompt_toolkit.layout.screen import Screen
from prompt_toolkit.renderer import Renderer

_REFLOWING_VARIABLES = (
    "TMUX",
    "VTE_VERSION",
    "KITTY_WINDOW_ID",
    "KONSOLE_VERSION",
    "WT_SESSION",
    "ALACRITTY_WINDOW_ID",
)
_REFLOWING_PROGRAMS = ("iTerm.app", "Apple_Terminal", "WezTerm", "ghostty", "vscode", "mintty", "rio")
_REFLOWING_TERMS = ("xterm-kitty", "alacritty", "foot", "tmux", "wezterm", "xterm-ghostty", "contour")


def reflows(environment: Mapping[str, str]) -> bool:
    """Tell whether the terminal rewraps its lines when it gets narrower.

    There is no way to ask it. An unknown one is taken for one that does not: a wrong guess leaves pieces of the prompt
    then, while the opposite mistake would erase others' lines.
    """
    if environment.get("STY") and "TMUX" not in environment:  # GNU screen cuts its lines, whatever it runs in
        return False
    return (
        any(environment.get(name) for name in _REFLOWING_VARIABLES)
        or environment.get("TERM_PROGRAM", "") in _REFLOWING_PROGRAMS
        or environment.get("TERM", "").startswith(_REFLOWING_TERMS)
    )


class PromptRenderer(Renderer):
    """A renderer that knows where the prompt is after the terminal has rewrapped it."""

    has_reflow = False
    """True if the terminal reflows."""

    def render(self, app: Application[Any], layout: Layout, is_done: bool = False) -> None:
        """Draw; after a change of the width, erase first."""
        if self._last_size is not None and self._last_size.columns != self.output.get_size().columns:
            self.erase(leave_alternate_screen=False)
        super().render(app, layout, is_done)

    def erase(self, leave_alternate_screen: bool = True) -> None:
        """Erase, and put the cursor where the prompt began."""
        columns = self.output.get_size().columns
        if self._last_screen and self._last_size and columns != self._last_size.columns:
            above = rows_above_cursor(self._last_screen, self._cursor_pos, columns) if self.has_reflow else 0
            self._cursor_pos = Point(columns, max(self._cursor_pos.y, above))
        super().erase(leave_alternate_screen)


def rows_above_cursor(screen: Screen, cursor: Point, columns: int) -> int:
    """Count the rows above the cursor after each row of a screen was broken into rows of so many columns."""
    above = sum(_rows(_width(screen, y), columns) for y in range(cursor.y))
    return above + cursor.x // max(columns, 1)


def _width(screen: Screen, y: int) -> int:
    """Return the width of a row without trailing blanks."""
    row = screen.data_buffer[y]
    return max((x + row[x].width for x in row if row[x].char.strip()), default=0)


def _rows(width: int, columns: int) -> int:
    return max(1, -(-width // max(columns, 1)))
