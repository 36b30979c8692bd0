"""Sessions in lines, for plain clients. What a client said is durable before more is read from it."""

import logging
import sys
from collections.abc import Sequence

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
from trio_chat.chat.commands import execute, nick_in, price_of
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.typed_line import TypedLine, may_hide_command, read_line
from trio_chat.chat.wording import LATE_HELLO, NO_FRAMES, command_meant, notice, who_you_are
from trio_chat.server.sessions.arrivals import Arrival
from trio_chat.server.sessions.asking import ask, must_ask
from trio_chat.server.sessions.blank_lines import BlankLines
from trio_chat.server.sessions.bounds import ANSWERS_BYTES, DELIVERY_AFTER_LEAVE_S, INPUTS_PER_TURN
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.ending import disconnect_reason
from trio_chat.server.sessions.lines_output import LinesOutput
from trio_chat.server.sessions.name_dialogue import NameDialogue
from trio_chat.server.sessions.name_requests import Proven, enter_proven, you_are
from trio_chat.server.sessions.nick_claims import claimed
from trio_chat.server.sessions.read_marks import note_sent
from trio_chat.server.sessions.settling import departed, send_farewell
from trio_chat.server.sessions.throttle import Throttle, pause, pause_unpriced
from trio_chat.server.transport.outlet import NoticeEncoders, PeerOutlet
from trio_chat.server.transport.peer import FIRST_BYTES_TIMEOUT_S, READ_BYTES, Peer, is_silent
from trio_chat.server.transport.sniff import Greeting, GreetingRefusal, classify, may_become_irc
from trio_chat.wire.frame_decoder import is_first_frame, is_hello, is_tell
from trio_chat.wire.lines import CR_SILENCE_S, LineFault, encode_gap, encode_notice
from trio_chat.wire.telnet import TELNET_CURE, TelnetDecoder, TelnetFilter


def _encode_farewell(_reason: CloseReason, text: str) -> bytes:
    return encode_notice(text)


NOTICES = NoticeEncoders(gap=encode_gap, farewell=_encode_farewell)

logger = logging.getLogger(__name__)


async def serve_lines(context: SessionContext, peer: Peer) -> None:
    """Converse in lines until the connection ends. Raises what the peer raises; the peer stays its owner's."""
    outlet, asked = peer.open_outlet(NOTICES), None
    if must_ask(context) and not (asked := await ask(context, peer, outlet)):
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
            await session.run(asked.ahead if asked else (), arrival)
    finally:
        if session is not None:
            session.throttle.leave()
        await context.turnstile.wait_turn()
        note_sent(context, client)
        error = sys.exception() or (None if session is None else session.fault)
        context.chat.disconnect(client, disconnect_reason(outlet, error))
        await send_farewell(context, client, outlet)


def _enter(context: SessionContext, client: Client, outlet: PeerOutlet, proven: Proven) -> Arrival | None:
    """Make a client a place of the account that it has proven, before anything else. -> None if it may not"""
    try:
        return enter_proven(context, client, proven)
    except ChatError as error:
        outlet.write(encode_notice(error.text))
        outlet.push(None)
    return None


