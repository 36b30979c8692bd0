"""The notice after a page of history or of search results: how many, how to read on, and what may be missing. Pure."""

from trio_chat.chat.history_argument import read_on
from trio_chat.chat.search_query import found_end
from trio_chat.chat.wording import STILL_INDEXING
from trio_chat.client.link.events import Question
from trio_chat.wire import frames


def page_end(question: Question | None, page: frames.Page) -> str:
    """Return the notice after a page; empty where there is nothing more to read."""
    ids = [*(entry.id for entry in page.entries), *page.damaged]
    parts = [_end(question, ids, has_more=page.more) if ids else "", STILL_INDEXING if page.incomplete else ""]
    return "; ".join(filter(None, parts))


def _end(question: Question | None, ids: list[int], *, has_more: bool) -> str:
    match question:
        case frames.History() if has_more:
            return read_on(question.limit, question.bounds, min(ids), max(ids))
        case frames.Search(text=text):
            return found_end(text, len(ids), min(ids) if has_more else None)
    return ""
