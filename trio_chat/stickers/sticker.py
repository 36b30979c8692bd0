"""The interface of a sticker of any kind, and of its drawing. Pure."""

from typing import Protocol, Self

from msgspec import Struct
from wcwidth import wcswidth  # prompt_toolkit measures with it too, so that both align alike

INDENT = "    "
"""Indents each line of a drawing."""


class Drawn(Struct, frozen=True):
    """A drawn line: its text, and the lines of the drawings below it."""

    line: str
    below: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """All lines, those below indented."""
        return [self.line, *(f"{INDENT}{row}".rstrip() for row in self.below)]


class Sticker(Protocol):
    """A sticker of any kind. To add a kind, see kinds/__init__.py."""

    @classmethod
    def read(cls, value: str) -> Self:
        """Make a sticker from `shows` in a file. Raises ValueError with a sentence for the author of the file."""

    def render(self, name: str) -> Drawn:
        """Draw it for `@name` in a line. Nothing in the result may control a terminal."""


def width(text: str) -> int:
    """Return the columns that a text takes on a terminal."""
    return max(wcswidth(text), 0)
