"""Output to a plain client besides entries: answers, each after all that it had posted before."""

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from trio_chat.chat.answers import HistoryQuery, MentionsQuery, Posted, SearchQuery
from trio_chat.chat.client import Client
from trio_chat.chat.commands import asks, says
from trio_chat.chat.errors import ChatError
from trio_chat.chat.typed_line import TypedLine
from trio_chat.journal import JournalError
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.past_answers import PastAnswers
from trio_chat.server.sessions.settling import failures_of, published
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.wire.lines import encode_notice


class LinesOutput:
    """Prints answers to one plain client, and waits until what it posted is durable."""

    __slots__ = ("_client", "_context", "_lags", "_outlet", "_past", "_posted")

    def __init__(self, context: SessionContext, client: Client, outlet: PeerOutlet) -> None:
        self._context = context
        self._client = client
        self._outlet = outlet
        self._posted: list[Posted] = []
        """Posted by the client, and not waited for yet."""
        self._lags = False
        """True if something that it posted is durable and may not have been sent to it yet."""
        self._past: PastAnswers | None = None

    @property
    def past(self) -> PastAnswers:
        """Answers about the past, made for the first question."""
        self._past = self._past or PastAnswers(self._context, self._client, self._outlet)
        return self._past

    def add(self, posted: Posted) -> None:
        """Take something that the client has posted: what is printed from now on waits for it."""
        self._posted.append(posted)

    def must_catch_up(self, typed: TypedLine) -> bool:
        """Tell whether a command has to wait for what was posted before: it asks, or a confirmation comes first."""
        if not (self._posted or self._lags):
            return False
        return asks(typed) or (says(typed) and any(it.confirmation for it in self._posted))

    async def settle(self) -> None:
        """Wait until everything posted is durable. Print what could not be kept, and confirmations of what was."""
        posted, self._posted = self._posted, []
        failures = await failures_of(it.receipt for it in posted)
        lost = Counter[str]()
        for it in posted:
            if why := failures.get(it.receipt):
                lost[why] += it.count
        confirmed = [row for it in posted if it.receipt not in failures for row in it.confirmation]
        self._lags |= bool(posted)
        if failures or confirmed:
            await self._deliver()
        for why, count in lost.items():
            self.notify(f"not sent: {why}" if count == 1 else f"not sent: {why} ({count} lines)")
        self._print(confirmed)

    async def flush(self) -> None:
        """Return when everything posted is durable and all answers are sent."""
        await self.settle()
        if self._outlet.unsent_bytes:
            await self._context.pump.delivered(self._client)

    async def catch_up(self) -> None:
        """Return when everything posted is settled, and the client has been sent the entries up to there."""
        await self.settle()
        if self._lags:
            await self._deliver()

    async def _deliver(self) -> None:
        """Return when the client has been sent all that is durable now."""
        await published(self._context)
        await self._context.pump.delivered(self._client)
        self._lags = False

    async def print_after(self, rows: Sequence[str]) -> None:
        """Print an answer after everything that was posted before the line that it answers."""
        if rows:
            await self.catch_up()
            self._print(rows)

    async def print_past(self, question: HistoryQuery | SearchQuery | MentionsQuery) -> None:
        """Print the entries that match, after everything that was posted before the question."""
        await self.catch_up()
        await self.print_pages(self.past.rows(question))

    async def print_pages(self, rows_by_page: AsyncGenerator[Sequence[str], None]) -> None:
        """Print rows page by page, each once the client has taken the one before."""
        try:
            async with aclosing(rows_by_page) as pages:
                async for rows in pages:
                    self._print(rows)
                    await self.flush()
        except ChatError as error:
            self.notify(error.text)
        except JournalError as error:
            self.notify(f"no history: {error}")

    def notify(self, text: str) -> None:
        """Print a notice at once, without waiting for what was posted."""
        self._outlet.write(encode_notice(text))

    def _print(self, rows: Sequence[str]) -> None:
        if rows:
            self._outlet.write("".join(f"{row}\n" for row in rows).encode())
