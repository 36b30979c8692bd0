"""Lookup of one entry by its id. It must not know any engine."""

import re

from trio_chat.chat.events import MAILBOX_MARK, Entry
from trio_chat.journal.protocol import HistoryReader
from trio_chat.journal.records import Past

ID_PATTERN = "[1-9][0-9]{0,17}"
"""Ids as people write them: without signs, zeros in front or other digits than those of ASCII."""

_ID = re.compile(ID_PATTERN, re.ASCII)


def read_id(written: str) -> int | None:
    """Read the id of an entry. -> None for what can be none"""
    return int(written) if _ID.fullmatch(written) else None


async def entry_in_rooms(history: HistoryReader, entry_id: int) -> Past | None:
    """Return the entry with an id. -> None where there is none, or it is of a mailbox. Raises JournalError."""
    found = await history.read(None, limit=1, before=entry_id + 1, after=entry_id - 1)
    past = found[0] if found else None
    return None if isinstance(past, Entry) and past.draft.room.startswith(MAILBOX_MARK) else past
