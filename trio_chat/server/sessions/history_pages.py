"""Pages of history for a client in lines: it is sent one after the other, each once it has taken the one before."""

from collections.abc import AsyncGenerator, Sequence

from trio_chat.chat.answers import HistoryQuery
from trio_chat.journal import Journal, Past

PAGE_ENTRIES = 50
"""Entries read at once: a thousand of the longest lines are megabytes, which each of many stuck readers would hold."""


async def history_pages(journal: Journal, question: HistoryQuery) -> AsyncGenerator[Sequence[Past], None]:
    """Yield pages of what was said last in a room, oldest first; none where nothing was. Raises JournalError."""
    page = await journal.read(question.room, limit=question.limit, without_presence=True)
    last_id = page[-1].id if page else 0
    page = page[:PAGE_ENTRIES]
    while page:
        yield page
        if page[-1].id == last_id:
            return
        bounds = {"after": page[-1].id, "before": last_id + 1}
        page = await journal.read(question.room, limit=PAGE_ENTRIES, without_presence=True, **bounds)
