"""What a person types, on its way to the link: said, asked, or done here."""

from collections import deque
from collections.abc import Iterable
from typing import assert_never

import trio

from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY
from trio_chat.chat.wording import topic_of, who_you_are
from trio_chat.client.line_view.surface import Display, Surface, complain
from trio_chat.client.link.events import Answered, Question, Refused, Speech
from trio_chat.client.link.link import Link
from trio_chat.client.link.names import room_name
from trio_chat.client.transcript.input import Ignore, Local, help_lines, meaning_of, written_out
from trio_chat.client.transcript.narrator import Narrator
from trio_chat.client.transcript.transcript import Row
from trio_chat.wire import frames

_LINES_PER_SAY = 500  # one commit


class Sender:
    """Takes lines from a surface until there are no more, or nothing more is to be said."""

    def __init__(self, link: Link, surface: Surface, narrator: Narrator, display: Display) -> None:
        self._link = link
        self._surface = surface
        self._narrator = narrator
        self._display = display
        self._lines: deque[str] = deque()
        self._speeches: list[Speech] = []
        self._is_named = trio.Event()
        self._is_named.set()
        self.is_over = False
        """Whether everything there was to say has been given to the link."""
        self.is_cut_short = False
        """Whether what was left is not said, because it would have been under another name."""

    @property
    def unsaid(self) -> int:
        """How many lines were typed and neither said nor refused."""
        return len(self._lines) + len(self._speeches)

    async def run(self) -> None:
        """Speak until it is over."""
        while not self.is_over and (lines := await anext(self._surface, None)) is not None:
            lines = self._written_out(lines)
            self._lines += lines
            if self._surface.has_prompt:
                await self._echo(lines)
            await self._execute_all()
        self.is_over = True

    async def keep_rest(self) -> list[Row]:
        """Give the link what was typed before the end, waiting for nothing but the disk. -> rows still to be printed

        What a pipe still holds is as good as not read.
        """
        rows: list[Row] = []
        if not self._surface.has_prompt:
            return rows
        while (lines := await anext(self._surface, None)) is not None:
            self._lines += self._written_out(lines)
        while self._lines and not self.is_over:
            rows += await self._execute_next(is_patient=False)
        if not self.is_over:
            await self._say(is_patient=False)
        return rows

    def note_answer(self, answer: Answered | Refused) -> None:
        """What is read from a file is said under no other name than it asks for."""
        if not isinstance(answer.question, frames.Nick):
            return
        if isinstance(answer, Refused) and not self._surface.is_typed:
            complain(f"{answer.reason}: nothing behind that was said")
            self._lines.clear()
            self.is_over = self.is_cut_short = True
        self._is_named.set()

    def _written_out(self, lines: Iterable[str]) -> list[str]:
        """Write out what depends on what was heard last, so that the person sees to whom it goes."""
        return [written_out(line, self._narrator.people.last_writer) for line in lines]

    async def _echo(self, lines: Iterable[str]) -> None:
        columns = self._display.columns
        await self._display.print([row for line in lines for row in self._narrator.said(line, columns=columns)])

    async def _execute_all(self) -> None:
        """Say and ask what was typed, and do what is ours to do."""
        while self._lines and not self.is_over:
            await self._display.print(await self._execute_next(is_patient=True))
            await self._is_named.wait()
        await self._say(is_patient=True)

    async def _execute_next(self, *, is_patient: bool) -> list[Row]:
        """Execute the next line; one that says something is only collected. -> rows to print

        Whatever ends the waiting, the line is either still there or executed.
        """
        try:
            meaning = meaning_of(self._lines[0], self._narrator.room)
        except ChatError as error:
            self._lines.popleft()
            return self._display.transcript.notice(error.text)
        if isinstance(meaning, Speech):
            self._lines.popleft()
            self._speeches.append(meaning)
            return []
        await self._say(is_patient=is_patient)
        self._lines.popleft()
        if isinstance(meaning, Local):
            return self._do(meaning)
        if isinstance(meaning, Ignore):
            return self._display.transcript.notice(self._ignore(meaning))
        self._ask(meaning)
        return []

    async def _say(self, *, is_patient: bool) -> None:
        """Say what has come together, where patient when there is space for it.

        A file waits for that as long as it takes, a person only while there is a connection. Nothing is forgotten
        before it is said, whatever ends the waiting.
        """
        while some := self._speeches[:_LINES_PER_SAY]:
            if is_patient:
                await self._link.space(len(some), is_patient=not self._surface.has_prompt)
            await self._link.say(*some)
            del self._speeches[:_LINES_PER_SAY]

    def _ask(self, question: Question) -> None:
        """Ask, and be where one wants to be at once: what is typed next belongs there.

        Who reads from a file waits for a name.
        """
        self._link.ask(question)
        match question:
            case frames.Join(room=room):
                self._narrator.room = room_name(room)
            case frames.Leave():
                self._narrator.room = LOBBY
                if LOBBY not in self._link.rooms:
                    self._link.ask(frames.Join(room=LOBBY))
            case frames.Nick() if not self._surface.is_typed:
                self._is_named = trio.Event()

    def _ignore(self, ignore: Ignore) -> str:
        """Ignore somebody, or no longer. -> what to tell the person"""
        people, name = self._narrator.people, ignore.name
        if not name:
            return f"you ignore {', '.join(f'[{ignored}]' for ignored in people.ignored) or 'nobody'}"
        if ignore.is_over:
            return f"you see again what [{name}] says" if people.heed(name) else f"you did not ignore [{name}]"
        people.ignore(name)
        return f"you see nothing more of what [{name}] says, until you /unignore {name}"

    def _do(self, local: Local) -> list[Row]:
        transcript, room = self._display.transcript, self._narrator.room
        match local:
            case Local.QUIT:
                self._quit()
                return []
            case Local.STICKERS:
                return transcript.stickers(columns=self._display.columns)
            case Local.HELP:
                return [row for line in help_lines() for row in transcript.plain(line)]
            case Local.TOPIC:
                return transcript.notice(topic_of(room, self._link.rooms.get(room, "")))
            case Local.NICK:
                return transcript.notice(who_you_are(self._link.label))
            case _:
                assert_never(local)

    def _quit(self) -> None:
        self.is_over = True
        if self._surface.has_prompt:
            self._surface.stop()
