"""Keep, order, recall: everything visible is written here before anyone sees it.

It must not know rooms' members, sockets or wire formats: it takes drafts and gives entries.
"""

import math
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from trio_chat.chat.events import Draft, Entry, Receipt
from trio_chat.chat.histogram import Histogram
from trio_chat.journal.memory.journal import open_memory
from trio_chat.journal.records import (
    AuditRecord,
    BanRecord,
    Damaged,
    JournalError,
    Origin,
    Past,
    RoomRecord,
    SessionRecord,
)
from trio_chat.journal.sqlite.history import open_sqlite_history
from trio_chat.journal.sqlite.journal import open_sqlite
from trio_chat.journal.sqlite.opening import check_can_open

__all__ = [
    "AuditRecord",
    "BanRecord",
    "Damaged",
    "HistoryReader",
    "Journal",
    "JournalError",
    "Origin",
    "Past",
    "RoomRecord",
    "SessionRecord",
    "check_journal",
    "open_history",
    "open_journal",
]


class HistoryReader(Protocol):
    """The past of one store."""

    epoch: str
    """Made at random with the store: another epoch means that ids of the old one mean nothing."""

    last_id: int
    """The id of the newest entry; 0 if there is none. Of what is only read, that of the time when it was opened."""

    @property
    def damage(self) -> str | None:
        """Which entries, and of which file, turned out to be damaged when they were read; None when all is well."""

    @property
    def pruned_to(self) -> int:
        """The highest id that was ever pruned, or is about to be: who has last seen less may have missed something."""

    async def read(
        self, room: str | None, *, limit: int, before: int | None = None, after: int | None = None
    ) -> Sequence[Past]:
        """Return up to `limit` entries of `room` (None: of all), oldest first: the newest of those with an id below
        `before`, or the oldest of those above `after`. What is damaged keeps its place among them. Raises
        JournalError."""


class Journal(HistoryReader, Protocol):
    """One store, in one order. All methods are for the task that opened it and its children."""

    fault: str | None
    """Why nothing can be kept just now; None when all is well. It heals by itself."""

    commits: Histogram
    """How long it took to make each group of drafts durable; the attempts that failed too."""

    def post(self, draft: Draft) -> Receipt:
        """Take a draft without waiting. Drafts are kept in the order of these calls, in groups."""

    async def settled(self) -> None:
        """Return when all that was posted up to now is durable, or will not be."""

    def follow(self) -> AsyncIterator[Sequence[Entry]]:
        """Yield every entry kept from now on, in order, for one reader: at each step all that is new since the last."""

    async def rooms(self) -> list[RoomRecord]:
        """Return all rooms in which something was said (others may be among them), but no mailboxes.

        Raises JournalError.
        """

    async def search(
        self, rooms: Sequence[str], words: str, *, limit: int, before: int | None = None
    ) -> Sequence[Past]:
        """Return the newest `limit` entries of these rooms that hold all words, oldest first. Raises JournalError.

        It finds what people said, in any case, with or without diacritics: each word as it is or at the beginning of a
        longer one. Whatever else is in `words` means nothing. `before` is an id.
        """

    async def find(self, session: str, key: str) -> Past | None:
        """Return what was kept under this session and key, as far as it is not pruned. Raises JournalError."""

    async def prune(self, *, older_than: float | None = None, more_than: int | None = None) -> None:
        """Remove what was kept more than `older_than` seconds ago, and all but the newest `more_than` entries.

        The newest entry stays, and so do the topics of rooms. It takes its time: others come first. Raises
        JournalError.
        """

    async def load(self, entries: Iterable[Entry], origin: Origin) -> int:
        """Keep the entries of another journal behind those that are here, all or none. -> how many were new.

        Their ids are new, except in an empty journal, which also takes over the epoch, and in one that did so before.
        Each skips what it took of that epoch before. `follow` does not tell of them. Raises JournalError, and what the
        iterable raises.
        """

    async def record_audit(self, record: AuditRecord) -> None:
        """Keep what an operator, or a rule, did. Raises JournalError."""

    async def read_audit(self, limit: int) -> list[AuditRecord]:
        """Return the newest records, oldest first. Raises JournalError."""

    async def add_ban(self, ban: BanRecord) -> None:
        """Keep a ban, in place of an earlier one of the same network. Raises JournalError."""

    async def remove_ban(self, network: str) -> None:
        """Forget a ban, if there is one. Raises JournalError."""

    async def read_bans(self) -> list[BanRecord]:
        """Return all bans, also those that are over, oldest first. Raises JournalError."""

    async def save_sessions(self, taken: Sequence[SessionRecord], left: Sequence[str]) -> None:
        """Keep the places of clients, each in place of an earlier one of its owner, and forget those of others.

        A crash of the server leaves them as they are; a power cut may take back the newest. Raises JournalError.
        """

    async def read_sessions(self) -> list[SessionRecord]:
        """Return all places. Raises JournalError."""


@asynccontextmanager
async def open_journal(
    url: str, *, data: Path, close_by: Callable[[], float] = lambda: math.inf
) -> AsyncIterator[Journal]:
    """Open the store that `url` names: `memory:`, or `sqlite:` with an optional path (default: journal.db in `data`).

    Leaving the context keeps all that was posted, but may take no longer than until `close_by`, a time of Trio's clock.
    Raises JournalError with one sentence that names the file.
    """
    journal: AbstractAsyncContextManager[Journal]
    journal = open_memory() if url == "memory:" else open_sqlite(_path(url, data), close_by=close_by)
    async with journal as opened:
        yield opened


@asynccontextmanager
async def open_history(url: str, *, data: Path) -> AsyncIterator[HistoryReader]:
    """Open the store that `url` names only to read what is there, also while a server has it. Raises JournalError."""
    if url == "memory:":
        raise JournalError("the journal memory: ends with its server; there is no history in it")
    async with open_sqlite_history(_path(url, data)) as history:
        yield history


def check_journal(url: str, *, data: Path) -> None:
    """Look whether `open_journal` would do, and change nothing. Raises JournalError."""
    if url != "memory:":
        check_can_open(_path(url, data))


def _path(url: str, data: Path) -> Path:
    store, _, place = url.partition(":")
    if store != "sqlite" or ":" not in url:
        raise JournalError(f"there is no journal {url!r}: expected sqlite:, sqlite:PATH or memory:")
    return Path(place) if place else data / "journal.db"
