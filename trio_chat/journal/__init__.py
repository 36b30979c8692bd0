"""Keep, order, recall: everything visible is written here before anyone sees it.

It must not know rooms' members, sockets or wire formats: it takes drafts and gives entries.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from trio_chat.chat.events import Draft, Entry, Receipt


class JournalError(Exception):
    """The store could not do what was asked; the text says why and, where there is one, names the file."""


class Journal(Protocol):
    """One store, in one order. All methods are for the task that opened it and its children."""

    epoch: str
    """Made at random with the store: another epoch means that ids of the old one mean nothing."""

    fault: str | None
    """Why nothing can be kept just now; None when all is well. It heals by itself."""

    def post(self, draft: Draft) -> Receipt:
        """Take a draft without waiting. Drafts are kept in the order of these calls, in groups."""

    def follow(self) -> AsyncIterator[Sequence[Entry]]:
        """Yield every entry kept from now on, in order, in the groups in which they became durable. For one reader."""

    async def read(
        self, room: str, *, limit: int, before: int | None = None, after: int | None = None
    ) -> list[Entry]:
        """Return up to `limit` entries of `room`, oldest first: the newest of those with an id below `before`, or the
        oldest of those above `after`. Raises JournalError."""


def open_journal(url: str, *, data: Path) -> AbstractAsyncContextManager[Journal]:
    """Open the store that `url` names: `memory:`, or `sqlite:` with an optional path (default: journal.db in `data`).

    Leaving the context keeps all that was posted. Raises JournalError with one sentence that names the file.
    """
    raise NotImplementedError(url, data)
