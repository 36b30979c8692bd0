"""Stickers that are drawn below a line of text. Pure."""

import textwrap
from dataclasses import dataclass
from typing import Self

from trio_chat.chat.text import clean
from trio_chat.stickers.sticker import Drawn, StickerEntry, refuse_alt
from trio_chat.text_width import text_width

ART_LINES_MAX = 24
ART_COLUMNS_MAX = 80


@dataclass(frozen=True, slots=True)
class Art:
    """A drawing of several lines, below the line that names it."""

    rows: tuple[str, ...]

    @classmethod
    def read(cls, entry: StickerEntry, *, folder: str = "") -> Self:
        """Make one of at most 24 lines of 80 columns; blank lines around it and common indentation are dropped."""
        refuse_alt(entry)
        lines = textwrap.dedent(entry.shows.expandtabs()).rstrip().split("\n")
        if len(lines) > ART_LINES_MAX:
            raise ValueError(f"expected at most {ART_LINES_MAX} lines, got {len(lines)}")
        rows = "\n".join(map(_clean_row, lines)).strip("\n").split("\n")
        if rows == [""]:
            raise ValueError("expected a drawing, got nothing that can be seen")
        if (columns := max(map(text_width, rows))) > ART_COLUMNS_MAX:
            raise ValueError(f"expected at most {ART_COLUMNS_MAX} columns, got {columns}")
        return cls(tuple(rows))

    def entry(self) -> StickerEntry:
        """Return the rows."""
        return StickerEntry("\n".join(self.rows))

    def render(self, name: str) -> Drawn:
        """Leave the name in its line, so that the sentence around it stays one, and draw below."""
        return Drawn(f"@{name}", self.rows)


def _clean_row(row: str) -> str:
    body = row.lstrip(" ")
    return " " * (len(row) - len(body)) + clean(body).rstrip()
