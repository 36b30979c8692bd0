"""The report for a member who comes back in lines: private messages that waited, and what is new in their rooms."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from trio_chat.chat.accounts.account import AccountMemory, RoomMark
from trio_chat.chat.accounts.memory import MAILBOX
from trio_chat.chat.client import Client
from trio_chat.chat.wording import news_in, notice
from trio_chat.journal import JournalError
from trio_chat.server.sessions.arrivals import Arrival
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.news import NewsCount, news_of, waiting_messages
from trio_chat.server.sessions.read_marks import note_read
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.wire.lines import line_of_past


class NewsReport:
    """A report of all that one member missed."""

    def __init__(self, context: SessionContext, client: Client, outlet: PeerOutlet, arrival: Arrival) -> None:
        self._context = context
        self._client = client
        self._outlet = outlet
        self._memory = arrival.memory or AccountMemory()
        self._end = arrival.last_id

    @property
    def marks(self) -> Mapping[str, RoomMark]:
        """The read marks from before they came back, by room."""
        return self._memory.marks

    @property
    def arrived_id(self) -> int:
        """The newest id of any entry when they came back."""
        return self._end

    async def rows(self) -> AsyncGenerator[Sequence[str], None]:
        """Yield rows to print, each page once the one before is taken; then the messages count as read.

        That is on disk before anything else is shown or answered: a server that is killed after that shows them once.
        Raises JournalError and trio.BrokenResourceError.
        """
        context, client = self._context, self._client
        with context.memories.showing(client.account):
            news = await news_of(context, client, self._outlet, self._memory, self._end)
            if news.waiting:
                yield [notice(f"{_messages(news.waiting)}{self._since()}:")]
                async for page in waiting_messages(context, client, self._memory, self._end):
                    yield [line_of_past(entry) for entry in page]
                note_read(context, client, MAILBOX, self._end)
        if news.waiting:
            with suppress(JournalError):  # it is tried again
                await context.memories.keep()
        if news.rooms:
            yield _rooms(news)

    def _since(self) -> str:
        mark = self.marks.get(MAILBOX)
        return f" since {stopped_at(mark)}, where you left off" if mark else " for you"


def stopped_at(mark: RoomMark) -> str:
    """Return the minute of a read mark, in the zone of the server."""
    return f"{datetime.fromtimestamp(mark.time):%Y-%m-%d %H:%M}"


def _messages(count: int) -> str:
    return f"{count} private message{'' if count == 1 else 's'}"


def _rooms(news: NewsCount) -> list[str]:
    return [notice(news_in(room, *counts)) for room, counts in news.rooms.items()]
