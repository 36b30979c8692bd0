"""Rendered output: the rows that the narrator makes of an event and a view shows."""

from msgspec import Struct

from trio_chat.client.link.events import LinkEvent
from trio_chat.client.transcript.rows import Row


class TranscriptItem(Struct, frozen=True):
    """Rows that belong together: an entry, or a notice of the client about a room."""

    rows: list[Row]
    room: str
    """The room it belongs to; `frames.MAILBOX` for private messages."""
    id: int | None = None
    """The id of the entry; None for a notice."""
    kind: str | None = None
    """The kind of the entry."""
    is_mention: bool = False
    """True if it mentions the person, or is for them alone."""


class RenderedOutput(Struct, frozen=True):
    """One event, rendered: items of the transcript, and notices of the client about its connection.

    `greeting` is for a person who has just connected.
    """

    items: tuple[TranscriptItem, ...] = ()
    notices: tuple[str, ...] = ()
    greeting: str = ""
    rule: str = ""
    """The text of the items, where they are a line across the transcript of the current room."""
    event: LinkEvent | None = None
    """The event itself, for a view that lays it out in its own way; None for a sum of several."""

    @property
    def rows(self) -> list[Row]:
        """The rows of all items, in order."""
        return [row for item in self.items for row in item.rows]

    @property
    def is_mention(self) -> bool:
        """True if any item mentions the person."""
        return any(item.is_mention for item in self.items)
