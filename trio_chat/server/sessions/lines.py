"""Sessions in lines, for plain clients. What a client said is durable before more is read from it."""

import logging
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

import trio

from trio_chat.chat.answers import (
    Answer,
    HistoryQuery,
    LeaveChat,
    MentionsQuery,
    NameRequest,
    Posted,
    SearchQuery,
    TextReply,
)
from trio_chat.chat.client import Client
from trio_chat.chat.commands import asks, nick_in, obey, price_of, says
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.typed_line import TypedLine, read_line, without_keys
from trio_chat.chat.wording import LATE_HELLO, NO_FRAMES, command_meant, notice, who_you_are
from trio_chat.journal import JournalError
from trio_chat.server.sessions.arrivals import Arrival
from trio_chat.server.sessions.blank_lines import BlankLines
from trio_chat.server.sessions.bounds import ANSWERS_BYTES, DELIVERY_AFTER_LEAVE_S, INPUTS_PER_TURN
from trio_chat.server.sessions.coming_back import ComingBack
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.ending import disconnect_reason
from trio_chat.server.sessions.hidden_input import hide_answer, hide_input
from trio_chat.server.sessions.name_prompt import ask_name
from trio_chat.server.sessions.name_questions import DROPPED, TAKEN_BACK, Ask, answers_to
from trio_chat.server.sessions.name_requests import (
    NameAnswer,
    Proven,
    carry_out,
    enter_proven,
    take_answer,
    where_of,
    you_are,
)
from trio_chat.server.sessions.nick_claims import claimed
from trio_chat.server.sessions.password_prompt import ask_password
from trio_chat.server.sessions.past_answers import PastAnswers
from trio_chat.server.sessions.read_marks import note_sent
from trio_chat.server.sessions.settling import depart, departed, failures_of, published
from trio_chat.server.sessions.throttle import Throttle, pause, pause_unpriced
from trio_chat.server.transport.outlet import NoticeEncoders, PeerOutlet
from trio_chat.server.transport.peer import FIRST_BYTES_TIMEOUT_S, READ_BYTES, Peer, is_silent
from trio_chat.server.transport.sniff import Greeting, GreetingRefusal, classify, may_become_irc
from trio_chat.wire.frame_decoder import is_hello, is_tell
from trio_chat.wire.lines import CR_SILENCE_S, LineFault, encode_gap, encode_notice
from trio_chat.wire.telnet import TELNET_CURE, TelnetDecoder, TelnetFilter


def _encode_farewell(_reason: CloseReason, text: str) -> bytes:
    return encode_notice(text)


NOTICES = NoticeEncoders(gap=encode_gap, farewell=_encode_farewell)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """Input of a connection that was asked for a password or a name, and let in."""

    decoder: TelnetDecoder
    ahead: Sequence[str | LineFault]
    """Lines that came after it."""
    proven: Proven | None

    @property
    def is_waiting(self) -> bool:
        """True if there is something to answer before more is read."""
        return bool(self.ahead or self.proven or self.decoder.telnet)


async def serve_lines(context: SessionContext, peer: Peer) -> None:
    """Converse in lines until the connection ends. Raises what the peer raises; the peer stays its owner's."""
    outlet, asked = peer.open_outlet(NOTICES), None
    if context.password.is_set or context.chat.rules.names == "members":
        asked = await _ask(context, peer, outlet)
        if asked is None or not _is_still_welcome(context, peer, outlet):
            return
    client = context.chat.connect(peer.address, peer.port, mode=Mode.LINES, outlet=outlet, origin=peer.ticket)
    arrival = session = None
    try:
        if asked and asked.proven and not (arrival := _enter(context, client, outlet, asked.proven)):
            return
        context.chat.join(client, LOBBY)
        if asked and not (asked.proven or asked.ahead):  # a person waits for the answer; a script has sent more
            outlet.write(encode_notice(who_you_are(client.label)))
            outlet.push(None)
        if not (asked and asked.is_waiting):
            await peer.receivable()  # most clients never say anything: until one does, there is no session
        session = LinesSession(context, client, outlet, asked.decoder if asked else TelnetDecoder(), peer)
        with outlet.interruptible():
            await session.run(peer, asked.ahead if asked else (), arrival)
    finally:
        if session is not None:
            session.throttle.leave()
        await context.ends.wait_turn()
        note_sent(context, client)
        error = sys.exception() or (None if session is None else session.fault)
        context.chat.disconnect(client, disconnect_reason(outlet, error))
        await depart(context, client, outlet)


