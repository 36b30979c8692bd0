"""The notice after a page of history or of search results: how to read on, and what may be missing. Pure."""

from trio_chat.chat.history_argument import read_on
from trio_chat.chat.wording import STILL_INDEXING
from trio_chat.client.link.events import Question
from trio_chat.wire import frames


def page_end(question: Question | None, page: frames.Page) -> str:
    """Return the notice after a page; empty where there is nothing more to read."""
    if page.incomplete:
        return STILL_INDEXING
    ids = [*(entry.id for entry in page.entries), *page.damaged]
    if not isinstance(question, frames.History) or not page.more or not ids:
        return ""
    return read_on(question.limit, question.bounds, min(ids), max(ids))
