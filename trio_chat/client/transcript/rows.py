"""Rows of a transcript as plain data: stretches of text, each with its role. Pure."""

from enum import StrEnum

from msgspec import Struct

from trio_chat.stickers.sticker import PictureFile


class Style(StrEnum):
    """The role of a part of a row."""

    PLAIN = "plain"
    NOTICE = "notice"
    MENTION = "mention"
    MATCH = "match"
    LINK = "link"
    OWN = "own"
    """Our own name."""
    WAITING = "waiting"
    """A line of ours that is not kept yet."""
    FAILED = "failed"
    NEW = "new"
    """The line where the person stopped reading."""
    STRONG = "strong"
    CALLED = "called"
    """The number of lines that mention the person."""
    CHOSEN = "chosen"
    BAR = "bar"
    """A line between panes."""
    NAME_1 = "name-1"
    NAME_2 = "name-2"
    NAME_3 = "name-3"
    NAME_4 = "name-4"
    NAME_5 = "name-5"
    NAME_6 = "name-6"
    NAME_7 = "name-7"
    NAME_8 = "name-8"
    NAME_9 = "name-9"
    NAME_10 = "name-10"
    NAME_11 = "name-11"
    NAME_12 = "name-12"


NAMES = tuple(style for style in Style if style.startswith("name-"))


class Part(Struct, frozen=True):
    """A stretch of a row."""

    text: str
    style: Style = Style.PLAIN
    link: str = ""
    """The address of the web that it is, or a piece of."""
    colours: tuple[int | None, int | None] | None = None
    """Colours in front and behind, as 0xRRGGBB, of a piece of a picture; None is the terminal's own."""
    picture: PictureFile | None = None
    """The picture in whose place this stands."""

    def with_text(self, text: str) -> "Part":
        """Return another stretch of the same look."""
        return Part(text, self.style, self.link, self.colours, self.picture)


Row = tuple[Part, ...]
