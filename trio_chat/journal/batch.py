"""What is on its way into a store and out of it: what all journals share. It must know no store."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import trio

from trio_chat.chat.events import Draft, Entry
from trio_chat.journal.errors import JournalError

COMMIT_BOUNDS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

T = TypeVar("T")


class Batch:
    """Drafts that are kept together, in one transaction; the receipt of each of them.

    One event serves all of them: an event of its own for every draft would cost more than the rest of its way.
    """

    __slots__ = ("_settled", "drafts", "entries", "error", "repeats")

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.entries: list[Entry] = []
        self.repeats: dict[tuple[str, str], Entry] = {}
        self.error: str | None = None
        self._settled = trio.Event()

    async def kept(self) -> None:
        """Return when the batch is durable; raise JournalError when it could not be kept."""
        await self._settled.wait()
        if self.error is not None:
            raise JournalError(self.error)

    def repeated(self, session: str, key: str) -> Entry | None:
        """After `kept`: the entry in whose favour a draft of this session and key was not stored."""
        return self.repeats.get((session, key))

    def number(self, first_id: int, time: float) -> None:
        """Make an entry of every draft, as if none were a repeat."""
        self.entries = [Entry(number, time, draft) for number, draft in enumerate(self.drafts, first_id)]

    def number_new(self, first_id: int, time: float, find: Callable[[str, str], Entry | None]) -> None:
        """Make an entry of every draft that is no repeat; `find` gives what was kept under a session and key."""
        entries = self.entries = []
        first_ones: dict[tuple[str, str], Entry] = {}
        for draft in self.drafts:
            entry = Entry(first_id + len(entries), time, draft)
            if draft.key:
                name = draft.session, draft.key
                if (first := first_ones.get(name) or find(*name)) is not None:
                    self.repeats[name] = first
                    continue
                first_ones[name] = entry
            entries.append(entry)

    def settle(self, error: str | None = None) -> None:
        """Tell all who wait that the batch is kept, or that it is not. On the Trio thread."""
        self.error = error or self.error
        self._settled.set()


class Errand(Generic[T]):
    """Anything else that the thread which writes is to do, and what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._outcome: T | Exception = JournalError("the journal is closed")
        self._settled = trio.Event()

    def run(self) -> None:
        """Do it, on the thread that writes."""
        try:
            self._outcome = self._work()
        except Exception as error:
            self._outcome = error

    def settle(self, error: str | None = None) -> None:
        """Tell who waits that it is done, or that it will not be. On the Trio thread."""
        if error:
            self._outcome = JournalError(error)
        self._settled.set()

    async def done(self) -> T:
        """Wait for it. -> what the work returned; raises what it raised, and JournalError where it was not done."""
        await self._settled.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


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
