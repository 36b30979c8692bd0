"""A journal that lasts as long as the process: for trying things out, and for tests."""

import secrets
import time
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from operator import attrgetter

import trio

from trio_chat.chat.events import Draft, Entry
from trio_chat.journal.batch import Batch, Follower

ENTRIES_PER_ROOM = 100_000
"""About 40 MB of short lines; what is older is forgotten."""

_id_of = attrgetter("id")


@asynccontextmanager
async def open_memory(
    *, clock: Callable[[], float] = time.time, entries_per_room: int = ENTRIES_PER_ROOM
) -> AsyncIterator["MemoryJournal"]:
    """Open an empty journal. Leaving the context publishes what was posted."""
    journal = MemoryJournal(clock, entries_per_room)
    try:
        yield journal
    finally:
        journal.close()


class MemoryJournal:
    """A journal in lists. A batch is what was posted in one turn of the loop."""

    fault: str | None = None
    last_id = 0

    def __init__(self, clock: Callable[[], float], entries_per_room: int) -> None:
        self.epoch = secrets.token_hex(8)
        self._clock = clock
        self._entries_per_room = entries_per_room
        self._token = trio.lowlevel.current_trio_token()
        self._open: Batch | None = None
        self._is_closed = False
        self._next_id = 1
        self._rooms: dict[str, list[Entry]] = {}
        self._keyed: dict[tuple[str, str], Entry] = {}
        self._follower: Follower | None = None

    def post(self, draft: Draft) -> Batch:
        """Take a draft; it is kept on the next turn of the loop."""
        batch = self._open
        if batch is None:
            batch = Batch()
            if self._is_closed:
                batch.settle("the journal is closed")
                return batch
            self._open = batch
            self._token.run_sync_soon(self._keep)
        batch.drafts.append(draft)
        return batch

    def follow(self) -> Follower:
        """Return the entries to come."""
        self._follower = Follower()
        return self._follower

    async def read(self, room: str, *, limit: int, before: int | None = None, after: int | None = None) -> list[Entry]:
        """Return up to `limit` entries of `room`, oldest first."""
        await trio.lowlevel.checkpoint()
        entries = self._rooms.get(room, [])
        first = 0 if after is None else bisect_right(entries, after, key=_id_of)
        end = len(entries) if before is None else bisect_left(entries, before, key=_id_of)
        if after is None:
            return entries[max(first, end - limit) : end]
        return entries[first : min(end, first + limit)]

    def close(self) -> None:
        """Publish what was posted, and take no more."""
        self._keep()
        self._is_closed = True
        if self._follower:
            self._follower.close()

    def _keep(self) -> None:
        batch, self._open = self._open, None
        if batch is None:
            return
        batch.number_new(self._next_id, self._clock(), lambda session, key: self._keyed.get((session, key)))
        self._next_id += len(batch.entries)
        for entry in batch.entries:
            self._store(entry)
        batch.settle()
        if self._follower and batch.entries:
            self._follower.hear(batch.entries)

    def _store(self, entry: Entry) -> None:
        entries = self._rooms.setdefault(entry.draft.room, [])
        entries.append(entry)
        if entry.draft.key:
            self._keyed[entry.draft.session, entry.draft.key] = entry
        # A tenth at a time, since removing from the front of a list costs its length.
        if len(entries) > self._entries_per_room * 1.1:
            self._forget(entries, len(entries) - self._entries_per_room)

    def _forget(self, entries: list[Entry], count: int) -> None:
        for entry in entries[:count]:
            self._keyed.pop((entry.draft.session, entry.draft.key), None)
        del entries[:count]
