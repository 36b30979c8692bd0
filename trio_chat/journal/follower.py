"""What comes out of a journal: the same for all of them."""

from collections.abc import Sequence

import trio

from trio_chat.chat.events import Entry


class Follower:
    """The entries as they become durable, for one reader.

    A reader that comes late gets all that collected meanwhile at once.
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._is_closed = False
        self._news = trio.Event()

    def hear(self, entries: Sequence[Entry]) -> None:
        """Take what has become durable."""
        self._entries.extend(entries)
        self._news.set()

    def close(self) -> None:
        """End the iteration once what is left has been read."""
        self._is_closed = True
        self._news.set()

    def __aiter__(self) -> "Follower":
        return self

    async def __anext__(self) -> Sequence[Entry]:
        """Return all that is new; always a checkpoint."""
        await self._news.wait()
        if not self._entries:
            raise StopAsyncIteration
        entries, self._entries = self._entries, []
        if not self._is_closed:
            self._news = trio.Event()
        return entries
