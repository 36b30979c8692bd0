"""Stickers: what `@name` is drawn as, how a file describes it, and how a line of text looks with it.

The wire carries `@smile`; each client draws it from its own catalogue. A kind of sticker is one class, which reads its
value and renders it, and one row of KINDS, which names its table in the file (see sticker_file.py).
"""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, Self

from wcwidth import wcswidth  # prompt_toolkit measures with it too: what we align, it aligns alike

from trio_chat.chat.text import clean

TEXT_MAX = 64
ART_LINES_MAX = 24
ART_COLUMNS_MAX = 80
ARTS_PER_LINE = 3
"""Arts drawn for one line of the chat: 4,096 bytes of `@ship` would be 6,000 lines on everybody's screen."""
INDENT = "    "
STOP = 16
"""Columns from one sticker to the next in the listing; a wide one takes more stops."""

# A whole word: me@smile.org, https://host/@smile and @smile@host are addresses. `@@smile` is the escape.
_MENTION = re.compile(r"(?<![\w@/])(@?)@([A-Za-z0-9][A-Za-z0-9_-]*)(?![\w@])")


@dataclass(frozen=True, slots=True)
class Drawn:
    """How something looks: a line, and what is drawn below it."""

    line: str
    below: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """The whole, line by line, what is below indented."""
        return [self.line, *(f"{INDENT}{row}".rstrip() for row in self.below)]


class Sticker(Protocol):
    """What each kind of sticker can do."""

    @classmethod
    def read(cls, value: str) -> Self:
        """Make one from what the file says. Raises ValueError with a sentence for who wrote it."""

    def render(self, name: str) -> Drawn:
        """Say what stands where `@name` was, and what below that line."""


@dataclass(frozen=True, slots=True)
class Text:
    """An emoji or kaomoji, in place of its name."""

    text: str

    @classmethod
    def read(cls, value: str) -> Self:
        """Make one of a single line of at most 64 characters."""
        if "\n" in value.strip():
            raise ValueError("a text is one line; drawings of several lines belong under [art]")
        text = clean(value).strip()
        if not 0 < len(text) <= TEXT_MAX:
            raise ValueError(f"expected 1 to {TEXT_MAX} characters, got {len(text)}")
        return cls(text)

    def render(self, _name: str) -> Drawn:
        """Put the text in place of the name."""
        return Drawn(self.text)


@dataclass(frozen=True, slots=True)
class Art:
    """A drawing of several lines, below the line that names it."""

    rows: tuple[str, ...]

    @classmethod
    def read(cls, value: str) -> Self:
        """Make one of at most 24 lines of 80 columns; blank lines around it and common indentation are dropped."""
        lines = textwrap.dedent(value.expandtabs()).rstrip().split("\n")
        if len(lines) > ART_LINES_MAX:
            raise ValueError(f"expected at most {ART_LINES_MAX} lines, got {len(lines)}")
        rows = "\n".join(map(_clean_row, lines)).strip("\n").split("\n")
        if rows == [""]:
            raise ValueError("expected a drawing, got nothing that can be seen")
        if (columns := max(map(_width, rows))) > ART_COLUMNS_MAX:
            raise ValueError(f"expected at most {ART_COLUMNS_MAX} columns, got {columns}")
        return cls(tuple(rows))

    def render(self, name: str) -> Drawn:
        """Leave the name in its line, so that the sentence around it stays one, and draw below."""
        return Drawn(f"@{name}", self.rows)


KINDS: Mapping[str, type[Sticker]] = MappingProxyType({"text": Text, "art": Art})


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Stickers by name, and the other names that lead to those."""

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

        An art is drawn once a line, and stays a name where it is wider than the terminal's `columns`. `text` must be
        clean already.
        """
        arts: dict[tuple[str, ...], None] = {}

        def put(match: re.Match[str]) -> str:
            escape, word = match.groups()
            name, sticker = self._find_in(word)
            if sticker is None:
                return match[0]
            if escape:
                return f"@{word}"
            drawn = sticker.render(name)
            if drawn.below and _fits(drawn.below, columns):
                arts[drawn.below] = None
            return drawn.line + word[len(name) :]

        line = _MENTION.sub(put, text)
        return Drawn(line, tuple(row for art in list(arts)[:ARTS_PER_LINE] for row in art))

    def _find_in(self, word: str) -> tuple[str, Sticker | None]:
        """Find the word, or else the word without the dashes behind it: `@smile--` ends in punctuation."""
        sticker = self.find(word)
        name = word if sticker else word.rstrip("-_")
        return name, sticker or self.find(name)


def listing(catalogue: Catalogue, *, columns: int = 80) -> list[str]:
    """Lay the catalogue out for a terminal: what stands in a line side by side, then the names of the arts."""
    drawn = {name: sticker.render(name) for name, sticker in catalogue.stickers.items()}
    lines = _flow((f"@{name} {look.line}" for name, look in drawn.items() if not look.below), columns)
    arts = [f"@{name}" for name, look in drawn.items() if look.below]
    if not arts:
        return lines
    wrap = textwrap.TextWrapper(max(columns, 1), break_on_hyphens=False, break_long_words=False)
    return [*lines, *wrap.wrap("Drawn below the line: " + " ".join(arts))]


def _clean_row(row: str) -> str:
    body = row.lstrip(" ")
    return " " * (len(row) - len(body)) + clean(body).rstrip()


def _width(text: str) -> int:
    return max(wcswidth(text), 0)


def _fits(rows: tuple[str, ...], columns: int | None) -> bool:
    return columns is None or len(INDENT) + max(map(_width, rows)) <= columns


def _flow(cells: Iterator[str], columns: int) -> list[str]:
    """Put cells side by side at stops, as a typewriter would."""
    lines: list[str] = []
    used = columns
    for cell in cells:
        start = -(-(used + 2) // STOP) * STOP
        if start + _width(cell) > columns:
            lines.append(cell)
            used = _width(cell)
        else:
            lines[-1] += " " * (start - used) + cell
            used = start + _width(cell)
    return lines
