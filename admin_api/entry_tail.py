"""Entries read from the journal as they are kept: the cursor of one subscriber. Needs no Quart."""

from datetime import UTC, datetime

import msgspec

from trio_chat.chat.events import MAILBOX_MARK, Entry, Kind
from trio_chat.journal import Journal, JournalError

ENTRIES_PER_READ = 200


class EntryView(msgspec.Struct, frozen=True):
    """An entry of a room, as operators see it. `text` and `kind` are those of the protocol."""

    id: int
    time: datetime
    room: str
    kind: Kind
    author: str
    text: str


def view_of_entry(entry: Entry) -> EntryView:
    """Describe an entry."""
    draft = entry.draft
    return EntryView(
        entry.id, datetime.fromtimestamp(entry.time, UTC), draft.room, draft.kind, draft.author, draft.text
    )


class EntryTail:
    """Reads all entries after `cursor`, an id, except for private messages and damaged ones."""

    def __init__(self, journal: Journal, cursor: int | None) -> None:
        """`cursor` is None for a reader that begins with the next entry."""
        self.cursor = journal.last_id if cursor is None else cursor
        self._journal = journal

    async def read(self) -> list[EntryView]:
        """Return the next entries, and move the cursor behind them. -> nothing where there are none to show"""
        while self.cursor < self._journal.last_id:
            try:
                past = await self._journal.read(None, limit=ENTRIES_PER_READ, after=self.cursor)
            except JournalError:
                return []  # it is read again at the next entry
            if not past:
                return []
            self.cursor = past[-1].id
            shown = [
                view_of_entry(entry)
                for entry in past
                if isinstance(entry, Entry) and not entry.draft.room.startswith(MAILBOX_MARK)
            ]
            if shown:
                return shown
        return []
