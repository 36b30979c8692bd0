"""Lookup of entries: of one by its id, and of the ids of a stretch. It must not know any engine."""

import re

from trio_chat.chat.events import MAILBOX_MARK, Entry
from trio_chat.chat.moments import Bounds
from trio_chat.journal.protocol import HistoryReader
from trio_chat.journal.records import Past

_ID = re.compile("[1-9][0-9]{0,17}", re.ASCII)
"""Ids as people write them: without signs, zeros in front or other digits than those of ASCII."""


def read_id(written: str) -> int | None:
    """Read the id of an entry. -> None for what can be none"""
    return int(written) if _ID.fullmatch(written) else None


async def entry_in_rooms(history: HistoryReader, entry_id: int) -> Past | None:
    """Return the entry with an id. -> None where there is none, or it is of a mailbox. Raises JournalError."""
    found = await history.read(None, limit=1, before=entry_id + 1, after=entry_id - 1)
    past = found[0] if found else None
    return None if isinstance(past, Entry) and past.draft.room.startswith(MAILBOX_MARK) else past


async def ids_of(journal: HistoryReader, bounds: Bounds) -> tuple[int | None, int | None]:
    """Look up the ids of a stretch, whose ends may be times. -> (before, after). Raises JournalError."""
    parted: list[int | None] = [
        None if time is None else await journal.first_id_since(time) for time in (bounds.before_time, bounds.after_time)
    ]
    first_since, first_from = parted
    by_time = Bounds(before=first_since, after=None if first_from is None else first_from - 1)
    both = by_time.within(bounds)
    return both.before, both.after
