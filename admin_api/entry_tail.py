"""Entries read from the journal as they are kept: the cursor of one subscriber. Needs no Quart."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import trio

from admin_api.http.schemas import Time
from trio_chat.chat.events import MAILBOX_MARK, Entry, Kind
from trio_chat.chat.removal import target_of
from trio_chat.journal import Damaged, Journal, JournalError, Past

ENTRIES_PER_READ = 200


class EntryView(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of a room, as operators see it. `text` and `kind` are those of the protocol.

    Of one that is damaged, nothing is known but its place: `time` and `kind` are null, and `text` says so.
    """

    id: int
    time: Time | None
    room: str
    kind: Kind | None
    author: str
    text: str
    removes: int | None = None
    """The id of the entry whose removal this tells of: its text is not to be shown any more. Else it is missing."""


def view_of_entry(past: Past, room: str = "") -> EntryView:
    """Describe an entry; `room` is that of a damaged one."""
    if isinstance(past, Damaged):
        return EntryView(past.id, None, room, None, "", past.text)
    draft = past.draft
    time, removes = datetime.fromtimestamp(past.time, UTC), target_of(draft)
    return EntryView(past.id, time, draft.room, draft.kind, draft.author, draft.text, removes)


class EntryTail:
    """Reads all entries after `cursor`, an id, except for private messages and damaged ones."""

    def __init__(
        self,
        journal: Journal,
        cursor: int | None,
        reads: trio.CapacityLimiter,
        *,
        catch_up: Callable[[int], Awaitable[None]],
    ) -> None:
        """`cursor` is None for a reader that begins with the next entry. Each read waits for `reads`.

        One above all entries that `catch_up` can find is of a history that was replaced: its reader gets this one from
        the beginning.
        """
        self.cursor = journal.last_id if cursor is None else cursor
        self._is_ahead = self.cursor > journal.last_id
        self._journal = journal
        self._reads = reads
        self._catch_up = catch_up

    async def read(self) -> list[EntryView]:
        """Return the next entries, and move the cursor behind them. -> nothing where there are none to show"""
        if self._is_ahead:
            await self._catch_up(self.cursor)
            self._is_ahead = False
            if self.cursor > self._journal.last_id:
                self.cursor = 0
        while self.cursor < self._journal.last_id:
            try:
                async with self._reads:
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
