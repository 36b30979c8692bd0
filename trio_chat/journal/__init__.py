"""Keep, order, recall: everything visible is written here before anyone sees it.

It must not know rooms' members, sockets or wire formats: it takes drafts and gives entries.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from trio_chat.chat.events import Draft, Entry, Receipt
from trio_chat.journal.errors import JournalError
from trio_chat.journal.memory import open_memory
from trio_chat.journal.sqlite import open_sqlite

__all__ = ["Journal", "JournalError", "open_journal"]


class Journal(Protocol):
    """One store, in one order. All methods are for the task that opened it and its children."""

    epoch: str
    """Made at random with the store: another epoch means that ids of the old one mean nothing."""

    last_id: int
    """The id of the newest entry there was when the journal was opened; 0 if there was none."""

    fault: str | None
    """Why nothing can be kept just now; None when all is well. It heals by itself."""

    def post(self, draft: Draft) -> Receipt:
        """Take a draft without waiting. Drafts are kept in the order of these calls, in groups."""

    def follow(self) -> AsyncIterator[Sequence[Entry]]:
        """Yield every entry kept from now on, in order, for one reader: at each step all that is new since the last."""

    async def read(self, room: str, *, limit: int, before: int | None = None, after: int | None = None) -> list[Entry]:
        """Return up to `limit` entries of `room`, oldest first: the newest of those with an id below `before`, or the
        oldest of those above `after`. Raises JournalError."""


@asynccontextmanager
async def open_journal(url: str, *, data: Path) -> AsyncIterator[Journal]:
    """Open the store that `url` names: `memory:`, or `sqlite:` with an optional path (default: journal.db in `data`).

    Leaving the context keeps all that was posted. Raises JournalError with one sentence that names the file.
    """
    store, _, place = url.partition(":")
    journal: AbstractAsyncContextManager[Journal]
    if url == "memory:":
        journal = open_memory()
    elif store == "sqlite":
        journal = open_sqlite(Path(place) if place else data / "journal.db")
    else:
        raise JournalError(f"there is no journal {url!r}: expected sqlite:, sqlite:PATH or memory:")
    async with journal as opened:
        yield opened