class LinesSession:
    """The conversation with a plain client."""

    __slots__ = (
        "_blank_lines",
        "_client",
        "_context",
        "_decoder",
        "_farewell",
        "_has_hinted",
        "_is_known",
        "_is_leaving",
        "_names",
        "_outlet",
        "_output",
        "_peer",
        "_texts",
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
        self._peer = peer
        self._output = LinesOutput(context, client, outlet)
        self._names = NameDialogue(context, client, peer, outlet, decoder, self._output)
        self.throttle = Throttle(context.overdrafts, context.allowances, peer)
        self._blank_lines = BlankLines()
        self._texts: list[str] = []
        """Texts of this read that are not said yet."""
        self._is_known = False
        """True if its first line has shown that it is no HTTP request."""
        self._is_leaving = False
        self._has_hinted = False
        self._farewell = ""
        """The last notice to a client that leaves by a command."""
        self.fault: OSError | None = None
        """The error that ended the input, if one did."""

    async def run(self, ahead: Sequence[str | LineFault], arrival: Arrival | None) -> None:
        """Converse until the client leaves or its input ends; what is owed to it by then is still sent.

        `ahead` are lines that have been read already, and `arrival` is that of a member who has proven their name.
        """
        if arrival:
            await self._names.tell_arrival(arrival, (notice(you_are(self._client)),))
        if ahead or self._decoder.telnet:
            await self._handle(ahead)
        goes_on = False  # what comes next belongs to the read before
        unpriced = 0
        while not self._is_leaving:
            if self._decoder.is_at_cr and await is_silent(self._peer, CR_SILENCE_S):
                await self._handle(self._decoder.end_at_cr())
                goes_on = False
                continue
            await self._peer.receivable()
            data = self._peer.receive_nowait()
            if data:
                if not goes_on:
                    self._blank_lines.forget()
                unpriced = await self._take(data, unpriced)
                goes_on = len(data) >= READ_BYTES or self._decoder.is_in_line
            elif data is not None:
                await self._end_input()
        with trio.move_on_after(DELIVERY_AFTER_LEAVE_S):
            await self._send_what_is_owed()

    async def _take(self, data: bytes, unpriced: int) -> int:
        """Handle what was read, unless it is no chat. -> what `pause_unpriced` is to be given for the next read"""
        if not self._is_known:
            data = await _whole_greeting(self._peer, self._decoder.unfinished, data)
            # A request line that is too long for a line is never seen whole.
            if self._refuse_greeting(self._decoder.unfinished + data):
                self._is_leaving = True
                return unpriced
        lines = self._decoder.feed(data)
        await self._handle(lines)
        return 0 if lines else await pause_unpriced(unpriced, data)

    async def _end_input(self) -> None:
        """Handle what is left at the end of the input."""
        await self._context.turnstile.wait_turn()
        if not self._outlet.fault:  # else it was cut off, and what is left may be half a line
            await self._handle(self._decoder.finish())
        self._is_leaving, self.fault = True, self._outlet.fault

    async def _send_what_is_owed(self) -> None:
        """Send what came up to the leaving of the client, and its farewell."""
        await self._context.pump.delivered(self._client)
        if not self._outlet.fault:
            self._context.chat.disconnect(self._client)
            await departed(self._context, self._client)
            await self._context.pump.delivered(self._client)
        if self._farewell:
            self._output.notify(self._farewell)
            await self._context.pump.delivered(self._client)

    async def _handle(self, inputs: Sequence[str | LineFault]) -> None:
        """Handle lines in their order; return when what they said is durable and their answers are sent.

        Texts that follow each other are said at once, which takes a third of the time.
        """
        if self._decoder.needs_crlf:
            self._outlet.end_in_crlf()
        # Before anything else: after some keys, telnet shows nothing until its command is answered.
        has_answered = self._decoder.telnet is not None and self._answer_telnet(self._decoder.telnet)
        now, names = trio.current_time(), self._names
        is_answer = names.question is not None
        for turn, line in enumerate(inputs, 1):
            typed = None if names.question or isinstance(line, LineFault) else read_line(line)
            price = price_of(self._client, typed) if typed and typed.command else 1
            if wait_s := self.throttle.spend(price, self._context.rate_limit):
                await self._wait_for_turn(wait_s, price)
                now = trio.current_time()
            self._context.chat.record_input(self._client, at=now)
            if names.question:  # before anything else: an answer may be a password
                self._blank_lines.forget()
                await names.take_answer(names.question, line)
            elif names.unasked and not (typed and (typed.command or typed.is_quit)):
                await names.drop_unasked()
            elif typed and isinstance(line, str) and self._is_mere_text(line, typed):
                self._take_text(typed.text)
            else:
                await self._say()
                if not await self._carry_out(line, typed):
                    break
            if turn % INPUTS_PER_TURN == 0:
                await self._say()
                await trio.lowlevel.checkpoint()
        names.unasked = 0
        await self._say()
        if has_answered and (wait_s := self.throttle.spend(1, self._context.rate_limit)):
            await self._wait_for_turn(wait_s, price=1)
        await self._output.flush()
        if len(inputs) == 1 and not (is_answer or self._has_hinted) and isinstance(inputs[0], str):
            await self._hint(inputs[0])

    async def _wait_for_turn(self, wait_s: float, price: float) -> None:
        """Pause before an input of a fast client is handled, and charge it; what came before is said meanwhile."""
        while wait_s:
            await self._say()
            await self._output.flush()
            await pause(wait_s, self._peer)
            wait_s = self.throttle.spend(price, self._context.rate_limit)

    async def _hint(self, line: str) -> None:
        """Tell somebody who typed only `quit` or `help`, once, which command does that."""
        if meant := command_meant(line):
            self._has_hinted = True
            self._output.notify(f'"{line.strip()}" was said as text: {meant}')
            await self._output.flush()

    def _is_mere_text(self, line: str, typed: TypedLine) -> bool:
        """Tell whether a line is text of a client that is known, with nothing in it that needs a closer look."""
        needs_closer_look = typed.command or typed.is_quit or "{" in line or may_hide_command(line, typed)
        return self._is_known and not needs_closer_look

    def _take_text(self, text: str) -> None:
        """Take a text that is to be said, with the blank lines before it, or count it among these."""
        if text.strip():
            self._texts += (*[""] * self._blank_lines.take(), text)
        else:
            self._blank_lines.add()

    async def _say(self) -> None:
        """Say the texts that are not said yet, one entry each."""
        if not self._texts:
            return
        texts, self._texts = self._texts, []
        chat, client = self._context.chat, self._client
        try:
            if receipt := chat.say(client, chat.current_room(client), *texts):
                self._output.add(Posted(receipt, count=len(texts)))
        except ChatError as error:
            await self._output.print_after([notice(error.text)])

    async def _carry_out(self, line: str | LineFault, typed: TypedLine | None) -> bool:
        """Carry out a line that is no mere text. -> whether the client stays"""
        if typed and typed.command:
            if self._client.account:  # it may leave a room
                note_sent(self._context, self._client)
            if self._output.must_catch_up(typed):
                await self._output.catch_up()
        answer = await self._execute_with_claim(line, typed)
        if typed and not typed.command and isinstance(answer, Posted):
            self._blank_lines.take()
        elif typed and not typed.text.strip():
            self._blank_lines.add()
        else:
            self._blank_lines.forget()
        if self._client.departing:
            await self._output.settle()
            await departed(self._context, self._client)
        if isinstance(answer, LeaveChat):
            self._farewell = answer.text
            self._is_leaving = True
            return False
        await self._give(answer)
        if self._outlet.unsent_bytes > ANSWERS_BYTES:
            await self._output.flush()
        return True

    async def _give(self, answer: Answer) -> None:
        """Give an answer after which the client stays."""
        match answer:
            case Posted(lines=rows):
                await self._output.print_after(rows)
                self._output.add(answer)
            case TextReply(rows):
                await self._output.print_after(rows)
            case HistoryQuery() | SearchQuery() | MentionsQuery():
                await self._output.print_past(answer)
            case NameRequest():
                await self._names.request(answer)

    def _answer_telnet(self, telnet: TelnetFilter) -> bool:
        """Answer option negotiation, all of which counts as one line. -> whether there was any"""
        self._is_leaving |= telnet.is_over
        if (reply := telnet.take_reply()) is None:
            return False
        self._outlet.write_bytes(reply)
        return True

    async def _execute_with_claim(self, line: str | LineFault, typed: TypedLine | None) -> Answer:
        """Execute a line; a nick that it takes is claimed first, so that nobody takes it on another server."""
        nick = nick_in(typed) if typed and self._context.chat.nodes.name else ""
        if not nick:
            return self._execute(line, typed)
        try:
            async with claimed(self._context, self._client, nick):
                return self._execute(line, typed)
        except ChatError as error:
            return TextReply((notice(error.text),))

    def _execute(self, line: str | LineFault, typed: TypedLine | None) -> Answer:
        if isinstance(line, LineFault):
            return TextReply((notice(self._text_of(line)),))
        if (not self._is_known or "{" in line) and self._refuse_if_no_chat(line):
            return LeaveChat(text="")
        if "{" in line and is_tell(line):
            return TextReply((notice(NO_FRAMES),))
        try:
            return execute(self._context.chat, self._client, line, typed=typed, blank_lines=self._blank_lines.count)
        except ChatError as error:
            return TextReply((notice(error.text),))

    def _text_of(self, fault: LineFault) -> str:
        is_telnet = self._decoder.telnet is not None and self._decoder.telnet.is_telnet
        return f"{fault.value}: {TELNET_CURE}" if is_telnet and fault is LineFault.NOT_UTF8 else fault.value

    def _refuse_if_no_chat(self, line: str) -> bool:
        """Refuse a line of a client that was too slow to be recognised by its first bytes. -> whether it was refused"""
        is_late = is_hello if self._is_known else is_first_frame
        if is_late(line):  # a hello may have a password or a session secret, which nobody else may read
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


async def _whole_greeting(peer: Peer, before: bytes, data: bytes) -> bytes:
    """Wait a moment for the rest of a possible IRC log-in. -> `data`, and what came after it"""
    with trio.move_on_after(FIRST_BYTES_TIMEOUT_S):
        while may_become_irc(before + data) and (more := await peer.receive()):
            data += more
    return data
