"""The stream of entries that become durable. The same for all engines."""

from collections.abc import Sequence

import trio

from trio_chat.chat.events import Entry


class Follower:
    """Iterator over the entries as they become durable, for one reader.

    A late reader gets all entries that have collected meanwhile at once.
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._is_closed = False
        self._has_entries = trio.Event()

    def publish(self, entries: Sequence[Entry]) -> None:
        """Append entries that have become durable."""
        self._entries.extend(entries)
        self._has_entries.set()

    def close(self) -> None:
        """End the iteration once the remaining entries have been read."""
        self._is_closed = True
        self._has_entries.set()

    def __aiter__(self) -> "Follower":
        return self

    async def __anext__(self) -> Sequence[Entry]:
        """Return all new entries; always a checkpoint."""
        await self._has_entries.wait()
        if not self._entries:
            raise StopAsyncIteration
        entries, self._entries = self._entries, []
        if not self._is_closed:
            self._has_entries = trio.Event()
        return entries
