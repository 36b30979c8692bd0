"""Searches and conversations: entries are read, newest first, and compared, up to a bound, which is an error."""

import math
import time
from collections.abc import Hashable, Sequence

import trio

from trio_chat.chat.events import Entry
from trio_chat.journal.conversation import is_with, lower
from trio_chat.journal.records import TOO_MUCH, JournalError, Past, SearchError
from trio_chat.journal.redis.reader import Pager, RedisReader
from trio_chat.journal.search_words import SearchCriteria, phrases

SEARCH_ENTRIES_MAX = 100_000
"""Entries that one search compares, the newest ones: about half a second of CPU time. There is no index in Redis, whose
memory it would double."""

SEARCH_MAX_S = 5.0
"""The time of one search."""

SEARCHES_MAX = 2
"""Searches at a time."""

TURN_S = 0.002
"""The time for which a search holds the loop."""

CONVERSATION_MAX_S = 3.0


class RedisSearch(RedisReader):
    """The part of a journal that compares entries."""

    is_indexing: bool = False

    _searches: trio.CapacityLimiter
    _search_entries_max: int

    async def search(
        self,
        rooms: Sequence[str],
        words: str,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
        author: str = "",
        asker: Hashable = None,
    ) -> list[Past]:
        """Return the newest entries that contain all words, oldest first."""
        criteria = SearchCriteria(tuple(dict.fromkeys(rooms)), phrases(words), author, after)
        if criteria.is_empty or limit <= 0:
            await trio.lowlevel.checkpoint()
            return []
        found: list[Past] = []
        async with self._searches:
            turns = SearchTurns(SEARCH_MAX_S, self._search_entries_max)
            sources = [_Downwards(self, room, before) for room in criteria.rooms]
            while (past := await _newest_of(sources)) and past.id > (after or 0):
                if isinstance(past, Entry) and criteria.matches(past.draft):
                    found.append(past)
                    if len(found) >= limit:
                        break
                if not await turns.go_on():
                    raise SearchError(TOO_MUCH)
        return found[::-1]

    async def conversation(
        self,
        mailbox: str,
        *,
        account: str = "",
        name: str = "",
        limit: int,
        before: int | None = None,
        after: int | None = None,
    ) -> list[Past]:
        """Return the private messages in a mailbox to and from one other, oldest first."""
        if limit <= 0:
            await trio.lowlevel.checkpoint()
            return []
        found: list[Past] = []
        turns, name = SearchTurns(CONVERSATION_MAX_S), lower(name)
        pager = Pager(self, mailbox, before=before, after=after, without_presence=True)
        while page := await pager.next_page():
            for past in page if after is not None else reversed(page):
                if isinstance(past, Entry) and is_with(past.draft, account, name):
                    found.append(past)
                    if len(found) >= limit:
                        return found if after is not None else found[::-1]
            if not await turns.go_on():
                raise JournalError("the journal takes too long to answer")
        return found if after is not None else found[::-1]


class _Downwards:
    """The entries of one room but for presence, from the newest on."""

    def __init__(self, reader: RedisReader, room: str, before: int | None) -> None:
        self._pager = Pager(reader, room, before=before, without_presence=True)
        self._page: list[Past] = []

    async def next_one(self) -> Past | None:
        """Return the next entry without taking it; None at the end."""
        if not self._page:
            self._page = await self._pager.next_page()
        return self._page[-1] if self._page else None

    def take(self) -> Past:
        """Take the entry that `next_one` returned."""
        return self._page.pop()


async def _newest_of(sources: "list[_Downwards]") -> Past | None:
    """Take the newest of the rooms' next entries; None at the end."""
    heads = [(past.id, number) for number, source in enumerate(sources) if (past := await source.next_one())]
    return sources[max(heads)[1]].take() if heads else None


class SearchTurns:
    """The turns of one search on the loop, and its bounds: the time since it began, and how often it goes on."""

    def __init__(self, max_s: float, steps_max: float = math.inf) -> None:
        self._steps_left = steps_max
        self._began = self._turn = time.perf_counter()
        self._max_s = max_s

    async def go_on(self) -> bool:
        """Let other tasks run if it is time for that. Returns False when a bound is reached."""
        self._steps_left -= 1
        now = time.perf_counter()
        if now - self._turn > TURN_S:
            await trio.lowlevel.checkpoint()
            self._turn = time.perf_counter()
        return self._steps_left >= 0 and now - self._began <= self._max_s
