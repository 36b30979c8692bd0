"""What a plain client asks of the past, read a page at a time."""

from collections.abc import AsyncGenerator, Sequence

from trio_chat.chat.commands import Recall, Search
from trio_chat.journal import Journal, Past

SEARCH_LIMIT = 50

PAGE_ENTRIES = 50
"""Read at once. A thousand of the longest lines are megabytes, which each of many stuck readers would hold."""


async def pages_of(journal: Journal, question: Recall | Search) -> AsyncGenerator[Sequence[Past], None]:
    """Yield the entries that were asked for, oldest first; nothing where there are none. Raises JournalError."""
    if isinstance(question, Search):
        if found := await journal.search([question.room], question.words, limit=SEARCH_LIMIT):
            yield found
        return
    page = await journal.read(question.room, limit=question.limit)
    last_id = page[-1].id if page else 0
    page = page[:PAGE_ENTRIES]
    while page:
        yield page
        if page[-1].id == last_id:
            return
        page = await journal.read(question.room, limit=PAGE_ENTRIES, after=page[-1].id, before=last_id + 1)
