"""Lookup of one entry by its id, and of the ids that bound a range of entries. It must not know any engine."""

import re

from trio_chat.chat.events import MAILBOX_MARK, Entry
from trio_chat.chat.moments import Bounds
from trio_chat.journal.protocol import HistoryReader
from trio_chat.journal.records import Past

_ID = re.compile("[1-9][0-9]{0,17}", re.ASCII)
"""Ids as people write them: ASCII digits, without a sign or leading zeros."""


def read_id(written: str) -> int | None:
    """Parse the id of an entry; None where it is no id."""
    return int(written) if _ID.fullmatch(written) else None


async def entry_in_rooms(history: HistoryReader, entry_id: int) -> Past | None:
    """Return the entry with an id; None where there is none, or it is in a mailbox. Raises JournalError."""
    found = await history.read(None, limit=1, before=entry_id + 1, after=entry_id - 1)
    past = found[0] if found else None
    return None if isinstance(past, Entry) and past.draft.room.startswith(MAILBOX_MARK) else past


async def ids_of(journal: HistoryReader, bounds: Bounds) -> tuple[int | None, int | None]:
    """Return the bounds of a range, which may be times, as two ids: (before, after). Raises JournalError."""
    end, start = [
        None if time is None else await journal.first_id_since(time) for time in (bounds.before_time, bounds.after_time)
    ]
    by_time = Bounds(before=end, after=None if start is None else start - 1)
    both = by_time.within(bounds)
    return both.before, both.after
