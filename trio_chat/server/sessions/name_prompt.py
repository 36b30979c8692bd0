"""The prompt for a name, before a plain connection becomes a client of a chat for members. It tells nothing else."""

import trio

from trio_chat.chat.answers import NameRequest
from trio_chat.chat.command_table import parse
from trio_chat.chat.commands import COMMANDS
from trio_chat.chat.errors import ChatError
from trio_chat.chat.typed_line import read_line, without_keys
from trio_chat.chat.wording import LATE_HELLO
from trio_chat.journal import JournalError
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.hidden_input import hide_answer, hide_input
from trio_chat.server.sessions.name_questions import TAKEN_BACK, NameQuestion
from trio_chat.server.sessions.name_requests import NEEDS_INVITE, Proven, begin, connection_of, prove_with
from trio_chat.server.sessions.password_prompt import Lines, next_line
from trio_chat.server.sessions.proving_time import ProvingTime
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.server.transport.peer import Peer
from trio_chat.wire.frame_decoder import is_first_frame
from trio_chat.wire.lines import encode_notice
from trio_chat.wire.telnet import TelnetDecoder

NAME_TIMEOUT_S = 60

NAME_TRIES = 5
"""Requests that are refused before the connection is closed."""

_TAKEN_HERE = {name: COMMANDS[name] for name in ("login", "invite", "quit")}


async def ask_name(
    context: SessionContext, peer: Peer, outlet: PeerOutlet, decoder: TelnetDecoder, lines: Lines
) -> Proven | None:
    """Ask until a name is proven. -> None where the client is not admitted

    `lines` are those that have come already, and hold those that come after the proof then. Raises what the peer
    raises.
    """
    prompt = NamePrompt(context, peer, outlet, decoder)
    prompt.say(NEEDS_INVITE)
    with trio.move_on_after(NAME_TIMEOUT_S) as scope:
        while prompt.tries_left:
            await prompt.flush()
            line = await next_line(peer, outlet, decoder, lines, is_hidden=prompt.is_hidden)
            if line is None or prompt.refuse_frames(line) or prompt.is_farewell(line):
                outlet.push(None)
                return None
            if proven := await prompt.take(line, scope):
                return proven
        outlet.push(None)
        return None
    prompt.show()
    prompt.say(f"no name was proven within {NAME_TIMEOUT_S} s")
    outlet.push(None)
    return None


class NamePrompt:
    """The conversation with a connection that is no client yet."""

    def __init__(self, context: SessionContext, peer: Peer, outlet: PeerOutlet, decoder: TelnetDecoder) -> None:
        self._context = context
        self._peer = peer
        self._outlet = outlet
        self._decoder = decoder
        self._question: NameQuestion | None = None
        self._time = ProvingTime()
        self.tries_left = NAME_TRIES

    @property
    def is_hidden(self) -> bool:
        """True while the next line is a secret."""
        return self._question is not None and self._question.is_secret

    def say(self, text: str) -> None:
        """Write a notice, which `flush` sends."""
        self._outlet.write(encode_notice(text))

    def show(self) -> None:
        """Let what is typed be seen again."""
        hide_input(self._outlet, self._decoder, is_hidden=False)

    async def flush(self) -> None:
        """Return when all is sent. Raises what the outlet raises."""
        while not self._outlet.push(None):  # TLS sends one record after the other
            await self._outlet.wait_writable()

    def refuse_frames(self, line: str) -> bool:
        """Refuse the first frame of a client that came too late. -> whether it was one"""
        if not is_first_frame(line):
            return False
        self.show()
        self.say(LATE_HELLO)
        return True

    def is_farewell(self, line: str) -> bool:
        """Tell whether a line leaves, and is not the answer of a question."""
        typed = read_line(line) if self._question is None else None
        return typed is not None and (typed.is_quit or typed.command.lower() == "/quit")

    async def take(self, line: str, scope: trio.CancelScope) -> Proven | None:
        """Take a line as a command, or as the answer of a question. -> the account, once it is proven"""
        question, self._question = self._question, None
        try:
            return await self._take(question, (without_keys(line) if question else line).strip(), scope)
        except ChatError as error:
            self.show()
            self.say(error.text)
            if question and (retry := question.retry_after(error.code)):
                self._pose(retry)
        except JournalError as error:
            self.show()
            self.say(f"nothing can be kept just now: {error}")
        self.tries_left -= 1
        return None

    async def _take(self, question: NameQuestion | None, line: str, scope: trio.CancelScope) -> Proven | None:
        """Take a line that may be refused. Raises ChatError and JournalError."""
        connection = connection_of(self._context, self._peer)
        secret = line
        if question is None:
            question, secret = begin(None, connection, _request_in(line))
            following = None if secret else question
        elif not line:
            raise ChatError("usage", TAKEN_BACK)
        else:
            following = question.next_after(line)
        if following:
            self._pose(following)
            return None
        self.show()
        with self._time.added_to(scope):
            return await prove_with(self._context, connection, question, secret, by=None)

    def _pose(self, question: NameQuestion) -> None:
        self._question = question
        self.say(question.text(hide_answer(self._outlet, self._decoder, is_secret=question.is_secret)))


def _request_in(line: str) -> NameRequest:
    """Read one of the commands that are taken here. Raises ChatError."""
    typed = read_line(line)
    if not typed.command:
        raise ChatError("members", NEEDS_INVITE)
    try:
        command, argument = parse(typed.command, _TAKEN_HERE)
    except ChatError as error:
        raise ChatError("members", NEEDS_INVITE if error.code == "unknown-command" else error.text) from error
    if command.name == "invite":
        return NameRequest("invite", secret=argument)
    name, *secret = argument.split(maxsplit=1)
    return NameRequest("login", name, *secret)
