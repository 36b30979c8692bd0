"""News for a member who comes back: what is new in each room since they read it, and the private messages that wait."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import trio

from trio_chat.chat.accounts.account import AccountMemory
from trio_chat.chat.accounts.memory import MAILBOX
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Entry, Kind
from trio_chat.chat.words import calls
from trio_chat.journal import AccountStore, JournalError, need
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.transport.outlet import PeerOutlet

PAGE = 50
"""Private messages read at once."""

WAITING_MAX = 1000
"""Private messages counted and shown at most."""

CALLS_MAX = 200
"""Entries looked at for those that call a member, in all rooms together."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewsCount:
    """The number of new entries, and of those that call the member, by room; and of private messages that wait."""

    rooms: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    waiting: int = 0


async def news_of(
    context: SessionContext, client: Client, outlet: PeerOutlet, memory: AccountMemory, end: int
) -> NewsCount:
    """Count what is new to a member who has come back, up to the id `end`. Where it cannot be read, nothing is.

    Raises trio.BrokenResourceError.
    """
    marks = {room: memory.marks[room].id for room in memory.rooms if room in memory.marks}
    try:
        counts = await need(context.journal, AccountStore).count_news(marks)
        new = {room: count for room, count in counts.items() if count}
        called = await _calls_in(context, client, outlet, {room: marks[room] for room in new})
        waiting = 0
        async for page in waiting_messages(context, client, memory, end):
            waiting += len(page)
    except JournalError as error:
        logger.warning("news cannot be counted: %s", error)
        return NewsCount()
    return NewsCount({room: (count, called[room]) for room, count in new.items()}, waiting)


async def waiting_messages(
    context: SessionContext, client: Client, memory: AccountMemory, end: int
) -> AsyncIterator[Sequence[Entry]]:
    """Yield the private messages to a member that they have not read, oldest first, up to the id `end`, page by page.

    Raises JournalError.
    """
    mark = memory.marks.get(MAILBOX)
    after, account = mark.id if mark else 0, client.account
    for _ in range(WAITING_MAX // PAGE):
        past = await context.journal.read(client.mailbox_name, after=after, before=end + 1, limit=PAGE)
        if not past:
            return
        after = past[-1].id
        yield [it for it in past if isinstance(it, Entry) and _is_to(it, account)]


def _is_to(entry: Entry, account: str) -> bool:
    draft = entry.draft
    return draft.kind is Kind.ANNOUNCED or (draft.kind is Kind.TOLD and draft.account != account)


async def _calls_in(
    context: SessionContext, client: Client, outlet: PeerOutlet, marks: Mapping[str, int]
) -> Counter[str]:
    """Count the entries that call a member behind the mark of each room."""
    called = Counter[str]()
    if not marks:
        return called
    name = client.label
    try:
        found = await context.searches.run(
            client, outlet, list(marks), f'"{name}"', limit=CALLS_MAX, after=min(marks.values())
        )
    except ChatError:  # too much to look through
        return called
    for past in found:
        if isinstance(past, Entry) and past.id > marks[past.draft.room] and past.draft.account != client.account:
            called[past.draft.room] += bool(calls(past.draft.text, name))
            await trio.lowlevel.checkpoint()  # the longest text takes milliseconds
    return called
