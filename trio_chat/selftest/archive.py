"""All entries that were ever in the journal of a test, those included that the server has pruned since."""

from collections.abc import Collection, Sequence
from pathlib import Path

import trio

from trio_chat.chat.events import Entry, Kind
from trio_chat.journal import open_history
from trio_chat.selftest.checker import ShownEntry

PAGE_ENTRIES = 1000

PRUNING_TIMEOUT_S = 5.0
PRUNING_POLL_S = 0.1

KEPT_MIN = 20
"""Least number of newest entries that a server keeps here: one that starts with an empty journal announces no gaps."""

NOTICES_MAX = 50
"""More than the notices that a server keeps at its start, of clients that left while it was down."""


class Archive:
    """The entries by id. It is brought up to date while no server runs, so that nothing is pruned unseen."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self.pruned_ids: frozenset[int] = frozenset()
        """Ids of the entries that are no longer in the journal."""

    @property
    def entries(self) -> Sequence[Entry]:
        """All entries, in their order."""
        return [self._entries[number] for number in sorted(self._entries)]

    async def update(self, data: Path) -> None:
        """Read the journal in a data folder. Raises JournalError."""
        seen, kept = 0, set[int]()
        async with open_history("sqlite:", data=data) as history:
            while page := await history.read(None, after=seen, limit=PAGE_ENTRIES):
                seen = page[-1].id
                self._entries |= {it.id: it for it in page if isinstance(it, Entry)}
                kept |= {it.id for it in page}
        self.pruned_ids = frozenset(self._entries.keys() - kept)

    async def wait_until_pruned(self, data: Path, keep: int) -> None:
        """Return when a server has pruned all known entries but the `keep` newest, or after PRUNING_TIMEOUT_S."""
        target = max(self._entries, default=0) - keep
        with trio.move_on_after(PRUNING_TIMEOUT_S):
            while True:
                async with open_history("sqlite:", data=data) as history:
                    if not (page := await history.read(None, after=0, limit=1)) or page[0].id > target:
                        return
                await trio.sleep(PRUNING_POLL_S)

    def to_keep(self, unacknowledged: Collection[str]) -> int:
        """Return the number of newest entries that a server must keep: those from the first with one of these keys on.

        Its sender may repeat a message that is not acknowledged. If its first copy were pruned, it would be kept twice.
        """
        if not self._entries:
            return KEPT_MIN
        last = max(self._entries)
        pending = [it.id for it in self._entries.values() if it.draft.key and it.draft.key in unacknowledged]
        return max(KEPT_MIN, last - min(pending) + 1 + NOTICES_MAX) if pending else KEPT_MIN

    def lines(self, begin: str, end: str) -> list[ShownEntry]:
        """Return the entries from the text `begin` to the last one that starts with `end`, as clients show them."""
        lines = [as_shown(entry) for entry in self.entries]
        texts = [line.text if line.kind == Kind.SAID else "" for line in lines]
        first = texts.index(begin) if begin in texts else 0
        ends = [number for number, text in enumerate(texts, 1) if text.startswith(end)]
        return lines[first : ends[-1] if ends else None]


def as_shown(entry: Entry) -> ShownEntry:
    """Return an entry as a client shows it."""
    draft = entry.draft
    return ShownEntry(entry.id, draft.room, draft.kind, draft.author, draft.text)
