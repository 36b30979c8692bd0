"""The catalogue: stickers by name, and lines of text drawn with them. Pure.

The wire carries `@smile`; each client draws it from its own catalogue.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from trio_chat.stickers.sticker import INDENT, Drawn, PictureFile, Sticker
from trio_chat.text_width import text_width

ARTS_PER_LINE = 3
"""Arts and pictures drawn for one line: 4,096 bytes of `@ship` would be 6,000 lines on everybody's screen."""
STOP = 16
"""Columns from one sticker to the next in the listing; a wide one takes more stops."""

# A whole word: me@smile.org, https://host/@smile and @smile@host are addresses. `@@smile` is the escape.
_MENTION = re.compile(r"(?<![\w@/])(@?)@([A-Za-z0-9][A-Za-z0-9_-]*)(?![\w@])")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Stickers by name, and aliases of those names."""

    stickers: Mapping[str, Sticker] = field(default_factory=lambda: MappingProxyType({}))
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def find(self, name: str) -> Sticker | None:
        """Return the sticker of this name or alias, in any case."""
        name = name.lower()
        return self.stickers.get(self.aliases.get(name, name))

    def merged(self, other: "Catalogue") -> "Catalogue":
        """Return both; where they share a name or alias, `other` decides what it means."""
        mine = {name: sticker for name, sticker in self.stickers.items() if name not in other.aliases}
        stickers = {**mine, **other.stickers}
        aliases = {alias: name for alias, name in self.aliases.items() if alias not in stickers}
        return Catalogue(MappingProxyType(stickers), MappingProxyType({**aliases, **other.aliases}))

    def draw(self, text: str, *, columns: int | None = None) -> Drawn:
        """Draw a line that may name stickers; unknown names stay as typed, `@@smile` becomes `@smile`.

        An art or a picture is drawn once a line; an art stays a name where it is wider than the terminal's `columns`.
        `text` must be clean already.
        """
        arts: dict[tuple[str, ...], None] = {}
        pictures: dict[PictureFile, None] = {}
        chars_of_pictures = 0

        def put(match: re.Match[str]) -> str:
            nonlocal chars_of_pictures
            escape, word = match.groups()
            name, sticker = self._find_in(word)
            if sticker is None:
                return match[0]
            if escape:
                return f"@{word}"
            drawn = sticker.render(name)
            if drawn.pictures:
                pictures.update(dict.fromkeys(drawn.pictures))
                chars_of_pictures += len(match[0])
            if drawn.below and _fits(drawn.below, columns):
                arts[drawn.below] = None
            return drawn.line + word[len(name) :]

        line = _MENTION.sub(put, text)
        return Drawn(
            line,
            tuple(row for art in list(arts)[:ARTS_PER_LINE] for row in art),
            tuple(pictures)[:ARTS_PER_LINE],
            is_bare=chars_of_pictures > 0 and chars_of_pictures == len(text.replace(" ", "")),
        )

    def _find_in(self, word: str) -> tuple[str, Sticker | None]:
        """Find the word, or else the word without the dashes behind it: `@smile--` ends in punctuation."""
        sticker = self.find(word)
        name = word if sticker else word.rstrip("-_")
        return name, sticker or self.find(name)


def listing(catalogue: Catalogue, *, columns: int = 80) -> list[str]:
    """Lay the catalogue out for a terminal: texts side by side, then the names of arts and pictures."""
    drawn = {name: sticker.render(name) for name, sticker in catalogue.stickers.items()}
    lines = _flow((f"@{name} {look.line}" for name, look in drawn.items() if not is_below(look)), columns)
    arts = [f"@{name}" for name, look in drawn.items() if is_below(look)]
    if not arts:
        return lines
    wrap = textwrap.TextWrapper(max(columns, 1), break_on_hyphens=False, break_long_words=False)
    return [*lines, *wrap.wrap("Drawn below the line: " + " ".join(arts))]


def is_below(drawn: Drawn) -> bool:
    """Tell whether a sticker is drawn below the line that names it."""
    return bool(drawn.below or drawn.pictures)


def _fits(rows: tuple[str, ...], columns: int | None) -> bool:
    return columns is None or len(INDENT) + max(map(text_width, rows)) <= columns


def _flow(cells: Iterator[str], columns: int) -> list[str]:
    """Put cells side by side at stops, as a typewriter would."""
    lines: list[str] = []
    used = columns
    for cell in cells:
        start = -(-(used + 2) // STOP) * STOP
        if start + text_width(cell) > columns:
            lines.append(cell)
            used = text_width(cell)
        else:
            lines[-1] += " " * (start - used) + cell
            used = start + text_width(cell)
    return lines
