"""Removed entries: those that are still to be shown, or come in a page later, are shown without their words. Pure."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from trio_chat.chat.events import Kind
from trio_chat.chat.removal import sentence_of
from trio_chat.client.link.events import Answered, Connected, LinkEvent, Received
from trio_chat.wire import frames

REMEMBERED_MAX = 1000
"""Removed entries that are remembered: a page that was read before a removal can arrive after it."""


class Removals:
    """The ids of entries that were removed while we were connected, by room."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, int], None] = {}

    def note(self, events: Iterable[LinkEvent]) -> bool:
        """Remember the removals among events. -> whether there were any"""
        has_news = False
        for event in events:
            match event:
                case Received(entry=frames.Said(removes=removed, room=room)) if removed:
                    has_news = True
                    self._ids[room, removed] = None
                    if len(self._ids) > REMEMBERED_MAX:
                        del self._ids[next(iter(self._ids))]
                case Connected(is_other_epoch=True):
                    self._ids.clear()
        return has_news

    def hide(self, events: Sequence[LinkEvent]) -> list[LinkEvent]:
        """Take the words of removed entries out of events."""
        return [self._hide(event) for event in events] if self._ids else list(events)

    def _hide(self, event: LinkEvent) -> LinkEvent:
        match event:
            case Received(entry=entry, is_own=is_own) if (entry.room, entry.id) in self._ids:
                return Received(without_words(entry), is_own=is_own)
            case Answered(question=question, answer=frames.Page() as page):
                shown = [without_words(it) if (it.room, it.id) in self._ids else it for it in page.entries]
                return Answered(question, replace(page, entries=shown))
        return event


def without_words(entry: frames.Said) -> frames.Said:
    """Return an entry that was removed as its tombstone: a sentence in place of its words."""
    kind = Kind(entry.kind) if entry.kind in set(Kind) else Kind.SAID
    if kind is Kind.REMOVED:
        return entry
    return replace(entry, kind=Kind.REMOVED, text=sentence_of(kind, entry.author), to="")
