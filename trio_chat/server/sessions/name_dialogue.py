"""Requests of a plain client about names, the questions that follow, and their answers."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from trio_chat.chat.answers import NameRequest, Posted
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.typed_line import without_keys
from trio_chat.chat.wording import notice
from trio_chat.server.sessions.arrivals import Arrival
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.hidden_input import hide_answer, hide_input
from trio_chat.server.sessions.lines_output import LinesOutput
from trio_chat.server.sessions.name_questions import DROPPED, TAKEN_BACK, NameQuestion, answer_count
from trio_chat.server.sessions.name_requests import NameAnswer, carry_out, connection_of, take_answer
from trio_chat.server.sessions.news_report import NewsReport
from trio_chat.server.sessions.settling import departed
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.server.transport.peer import Peer
from trio_chat.wire.lines import LineFault
from trio_chat.wire.telnet import TelnetDecoder


class NameDialogue:
    """The requests of one plain client about names. Each may take seconds."""

    __slots__ = ("_client", "_context", "_decoder", "_outlet", "_output", "_peer", "question", "unasked")

    def __init__(
        self,
        context: SessionContext,
        client: Client,
        peer: Peer,
        outlet: PeerOutlet,
        decoder: TelnetDecoder,
        output: LinesOutput,
    ) -> None:
        self._context = context
        self._client = client
        self._peer = peer
        self._outlet = outlet
        self._decoder = decoder
        self._output = output
        self.question: NameQuestion | None = None
        """The question that the next line answers, whatever it is: it is neither said nor executed."""
        self.unasked = 0
        """Lines of this read that may be answers of a question that was not asked after all."""

    async def request(self, request: NameRequest) -> None:
        """Carry a request out, print the answer, and ask what it asks."""
        connection = connection_of(self._context, self._peer)
        if not await self._print_answer(partial(carry_out, self._context, self._client, connection, request)):
            self.unasked = answer_count(request)

    async def take_answer(self, question: NameQuestion, line: str | LineFault) -> None:
        """Take a line as the answer of a question. An empty one takes the request back."""
        self.question = None
        if isinstance(line, LineFault) or not (given := without_keys(line).strip()):
            hide_input(self._outlet, self._decoder, is_hidden=False)
            await self._output.print_after([notice(TAKEN_BACK)])
            return
        connection = connection_of(self._context, self._peer)
        await self._print_answer(partial(take_answer, self._context, self._client, connection, question, given))

    async def drop_unasked(self) -> None:
        """Drop a line that was sent ahead as the answer of a question: it may be a password."""
        self.unasked -= 1
        if not self.unasked:
            await self._output.print_after([notice(DROPPED)])

    async def tell_arrival(self, arrival: Arrival, rows: Sequence[str]) -> None:
        """Tell a member that the name is theirs, once that is durable, and what they missed."""
        await departed(self._context, self._client)
        if arrival.receipt:
            self._output.add(Posted(arrival.receipt))
        await self._output.print_after(rows)
        report, past = NewsReport(self._context, self._client, self._outlet, arrival), self._output.past
        past.marks, past.arrived_id = report.marks, report.arrived_id
        await self._output.print_pages(report.rows())
        await self._output.flush()

    async def _print_answer(self, get: Callable[[], Awaitable[NameAnswer]]) -> bool:
        """Get the answer of a request, print it, and ask what it asks. -> False where it was refused"""
        await self._output.flush()
        is_refused = False
        try:
            answer = await get()
        except ChatError as error:
            answer, is_refused = NameAnswer((notice(error.text),)), True
        self.question = answer.question
        is_secret = answer.question is not None and answer.question.is_secret
        hint = hide_answer(self._outlet, self._decoder, is_secret=is_secret)
        if answer.arrival:
            await self.tell_arrival(answer.arrival, answer.rows)
        else:
            await self._output.print_after(answer.rows)
        if answer.question:
            await self._output.print_after([notice(answer.question.text(hint))])
        return not is_refused
