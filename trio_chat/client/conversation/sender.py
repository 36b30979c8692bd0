"""Sends what a person types: messages and questions to the link, local commands to the display."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from secrets import token_hex
from typing import assert_never

import trio
from msgspec.structs import replace

from trio_chat.chat.accounts.account import KEY_TYPE
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY
from trio_chat.chat.text import clean
from trio_chat.chat.wording import topic_of, who_you_are
from trio_chat.client.conversation.surface import Display, Surface, print_error
from trio_chat.client.conversation.typed_drafts import room_of_line
from trio_chat.client.link.events import Answered, Disconnected, LinkEvent, Message, Question, Refused, lines_of
from trio_chat.client.link.link import Link
from trio_chat.client.link.names import room_name
from trio_chat.client.link.signing import SigningError
from trio_chat.client.transcript.input import (
    CommandHelp,
    CommandMeaning,
    Ignore,
    Local,
    LogIn,
    Meaning,
    MuteRoom,
    help_lines,
    help_of,
    meaning_of,
)
from trio_chat.client.transcript.narrator import Narrator
from trio_chat.client.transcript.paste import LINES_UNASKED, lines_in, message_of_pipe, messages_in, with_blank_lines
from trio_chat.client.transcript.rows import Row
from trio_chat.client.transcript.typed_forms import expand_reply
from trio_chat.client.transcript.typed_secrets import takes_secret, without_secret
from trio_chat.wire import frames

_MESSAGES_PER_COMMIT = 500

NOT_IN_THE_CLEAR = (
    "a password is not sent here, since others could read it on the way: join with --tls, or prove your name by a key"
)


class Sender:
    """Takes lines from a surface and acts on them, until there are no more or the person leaves."""

    def __init__(
        self,
        link: Link,
        surface: Surface,
        narrator: Narrator,
        display: Display,
        *,
        takes_commands: bool = True,
        remember: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Unless it `takes_commands`, every line is text. `remember` is called with each line that is typed."""
        self._remember = remember
        self._link = link
        self._surface = surface
        self._narrator = narrator
        self._display = display
        self._takes_commands = takes_commands
        self._lines: deque[str] = deque()
        self._messages: list[Message] = []
        self._given: set[int] = set()
        """The `id()` of the messages that are being handed to the link: only it can take them back."""
        self._typed_waiters = trio.lowlevel.ParkingLot()
        self._is_burst = False
        self.pasted: set[str] = set()
        """Keys of the messages that Ctrl-C takes back: those of several lines, and many that came at once. Lines that
        were typed one by one are none, however long they have waited."""
        self._is_nick_settled = trio.Event()
        self._is_nick_settled.set()
        self._holding: dict[str, str] = {}
        """The unanswered commands behind which the surface holds back what is typed, by the keys of their requests."""
        self._log_in = ""
        """The command to log in by a key that is not answered yet; what is typed behind it is held back, too."""
        self.is_over = False
        """True if nothing more is sent."""
        self.is_cut_short = False
        """True if the rest was left out, because it would have been said under another name."""

    @property
    def has_paste(self) -> bool:
        """True if there is a paste that the link has not been given yet."""
        return any("\n" in line for line in self._lines) or any(it.key in self.pasted for it in self._messages)

    @property
    def unsent_count(self) -> int:
        """Number of lines that were typed and neither given to the link nor refused."""
        return len(self._lines) + sum(len(lines_of(message)) for message in self._messages)

    async def run(self) -> None:
        """Send until the end."""
        while not self.is_over and (lines := await anext(self._surface, None)) is not None:
            self._lines += self._expand(lines)
            self._is_burst = len(lines) > LINES_UNASKED
            self.pasted &= {message.key for message in self._link.pending} if self.pasted else set()
            await self._execute_all()
            self._typed_waiters.unpark_all()
        self.is_over = True

    async def wait_for_typed(self) -> None:
        """Wait until the next line that is typed has been executed."""
        await self._typed_waiters.park()

    async def keep_rest(self) -> list[Row]:
        """Give the link all lines read before the end, waiting only for the disk. -> rows still to be printed"""
        rows: list[Row] = []
        while (lines := await anext(self._surface, None)) is not None:
            self._lines += self._expand(lines)
        while self._lines and not self.is_over and self._is_nick_settled.is_set():
            rows += await self._execute_next(waits_for_space=False)
        if not self.is_over:
            await self._say(waits_for_space=False)
        return rows

    def handle_answer(self, answer: Answered | Refused) -> None:
        """Go on after an answer: to `/nick`, since a file is only sent under its name, or to one with a secret."""
        if answer.question and (line := self._holding.pop(answer.question.key, "")):
            self._surface.end_hold(line)
        if not isinstance(answer.question, frames.Nick):
            return
        if isinstance(answer, Refused) and not self._surface.is_typed:
            print_error(f"{answer.reason}: nothing after that was sent")
            self._lines.clear()
            self.is_over = self.is_cut_short = True
        self._is_nick_settled.set()

    def follow_log_in(self, events: Iterable[LinkEvent]) -> None:
        """Go on after the answer to a log-in by a key; where that was refused, with the question for a password."""
        is_lost = any(isinstance(event, Disconnected) for event in events)
        is_answered = self._link.is_connected and not self._link.is_logging_in
        if self._log_in and (is_lost or is_answered):
            line, self._log_in = self._log_in, ""
            self._surface.end_hold(line, asks=not is_lost and not self._link.account)

    def _expand(self, lines: Iterable[str]) -> list[str]:
        """Return typed lines without blank ones, with `/reply` expanded, so that the person sees its recipient.

        Each is remembered as it was typed. Lines of a pipe are text: they keep the blank lines between them.
        """
        if not self._takes_commands:
            return list(with_blank_lines(lines))
        lines = [line for line in lines if clean(line).strip()]
        for line in lines:
            self._remember(line)
        return [expand_reply(line, self._narrator.people.last_writer) for line in lines]

    def _echo(self, line: str) -> list[Row]:
        """Render a command, which no entry will show. -> rows, only where there is a prompt that has cleared it"""
        if not self._surface.has_prompt or "\n" in line:
            return []
        return self._narrator.echo(line, columns=self._display.columns)

    def drop_pasted(self) -> int:
        """Drop the messages of pastes that the link has not been given. -> the number of their lines"""
        drafts = [line for line in self._lines if "\n" in line]
        self._lines = deque(line for line in self._lines if "\n" not in line)
        dropped = [it for it in self._messages if it.key in self.pasted and id(it) not in self._given]
        self._messages = [it for it in self._messages if it.key not in self.pasted or id(it) in self._given]
        return sum(len(lines_of(message)) for message in dropped) + sum(len(lines_in(draft)) for draft in drafts)

    def _with_paste_keys(self, messages: list[Message]) -> list[Message]:
        """Return messages, those of a paste with keys that are noted in `pasted`."""
        if not self._is_burst and sum(len(lines_of(message)) for message in messages) < 2:
            return messages
        keyed = [replace(message, key=token_hex(16)) for message in messages]
        self.pasted |= {message.key for message in keyed}
        return keyed

    async def _execute_all(self) -> None:
        """Execute the lines that were typed, in order."""
        while self._lines and not self.is_over:
            rows = await self._execute_next(waits_for_space=True)
            await self._display.print(rows)
            await self._is_nick_settled.wait()
        await self._say(waits_for_space=True)

    async def _execute_next(self, *, waits_for_space: bool) -> list[Row]:
        """Execute the next line; one that says something is only collected. -> rows to print

        If the wait is cancelled, the line is either still there or executed.
        """
        line = str(self._lines[0])
        rows = await self._execute_line(line, waits_for_space=waits_for_space)
        if takes_secret(line) and line != self._log_in and line not in self._holding.values():
            self._surface.end_hold(line)
        return rows

    async def _execute_line(self, line: str, *, waits_for_space: bool) -> list[Row]:
        """Collect the messages of the next line, or send those collected and run its command. -> rows to print"""
        try:
            meaning = self._meaning_of(line, room_of_line(self._lines[0], self._narrator.room))
        except ChatError as error:
            self._lines.popleft()
            return [*self._echo(line), *self._display.transcript.notice(error.text)]
        if isinstance(meaning, list | Message):
            self._lines.popleft()
            self._messages += self._with_paste_keys([*meaning] if isinstance(meaning, list) else [meaning])
            return []
        await self._say(waits_for_space=waits_for_space)
        self._lines.popleft()
        return await self._run(meaning, line)

    async def _run(self, command: CommandMeaning, line: str) -> list[Row]:
        """Run a command, typed as `line`. -> rows to print"""
        rows = self._echo(line)
        match command:
            case Local.CANCEL:
                return rows + await self._cancel()
            case Local.ADD_KEY:
                return rows + await self._add_own_key()
            case Local.HELP | Local.STICKERS:
                await self._display.print(rows)
                await self._display.print_listing(partial(self._listing, command))
                return []
            case Local():
                return rows + self._run_local(command)
            case CommandHelp(name=name):
                return rows + self._display.transcript.plain(help_of(name))
            case LogIn():
                return rows + self._begin_log_in(command, line)
            case Ignore():
                return rows + self._display.transcript.notice(self._ignore(command))
            case MuteRoom():
                return rows + self._display.transcript.notice(self._mute(command))
            case frames.RunCommand() if without_secret(line) != line and not self._link.may_send_password:
                return rows + self._display.transcript.notice(NOT_IN_THE_CLEAR)
            case _:
                await self._display.print(rows)
                self._ask_about(command, line)
                return []

    def _ask_about(self, question: Question, line: str) -> None:
        """Ask the server. What is typed behind a line with a secret is held back until the answer comes."""
        if takes_secret(line):
            question = replace(question, key=token_hex(16))
            self._holding[question.key] = line
        self._ask(question)

    def _begin_log_in(self, wanted: LogIn, line: str) -> list[Row]:
        """Connect again, to prove a name. -> rows, where that cannot be done"""
        why_not = self._link.log_in(wanted.name, invite=wanted.invite)
        self._log_in = "" if why_not else line
        return self._display.transcript.notice(why_not) if why_not else []

    async def _cancel(self) -> list[Row]:
        """Take back all messages that wait. -> rows, where no event tells of that"""
        if await self._link.cancel():
            return []
        return self._display.transcript.notice("no line is waiting to be sent")

    async def _add_own_key(self) -> list[Row]:
        """Add the key of this client to the name, and make it if there is none. -> rows"""
        try:
            line = f"/key add {KEY_TYPE} {await self._link.own_key()}"
        except SigningError as error:
            return self._display.transcript.notice(str(error))
        self._ask(frames.RunCommand(room=self._narrator.room, line=line))
        return []

    def _meaning_of(self, line: str, room: str) -> Meaning | list[frames.Say]:
        """Return the meaning of a line, or the messages of a draft of several lines. Raises ChatError."""
        if not self._takes_commands:
            return message_of_pipe(line, room)
        return messages_in(line, room) if "\n" in line else meaning_of(line, room, time.time())

    async def _say(self, *, waits_for_space: bool) -> None:
        """Give the collected messages to the link; if `waits_for_space`, when there is space for them.

        A file waits without limit, a person only while there is a connection. Nothing is dropped before the link has
        it, even if the wait is cancelled.
        """
        while self._messages:
            if waits_for_space:
                count = min(len(self._messages), _MESSAGES_PER_COMMIT)
                await self._link.wait_for_space(count, is_persistent=not self._surface.has_prompt)
            batch = self._messages[:_MESSAGES_PER_COMMIT]  # a paste may have been taken back meanwhile
            self._given = set(map(id, batch))
            try:
                await self._link.say(*batch)
                self._messages = [message for message in self._messages if id(message) not in self._given]
            finally:
                self._given = set()

    def _ask(self, question: Question) -> None:
        """Ask the server. A room to be joined is the current one at once: the next line typed belongs there."""
        self._link.ask(question)
        match question:
            case frames.Join(room=room):
                self._narrator.room = room_name(room)
            case frames.Leave(room=room) if room == self._narrator.room:
                self._narrator.room = LOBBY
                if LOBBY not in self._link.rooms:
                    self._link.ask(frames.Join(room=LOBBY))
            case frames.Nick() if not self._surface.is_typed:
                self._is_nick_settled = trio.Event()

    def _ignore(self, ignore: Ignore) -> str:
        """Ignore somebody, or stop ignoring them. -> the notice for the person"""
        people, name = self._narrator.people, ignore.name
        if not name:
            return f"you are ignoring {', '.join(f'[{ignored}]' for ignored in people.ignored.names) or 'nobody'}"
        if not ignore.is_over:
            people.ignore(name)
            text = f"you are ignoring [{name}], until you /unignore {name}"
        elif people.ignored.remove(name):
            text = f"you are no longer ignoring [{name}]"
        else:
            text = f"you were not ignoring [{name}]"
        if self._link.account:
            self._link.keep_ignored(people.ignored.names)
        return text

    def _mute(self, mute: MuteRoom) -> str:
        """Mute a room, or no longer. -> the notice for the person"""
        muted, room = self._narrator.muted, mute.room
        if mute.is_over:
            return f"#{room} is not muted any more" if muted.remove(room) else f"#{room} is not muted"
        muted.add_all([room])
        return f"#{room} is muted, until you /unmute {room}: only mentions of you count there"

    def _run_local(self, local: Local) -> list[Row]:
        """Run a command that has nothing to wait for. -> rows to print"""
        transcript, room = self._display.transcript, self._narrator.room
        match local:
            case Local.QUIT:
                self._quit()
                return []
            case Local.TOPIC:
                return transcript.notice(topic_of(room, self._link.rooms.get(room, "")))
            case Local.NICK:
                return transcript.notice(who_you_are(self._narrator.label))
            case Local.CANCEL | Local.ADD_KEY | Local.HELP | Local.STICKERS:
                return []
            case _:
                assert_never(local)

    def _listing(self, local: Local, columns: int | None) -> list[Row]:
        """Lay out the list of commands, or that of stickers, for so many columns."""
        transcript = self._display.transcript
        if local is Local.STICKERS:
            return transcript.stickers(columns=columns)
        return [row for line in help_lines(self._surface.keys, columns=columns) for row in transcript.plain(line)]

    def _quit(self) -> None:
        self.is_over = True
        if self._surface.has_prompt:
            self._surface.stop()