async def _ask(context: SessionContext, peer: Peer, outlet: PeerOutlet) -> Asked | None:
    """Ask for the password and the name that this server wants. -> None where the client is not admitted"""
    decoder, proven = TelnetDecoder(), None
    ahead = await ask_password(context, peer, outlet, decoder) if context.password.is_set else []
    if ahead is None:
        return None
    if context.chat.rules.names == "members":
        proven = await ask_name(context, peer, outlet, decoder, ahead)
        if proven is None:
            return None
    return Asked(decoder, ahead, proven)


def _enter(context: SessionContext, client: Client, outlet: PeerOutlet, proven: Proven) -> Arrival | None:
    """Make a client a place of the account that it has proven, before anything else. -> None if it may not"""
    try:
        return enter_proven(context, client, proven)
    except ChatError as error:
        outlet.write(encode_notice(error.text))
        outlet.push(None)
    return None


def _is_still_welcome(context: SessionContext, peer: Peer, outlet: PeerOutlet) -> bool:
    """Tell whether the address was not banned while this was no client yet; else tell the peer."""
    try:
        context.admission.check(peer.address, date=time.time())
    except ChatError as refusal:
        outlet.write(encode_notice(refusal.text))
        outlet.push(None)
        return False
    return True


class LinesSession:
    """The conversation with a plain client."""

    __slots__ = (
        "_ask",
        "_blank_lines",
        "_client",
        "_context",
        "_decoder",
        "_farewell",
        "_has_hinted",
        "_is_known",
        "_is_leaving",
        "_lags",
        "_outlet",
        "_past",
        "_unasked",
        "fault",
        "throttle",
    )

    def __init__(
        self, context: SessionContext, client: Client, outlet: PeerOutlet, decoder: TelnetDecoder, peer: Peer
    ) -> None:
        self._context = context
        self._client = client
        self._outlet = outlet
        self._decoder = decoder
        self.throttle = Throttle(context.overdrafts, context.allowances, peer)
        self._blank_lines = BlankLines()
        self._is_known = False
        """True if its first line has shown that it is no HTTP request."""
        self._is_leaving = False
        self._has_hinted = False
        self._lags = False
        """True if something that it said is durable and may not have been sent to it yet."""
        self._past: PastAnswers | None = None
        self._ask: Ask | None = None
        """The question that the next line answers, whatever it is: it is neither said nor obeyed."""
        self._unasked = 0
        """Lines of this read that may be answers of a question that was not asked after all."""
        self._farewell = ""
        """The last notice to a client that leaves by a command."""
        self.fault: OSError | None = None
        """The error that ended the input, if one did."""

    async def run(self, peer: Peer, ahead: Sequence[str | LineFault], arrival: Arrival | None) -> None:
        """Converse until the client leaves or its input ends; what is owed to it by then is still sent.

        `ahead` are lines that have been read already, and `arrival` is that of a member who has proven their name.
        """
        if arrival:
            await self._tell_arrival(arrival, (notice(you_are(self._client)),), [])
        if ahead or self._decoder.telnet:
            await self._handle(ahead, peer)
        goes_on = False  # what comes next belongs to the read before
        unpriced = 0
        while not self._is_leaving:
            if self._decoder.is_at_cr and await is_silent(peer, CR_SILENCE_S):
                await self._handle(self._decoder.end_at_cr(), peer)
                goes_on = False
                continue
            await peer.receivable()
            if (data := peer.receive_nowait()) is None:
                continue
            if data:
                if not goes_on:
                    self._blank_lines.forget()
                if not self._is_known:
                    data = await _whole_greeting(peer, self._decoder.unfinished, data)
                # A request line that is too long for a line is never seen whole.
                self._is_leaving = not self._is_known and self._refuse_greeting(self._decoder.unfinished + data)
                if not self._is_leaving:
                    lines = self._decoder.feed(data)
                    await self._handle(lines, peer)
                    unpriced = 0 if lines else await pause_unpriced(unpriced, data)
                goes_on = len(data) >= READ_BYTES or self._decoder.is_in_line
                continue
            await self._context.ends.wait_turn()
            if not self._outlet.fault:  # else it was cut off, and what is left may be half a line
                await self._handle(self._decoder.finish(), peer)
            self._is_leaving, self.fault = True, self._outlet.fault
        with trio.move_on_after(DELIVERY_AFTER_LEAVE_S):
            await self._context.pump.delivered(self._client)
            if not self._outlet.fault:
                self._context.chat.disconnect(self._client)
                await departed(self._context, self._client)
                await self._context.pump.delivered(self._client)
            if self._farewell:
                self._notify(self._farewell)
                await self._context.pump.delivered(self._client)

    async def _handle(self, inputs: Sequence[str | LineFault], peer: Peer) -> None:
        """Handle lines in their order; return when what they said is durable and their answers are sent.

        Texts that follow each other are said at once, which takes a third of the time.
        """
        posted: list[Posted] = []
        texts: list[str] = []
        if self._decoder.needs_crlf:
            self._outlet.end_in_crlf()
        # Before anything else: after some keys, telnet shows nothing until its command is answered.
        has_answered = self._decoder.telnet is not None and self._answer_telnet(self._decoder.telnet)
        now = trio.current_time()
        is_answer = self._ask is not None
        for turn, line in enumerate(inputs, 1):
            typed = None if self._ask or isinstance(line, LineFault) else read_line(line)
            price = price_of(self._client, typed) if typed and typed.command else 1
            while wait_s := self.throttle.spend(price, self._context.rate_limit):
                await self._say(texts, posted)
                await self._flush(posted)
                await pause(wait_s, peer)
                now = trio.current_time()
            self._context.chat.record_input(self._client, at=now)
            if self._ask:  # before anything else: an answer may be a password
                await self._take_answer(self._ask, line, posted, peer)
            elif self._unasked and not (typed and (typed.command or typed.is_quit)):
                await self._drop_unasked(posted)
            elif typed and self._is_mere_text(line, typed):
                if typed.text.strip():
                    texts += (*[""] * self._blank_lines.take(), typed.text)
                else:
                    self._blank_lines.add()
            else:
                await self._say(texts, posted)
                if not await self._carry_out(line, typed, posted, peer):
                    break
            if turn % INPUTS_PER_TURN == 0:
                await self._say(texts, posted)
                await trio.lowlevel.checkpoint()
        self._unasked = 0
        await self._say(texts, posted)
        if has_answered:
            while wait_s := self.throttle.spend(1, self._context.rate_limit):
                await self._flush(posted)
                await pause(wait_s, peer)
        await self._flush(posted)
        if len(inputs) == 1 and not (is_answer or self._has_hinted) and isinstance(inputs[0], str):
            await self._hint(inputs[0])

    async def _hint(self, line: str) -> None:
        """Tell somebody who typed only `quit` or `help`, once, which command does that."""
        if meant := command_meant(line):
            self._has_hinted = True
            self._notify(f'"{line.strip()}" was said as text: {meant}')
            await self._flush([])

    def _is_mere_text(self, line: str | LineFault, typed: TypedLine) -> bool:
        """Tell whether a line is text of a client that is known, with nothing in it that needs a closer look."""
        return self._is_known and typed.text == line and not (typed.command or typed.is_quit or "{" in line)

    async def _say(self, texts: list[str], posted: list[Posted]) -> None:
        """Say texts, one entry each, and empty the list."""
        if not texts:
            return
        chat, client = self._context.chat, self._client
        try:
            if receipt := chat.say(client, chat.current_room(client), *texts):
                posted.append(Posted(receipt, count=len(texts)))
        except ChatError as error:
            await self._print_after(posted, [notice(error.text)])
        texts.clear()

    async def _carry_out(
        self, line: str | LineFault, typed: TypedLine | None, posted: list[Posted], peer: Peer
    ) -> bool:
        """Carry out a line that is no mere text. -> whether the client stays"""
        if typed and typed.command and self._client.account:  # it may leave a room
            note_sent(self._context, self._client)
        if typed and typed.command and (posted or self._lags) and _must_wait(typed, posted):
            await self._catch_up(posted)
        answer = await self._obey_with_claim(line, typed)
        if typed and not typed.command and isinstance(answer, Posted):
            self._blank_lines.take()
        elif typed and not typed.text.strip():
            self._blank_lines.add()
        else:
            self._blank_lines.forget()
        if self._client.departing:
            await self._settle(posted)
            await departed(self._context, self._client)
        match answer:
            case Posted(lines=rows):
                await self._print_after(posted, rows)
                posted.append(answer)
            case TextReply(rows):
                await self._print_after(posted, rows)
            case HistoryQuery() | SearchQuery() | MentionsQuery() as question:
                await self._catch_up(posted)
                await self._send_past(question)
            case NameRequest() as request:
                where = where_of(self._context, peer)
                if not await self._answer_names(
                    partial(carry_out, self._context, self._client, where, request), posted
                ):
                    self._unasked = answers_to(request)
            case LeaveChat(text):
                self._farewell = text
                self._is_leaving = True
                return False
        if self._outlet.unsent_bytes > ANSWERS_BYTES:
            await self._flush(posted)
        return True

    async def _take_answer(self, ask: Ask, line: str | LineFault, posted: list[Posted], peer: Peer) -> None:
        """Take a line as the answer of a question. An empty one takes the request back."""
        self._ask = None
        self._blank_lines.forget()
        if isinstance(line, LineFault) or not (given := without_keys(line).strip()):
            hide_input(self._outlet, self._decoder, is_hidden=False)
            await self._print_after(posted, [notice(TAKEN_BACK)])
            return
        where = where_of(self._context, peer)
        await self._answer_names(partial(take_answer, self._context, self._client, where, ask, given), posted)

    async def _drop_unasked(self, posted: list[Posted]) -> None:
        """Drop a line that was sent ahead as the answer of a question: it may be a password."""
        self._unasked -= 1
        if not self._unasked:
            await self._print_after(posted, [notice(DROPPED)])

    async def _answer_names(self, get: Callable[[], Awaitable[NameAnswer]], posted: list[Posted]) -> bool:
        """Print the answer of a request about names, and ask what it asks. -> False where it was refused

        It may take seconds.
        """
        await self._flush(posted)
        is_refused = False
        try:
            answer = await get()
        except ChatError as error:
            answer, is_refused = NameAnswer((notice(error.text),)), True
        self._ask = answer.asks
        is_secret = answer.asks is not None and answer.asks.is_secret
        hint = hide_answer(self._outlet, self._decoder, is_secret=is_secret)
        if answer.arrival:
            await self._tell_arrival(answer.arrival, answer.rows, posted)
        else:
            await self._print_after(posted, answer.rows)
        if answer.asks:
            await self._print_after(posted, [notice(answer.asks.question(hint))])
        return not is_refused

    async def _tell_arrival(self, arrival: Arrival, rows: Sequence[str], posted: list[Posted]) -> None:
        """Tell a member that the name is theirs, once that is durable, and what they missed."""
        await departed(self._context, self._client)
        if arrival.receipt:
            posted.append(Posted(arrival.receipt))
        await self._print_after(posted, rows)
        back = ComingBack(self._context, self._client, self._outlet, arrival)
        past = self._past_answers()
        past.marks, past.arrived_id = back.marks, back.arrived_id
        await self._print_pages(back.rows())
        await self._flush(posted)

    async def _flush(self, posted: list[Posted]) -> None:
        """Return when everything posted is durable and all answers are sent."""
        await self._settle(posted)
        if self._outlet.unsent_bytes:
            await self._context.pump.delivered(self._client)

    def _answer_telnet(self, telnet: TelnetFilter) -> bool:
        """Answer option negotiation, all of which counts as one line. -> whether there was any"""
        self._is_leaving |= telnet.is_over
        if (reply := telnet.take_reply()) is None:
            return False
        self._outlet.write_bytes(reply)
        return True

    async def _obey_with_claim(self, line: str | LineFault, typed: TypedLine | None) -> Answer:
        """Obey a line; a nick that it takes is claimed first, so that nobody takes it on another server."""
        nick = nick_in(typed) if typed and self._context.chat.nodes.name else ""
        if not nick:
            return self._obey(line, typed)
        try:
            async with claimed(self._context, self._client, nick):
                return self._obey(line, typed)
        except ChatError as error:
            return TextReply((notice(error.text),))

    def _obey(self, line: str | LineFault, typed: TypedLine | None) -> Answer:
        if isinstance(line, LineFault):
            return TextReply((notice(self._text_of(line)),))
        if (not self._is_known or "{" in line) and self._refuse_if_no_chat(line):
            return LeaveChat(text="")
        if "{" in line and is_tell(line):
            return TextReply((notice(NO_FRAMES),))
        try:
            return obey(self._context.chat, self._client, line, typed=typed, blank_lines=self._blank_lines.count)
        except ChatError as error:
            return TextReply((notice(error.text),))

    def _text_of(self, fault: LineFault) -> str:
        is_telnet = self._decoder.telnet is not None and self._decoder.telnet.is_telnet
        return f"{fault.value}: {TELNET_CURE}" if is_telnet and fault is LineFault.NOT_UTF8 else fault.value

    def _refuse_if_no_chat(self, line: str) -> bool:
        """Refuse a line of a client that was too slow to be recognised by its first bytes. -> whether it was refused"""
        if is_hello(line):  # it may have a password or a session secret, which nobody else may read
            return self._refuse("HELLO", encode_notice(LATE_HELLO))
        if self._is_known or not line.strip():  # an empty line may come before a request
            return False
        self._is_known = True
        return self._refuse_greeting(line.encode() + b"\n")

    def _refuse_greeting(self, first: bytes) -> bool:
        """Refuse a request, or another greeting that must not join. -> whether it was refused"""
        verdict = classify(first)
        if verdict is Greeting.TLS:
            verdict = GreetingRefusal.TLS  # it began too late
        if verdict is GreetingRefusal.BINARY:  # a person by now, who has pressed Ctrl-Space
            return False
        return isinstance(verdict, GreetingRefusal) and self._refuse(verdict.name, verdict.value)

    def _refuse(self, kind: str, why: bytes) -> bool:
        logger.info("refused %s from %s port %d", kind, self._client.address, self._client.port)
        self._outlet.write_bytes(why)
        return True

    async def _settle(self, posted: list[Posted]) -> None:
        """Wait until everything posted is durable. Print what could not be kept, and confirmations of what was."""
        failures = await failures_of(it.receipt for it in posted)
        lost = Counter[str]()
        for it in posted:
            if why := failures.get(it.receipt):
                lost[why] += it.count
        confirmed = [row for it in posted if it.receipt not in failures for row in it.confirmation]
        self._lags |= bool(posted)
        posted.clear()
        if failures or confirmed:
            await self._deliver()
        for why, count in lost.items():
            self._notify(f"not sent: {why}" if count == 1 else f"not sent: {why} ({count} lines)")
        self._print(confirmed)

    async def _catch_up(self, posted: list[Posted]) -> None:
        """Return when everything posted is settled, and the client has been sent the entries up to there."""
        await self._settle(posted)
        if self._lags:
            await self._deliver()

    async def _deliver(self) -> None:
        """Return when the client has been sent all that is durable now."""
        await published(self._context)
        await self._context.pump.delivered(self._client)
        self._lags = False

    async def _print_after(self, posted: list[Posted], rows: Sequence[str]) -> None:
        """Print an answer after everything that was posted before the line that it answers."""
        if rows:
            await self._catch_up(posted)
            self._print(rows)

    async def _send_past(self, question: HistoryQuery | SearchQuery | MentionsQuery) -> None:
        """Print the entries that match page by page, each once the client has taken the one before."""
        await self._print_pages(self._past_answers().rows(question))

    def _past_answers(self) -> PastAnswers:
        self._past = self._past or PastAnswers(self._context, self._client, self._outlet)
        return self._past

    async def _print_pages(self, rows_by_page: AsyncGenerator[Sequence[str], None]) -> None:
        """Print rows page by page, each once the client has taken the one before."""
        try:
            async with aclosing(rows_by_page) as pages:
                async for rows in pages:
                    self._print(rows)
                    await self._flush([])
        except ChatError as error:
            self._notify(error.text)
        except JournalError as error:
            self._notify(f"no history: {error}")

    def _notify(self, text: str) -> None:
        self._outlet.write(encode_notice(text))

    def _print(self, rows: Sequence[str]) -> None:
        if rows:
            self._outlet.write("".join(f"{row}\n" for row in rows).encode())


async def _whole_greeting(peer: Peer, before: bytes, data: bytes) -> bytes:
    """Wait a moment for the rest of a possible IRC log-in. -> `data`, and what came after it"""
    with trio.move_on_after(FIRST_BYTES_TIMEOUT_S):
        while may_become_irc(before + data) and (more := await peer.receive()):
            data += more
    return data


def _must_wait(typed: TypedLine, posted: Sequence[Posted]) -> bool:
    """Tell whether what was posted must be settled first: its entries decide the answer, or its confirmation is due."""
    return asks(typed) or (says(typed) and any(it.confirmation for it in posted))
