"""Stickers that stand in a line of text. Pure."""

from dataclasses import dataclass
from typing import Self

from trio_chat.chat.text import clean
from trio_chat.stickers.sticker import Drawn, StickerEntry, refuse_alt

TEXT_MAX = 64


@dataclass(frozen=True, slots=True)
class Text:
    """An emoji or kaomoji, in place of its name."""

    text: str

    @classmethod
    def read(cls, entry: StickerEntry, *, folder: str = "") -> Self:
        """Make one of a single line of at most 64 characters."""
        refuse_alt(entry)
        if "\n" in entry.shows.strip():
            raise ValueError("a text is one line; drawings of several lines belong under [art]")
        text = clean(entry.shows).strip()
        if not 0 < len(text) <= TEXT_MAX:
            raise ValueError(f"expected 1 to {TEXT_MAX} characters, got {len(text)}")
        return cls(text)

    def entry(self) -> StickerEntry:
        """Return the text."""
        return StickerEntry(self.text)

    def render(self, _name: str) -> Drawn:
        """Put the text in place of the name."""
        return Drawn(self.text)
