"""Stickers that are pictures, drawn below the line that names them, or beside its author. Pure."""

from dataclasses import dataclass
from typing import Self

from trio_chat.chat.text import clean
from trio_chat.stickers.sticker import Drawn, PictureFile, StickerEntry

ALT_MAX = 120
PATH_MAX = 200

_ENDINGS = (".png", ".gif", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a file. Views that show no pictures show its alternative text."""

    picture: PictureFile

    @classmethod
    def read(cls, entry: StickerEntry, *, folder: str = "") -> Self:
        """Make one of the path of a PNG, GIF, JPEG or WebP below the folder, and of an alternative text."""
        path, alt = entry.shows, clean(entry.alt).strip()
        steps = path.split("/")
        if path != clean(path) or len(path) > PATH_MAX or any(step in ("", ".", "..") for step in steps):
            raise ValueError(f"expected the path of a picture below the folder of this file, at most {PATH_MAX} long")
        if not path.lower().endswith(_ENDINGS):
            raise ValueError(f"expected a picture, a file that ends in {', '.join(_ENDINGS)}")
        if "\n" in entry.alt.strip() or not 0 < len(alt) <= ALT_MAX:
            raise ValueError(f"expected alt, a text of 1 to {ALT_MAX} characters for where no picture can be shown")
        return cls(PictureFile(folder, path, alt))

    def entry(self) -> StickerEntry:
        """Return the path and the text."""
        return StickerEntry(self.picture.path, alt=self.picture.alt)

    def render(self, name: str) -> Drawn:
        """Leave the name in its line, and put the picture below."""
        return Drawn(f"@{name}", pictures=(self.picture,))
