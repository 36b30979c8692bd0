"""The interface of a sticker of any kind, its entry in a file, and its drawing. Pure."""

from typing import Protocol, Self

from msgspec import Struct

INDENT = "    "
"""Indents each line of a drawing."""

_HASH_LENGTH = 64


class StickerEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A sticker as it is written in a file."""

    shows: str
    aliases: tuple[str, ...] = ()
    alt: str = ""
    """The text in place of a picture."""


class PictureFile(Struct, frozen=True):
    """A picture that is not opened yet: a path inside a folder, and the text that stands in its place."""

    folder: str
    path: str
    alt: str

    @property
    def title(self) -> str:
        """The path; of a picture that is named by its hash, the text."""
        return self.path if len(self.path) < _HASH_LENGTH else f"of {self.alt}"

    @property
    def text(self) -> str:
        """The line that stands in the place of the picture."""
        return f"[{self.alt}]"


class Drawn(Struct, frozen=True):
    """A drawn line: its text, and the lines and pictures below it. It is still, but pictures may move.

    Only the full screen moves them: `LineLayout`, in client/transcript/line_layout.py.
    """

    line: str
    below: tuple[str, ...] = ()
    pictures: tuple[PictureFile, ...] = ()
    is_bare: bool = False
    """True if the line says nothing but the names of pictures."""

    @property
    def lines(self) -> list[str]:
        """All lines, those below indented, with a text in the place of each picture."""
        below = (*self.below, *(picture.text for picture in self.pictures))
        return [self.line, *(f"{INDENT}{row}".rstrip() for row in below)]


class Sticker(Protocol):
    """A sticker of any kind. To add a kind, see kinds/__init__.py."""

    @classmethod
    def read(cls, entry: StickerEntry, *, folder: str = "") -> Self:
        """Make a sticker of an entry in a file of `folder`. Raises ValueError with a sentence for its author."""

    def entry(self) -> StickerEntry:
        """Return the entry that makes this sticker, without aliases."""

    def render(self, name: str) -> Drawn:
        """Draw it for `@name` in a line. Nothing in the result may control a terminal."""


def refuse_alt(entry: StickerEntry) -> None:
    """Refuse an alternative text where there is no picture. Raises ValueError."""
    if entry.alt:
        raise ValueError("only an [image] has an alternative text")
