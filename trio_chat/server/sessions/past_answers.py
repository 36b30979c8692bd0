"""Answers to `/history`, `/search` and `/mentions` in lines: rows, then how to read on and the zone of the times."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from trio_chat.chat.accounts.account import RoomMark
from trio_chat.chat.answers import HistoryQuery, MentionsQuery, SearchQuery
from trio_chat.chat.client import Client
from trio_chat.chat.events import Entry
from trio_chat.chat.history_argument import read_on
from trio_chat.chat.moments import zone_at
from trio_chat.chat.search_query import found_end
from trio_chat.chat.wording import NOTHING_FOUND, STILL_INDEXING, notice
from trio_chat.journal import Damaged, Past
from trio_chat.journal.lookup import ids_of
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.conversations import read_past, search_past
from trio_chat.server.sessions.mentions import NO_MENTIONS, mentions_of
from trio_chat.server.sessions.news_report import stopped_at
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.wire.lines import line_of_past

PAGE_ENTRIES = 50
"""Entries read at once: a thousand of the longest lines are megabytes, which each of many stuck readers would hold."""

Rows = AsyncGenerator[Sequence[str], None]


class PastAnswers:
    """Answers one plain client, and remembers the zone that it was told."""

    __slots__ = ("_client", "_context", "_outlet", "_zone", "arrived_id", "marks")

    def __init__(self, context: SessionContext, client: Client, outlet: PeerOutlet) -> None:
        self._context = context
        self._client = client
        self._outlet = outlet
        self._zone = ""
        self.marks: Mapping[str, RoomMark] = {}
        """The read marks of a member from before they came back, by room."""
        self.arrived_id = 0
        """The newest id of any entry when they came back: what is newer was sent to them as it was said."""

    async def rows(self, question: HistoryQuery | SearchQuery | MentionsQuery) -> Rows:
        """Yield rows to print, each page once the one before is taken.

        Raises ChatError, JournalError, and trio.BrokenResourceError.
        """
        match question:
            case HistoryQuery():
                answer = self._history(question)
            case SearchQuery():
                answer = self._found(question)
            case MentionsQuery(limit):
                answer = self._mentions(limit)
        async with aclosing(answer) as pages:
            async for rows in pages:
                yield rows

    async def _history(self, question: HistoryQuery) -> Rows:
        """Yield what was said in a room, oldest first."""
        journal, room, limit = self._context.journal, question.room, question.limit
        before, after = await ids_of(journal, question.bounds)
        page = await self._read(room, limit + 1, before, after)
        has_more = len(page) > limit
        is_cut_above = has_more and not question.bounds.is_forward
        above_id = page[-limit - 1].id if is_cut_above else after or 0
        page = page[:limit] if question.bounds.is_forward else page[-limit:]
        if not page:
            yield [notice(NOTHING_FOUND)]
            return
        first, last = page[0], page[-1]
        mark = self.marks.get(room)
        if mark and mark.id < above_id and first.id <= self.arrived_id:
            yield [notice(f"all of this is new: you left off at {stopped_at(mark)}")]
        page, previous_id = page[:PAGE_ENTRIES], above_id
        while page:
            yield self._parted(page, room, previous_id)
            previous_id = page[-1].id
            if page[-1].id == last.id:
                break
            page = await self._read(room, PAGE_ENTRIES, last.id + 1, page[-1].id)
        how = read_on(limit, question.bounds, first.id, last.id) if has_more else ""
        yield self._footer(how, first, last)

    async def _read(self, room: str, limit: int, before: int | None, after: int | None) -> Sequence[Past]:
        return await read_past(
            self._context, self._client, room, limit=limit, before=before, after=after, without_presence=True
        )

    def _parted(self, page: Sequence[Past], room: str, previous_id: int) -> list[str]:
        """Return the rows of a page, with a line where a member stopped reading before they came back."""
        rows: list[str] = []
        mark = self.marks.get(room)
        for past in page:
            if mark and previous_id <= mark.id < past.id:
                rows.append(notice(f"new since {stopped_at(mark)}, where you left off"))
                mark = None
            rows.append(_row_of(past))
            previous_id = past.id
        return rows

    async def _found(self, question: SearchQuery) -> Rows:
        """Yield what a search found, oldest first."""
        searches, terms, limit = self._context.searches, question.terms, question.limit
        before, after = await ids_of(self._context.journal, terms.bounds)
        found = await search_past(
            self._context,
            self._client,
            self._outlet,
            question.rooms,
            terms.words,
            limit=limit + 1,
            before=before,
            after=after,
            author=terms.author,
        )
        shown = found[-limit:]
        yield [_row_of(past) for past in shown]
        older_than = shown[0].id if len(found) > limit else None
        end = found_end(terms.typed, len(shown), older_than) if shown else NOTHING_FOUND
        gap = f"; {STILL_INDEXING}" if searches.is_incomplete else ""
        yield self._footer(end + gap, *shown)

    async def _mentions(self, limit: int) -> Rows:
        """Yield the entries that call the client by its name, oldest first."""
        shown = await mentions_of(self._context, self._client, self._outlet, limit)
        yield [_row_of(past) for past in shown]
        yield self._footer("" if shown else NO_MENTIONS, *shown)

    def _footer(self, how: str, *shown: Past) -> list[str]:
        """Return the row that ends an answer: how to read on, and the zone of the times if it was not told yet."""
        zones = dict.fromkeys(zone_at(it.time) for it in shown if isinstance(it, Entry))
        zone = f"times are {', then '.join(zones)}" if zones else self._zone
        parts = [how, zone if zone != self._zone else ""]
        self._zone = zone
        return [notice("; ".join(filter(None, parts)))] if any(parts) else []


def _row_of(past: Past) -> str:
    return notice(past.text) if isinstance(past, Damaged) else line_of_past(past)
