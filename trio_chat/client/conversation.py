"""What goes back and forth between a link and a person, whatever the person sits at."""

import math
import os
import sys
from collections import deque
from contextlib import suppress
from typing import Protocol

import trio

from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY
from trio_chat.chat.text import clean
from trio_chat.chat.wording import topic_of, who_you_are
from trio_chat.client.arrival import Arrival
from trio_chat.client.happenings import Answered, Ended, Failed, Happening, Noticed, Question, Refused, Speech
from trio_chat.client.link import Link
from trio_chat.client.names import room_name
from trio_chat.client.narrator import Narrator, Told
from trio_chat.client.transcript import Row, paint
from trio_chat.client.typed import Ignore, Local, help_lines, meaning_of, written_out
from trio_chat.client.wishes import PLAIN, Wishes
from trio_chat.wire import frames

LEAVE_TIMEOUT_S = 2
"""For what was said last to be acknowledged, when somebody leaves."""

PATIENCE_S = 60
"""How long a pipe that has said everything tries to get back a connection that it has lost."""

ARRIVAL_S = 3
"""How long what is new waits for what was said before one came."""

_BELL = "\a"

_LINES_PER_SAY = 500  # one commit
_HAPPENINGS_PER_PRINT = 64  # of 72 rows each at most, so that keys are not kept waiting by a flood


class Surface(Protocol):
    """Where a person types and reads: a terminal or a pipe. Iterates over lines to say; its end is their end."""

    @property
    def has_prompt(self) -> bool:
        """Whether lines are typed at a prompt, which clears them when they are taken."""

    @property
    def has_person(self) -> bool:
        """Whether somebody sits at it, who wants to be told where they are."""

    @property
    def has_colours(self) -> bool:
        """Whether it can show colours."""

    @property
    def is_typed(self) -> bool:
        """Whether somebody types, and is not read from a file or a pipe."""

    @property
    def draft(self) -> str:
        """What is being typed."""

    @property
    def columns(self) -> int | None:
        """How wide it is."""

    @property
    def refused(self) -> int:
        """How many lines could not be said."""

    @property
    def stopped(self) -> trio.Event:
        """Set when the person wants to leave now; the end of a file does not set it."""

    async def __anext__(self) -> list[str]: ...

    async def print(self, text: str) -> None:
        """Print, and return when that is done."""

    def stop(self) -> None:
        """End the iteration, after what was typed already."""


class Conversation:
    """What goes back and forth between a link and a surface."""

    def __init__(self, link: Link, surface: Surface, narrator: Narrator, wishes: Wishes = PLAIN) -> None:
        self._link = link
        self._surface = surface
        self._narrator = narrator
        self._is_coloured = surface.has_colours and not os.environ.get("NO_COLOR")
        self._has_bell = wishes.has_bell and surface.has_person
        self._patience = trio.CancelScope()
        self._arrival = Arrival(narrator.room, past=wishes.past if surface.has_person else None)
        self._arrived_at = math.inf
        self._lines: deque[str] = deque()
        self._speeches: list[Speech] = []
        self._untold: list[Happening] = []
        self._has_spoken = trio.Event()
        self._is_named = trio.Event()
        self.failed = 0
        """How many lines were refused."""
        self.is_over = False
        """Whether everything there was to say has been given to the link."""
        self.is_left = False
        """Whether it was the person who ended it."""

    @property
    def unsaid(self) -> int:
        """How many lines were typed and neither said nor refused."""
        return len(self._lines) + len(self._speeches)

    async def run(self) -> Ended | None:
        """Converse until the link ends, or until one who leaves has waited long enough."""
        ended: Ended | None = None
        await self._tell([self._narrator.begin(self._link)])
        try:
            with self._patience:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._speak)
                    nursery.start_soon(self._leave_in_time, nursery.cancel_scope)
                    ended = await self._listen()
                    nursery.cancel_scope.cancel()
        finally:
            self.is_left = self._surface.stopped.is_set()
            with trio.move_on_after(LEAVE_TIMEOUT_S, shield=True), suppress(OSError):
                await self._wind_up()
        return ended

    async def _wind_up(self) -> None:
        """Put into the outbox what was typed before the end, and tell what could not be: both are done here, at once.

        What a pipe still holds is as good as not read.
        """
        self._surface.stop()
        while self._surface.has_prompt and (lines := await anext(self._surface, None)) is not None:
            self._lines += self._written_out(lines)
        while self._surface.has_prompt and self.unsaid and not self.is_over:
            with suppress(OSError):  # a terminal that has gone cannot show what is kept all the same
                await self._take(is_patient=False)
        self._untold += self._link.happened()
        self._untold = [happening for happening in self._untold if isinstance(happening, Failed | Noticed)]
        await self._tell_happenings()

    async def _leave_in_time(self, scope: trio.CancelScope) -> None:
        """Where the person leaves, end it all after a while: what they said is mostly acknowledged before that."""
        await self._surface.stopped.wait()
        with trio.move_on_after(LEAVE_TIMEOUT_S):
            await self._has_spoken.wait()
            if self._link.is_connected:
                await trio.sleep_forever()
        scope.cancel()

    async def _listen(self) -> Ended:
        while True:
            batch = await self._hear()
            self._untold += batch
            await self._tell_happenings()
            self._set_patience()
            if batch and isinstance(batch[-1], Ended):
                return batch[-1]

    async def _hear(self) -> list[Happening]:
        """Wait for what is to be told. What is new waits for what was said before it, but not for long."""
        with trio.move_on_at(self._arrived_at):
            batch = await anext(self._link)
            self._narrator.people.note(batch, self._link.label)
            batch = self._arrival.sift(batch, self._link)
            for question in self._arrival.questions():
                self._arrived_at = trio.current_time() + ARRIVAL_S
                self._link.ask(question)
            return batch
        self._arrived_at = math.inf
        return self._arrival.give_up()

    async def _tell_happenings(self) -> None:
        while some := self._untold[:_HAPPENINGS_PER_PRINT]:
            del self._untold[:_HAPPENINGS_PER_PRINT]
            await self._tell([self._narrate(happening) for happening in some])

    def _narrate(self, happening: Happening) -> Told:
        self.failed += isinstance(happening, Failed)
        if isinstance(happening, Answered | Refused) and isinstance(happening.question, frames.Nick):
            if isinstance(happening, Refused) and not self._surface.is_typed:
                self._say_no_more(happening.reason)
            self._is_named.set()
        return self._narrator.tell(happening, self._link, columns=self._surface.columns)

    def _set_patience(self) -> None:
        """A pipe that has nothing more to say does not wait for ever for a server that has gone."""
        if not self.is_over or self._surface.has_prompt or self._link.is_connected:
            self._patience.deadline = float("inf")
        else:
            self._patience.deadline = min(self._patience.deadline, trio.current_time() + PATIENCE_S)

    async def _speak(self) -> None:
        while not self.is_over and (lines := await anext(self._surface, None)) is not None:
            lines = self._written_out(lines)
            self._lines += lines
            if self._surface.has_prompt:
                await self._echo(lines)
            await self._take(is_patient=True)
        self.is_over = True
        self._set_patience()
        self._link.finish()
        self._has_spoken.set()

    def _written_out(self, lines: list[str]) -> list[str]:
        """Write out what depends on what was heard last, so that the person sees to whom it goes."""
        return [written_out(line, self._narrator.people.last_writer) for line in lines]

    async def _echo(self, lines: list[str]) -> None:
        columns = self._surface.columns
        await self._print([row for line in lines for row in self._narrator.said(line, columns=columns)])

    async def _take(self, *, is_patient: bool) -> None:
        """Say and ask what was typed, and do what is ours to do."""
        while self._lines and not self.is_over:
            try:
                meaning = meaning_of(self._lines.popleft(), self._narrator.room)
            except ChatError as error:
                await self._print(self._narrator.transcript.notice(error.text))
                continue
            if isinstance(meaning, Speech):
                self._speeches.append(meaning)
                continue
            await self._say(is_patient=is_patient)
            if isinstance(meaning, Local):
                await self._do(meaning)
            elif isinstance(meaning, Ignore):
                await self._print(self._narrator.transcript.notice(self._ignore(meaning)))
            else:
                self._ask(meaning)
                if isinstance(meaning, frames.Nick) and not self._surface.is_typed:
                    await self._be_named()
        await self._say(is_patient=is_patient)

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
        """Ask, and be where one wants to be at once: what is typed next belongs there."""
        self._link.ask(question)
        if isinstance(question, frames.Join):
            self._narrator.room = room_name(question.room)
        elif isinstance(question, frames.Leave):
            self._narrator.room = LOBBY
            if LOBBY not in self._link.rooms:
                self._link.ask(frames.Join(room=LOBBY))

    async def _be_named(self) -> None:
        """Return when that is answered: what is read from a file is said under no other name than it asks for."""
        self._is_named = trio.Event()
        await self._is_named.wait()

    def _say_no_more(self, reason: str) -> None:
        print(f"trio-chat: {clean(reason)}: nothing behind that was said", file=sys.stderr)
        self._lines.clear()
        self.failed += 1
        self.is_over = True

    def _ignore(self, ignore: Ignore) -> str:
        """Ignore somebody, or no longer. -> what to tell the person"""
        people, name = self._narrator.people, ignore.name
        if not name:
            return f"you ignore {', '.join(f'[{ignored}]' for ignored in people.ignored) or 'nobody'}"
        if ignore.is_over:
            return f"you see again what [{name}] says" if people.heed(name) else f"you did not ignore [{name}]"
        people.ignore(name)
        return f"you see nothing more of what [{name}] says, until you /unignore {name}"

    async def _do(self, local: Local) -> None:
        transcript, room = self._narrator.transcript, self._narrator.room
        match local:
            case Local.QUIT:
                self._quit()
            case Local.STICKERS:
                await self._print(transcript.stickers(columns=self._surface.columns))
            case Local.HELP:
                await self._print([row for line in help_lines() for row in transcript.plain(line)])
            case Local.TOPIC:
                await self._print(transcript.notice(topic_of(room, self._link.rooms.get(room, ""))))
            case Local.NICK:
                await self._print(transcript.notice(who_you_are(self._link.label)))

    def _quit(self) -> None:
        self.is_over = True
        if self._surface.has_prompt:
            self._surface.stop()

    async def _tell(self, told: list[Told]) -> None:
        """Print what happened in the chat. What the client has to say is for people: on a pipe it goes to stderr."""
        transcript = self._narrator.transcript
        rows: list[Row] = []
        for some in told:
            rows += some.rows
            if self._surface.has_person:
                asides = (some.greeting, *some.asides) if some.greeting else some.asides
                rows += [row for aside in asides for row in transcript.notice(aside)]
            else:
                for aside in some.asides:
                    print(f"trio-chat: {clean(aside)}", file=sys.stderr)
        await self._print(rows, has_bell=self._has_bell and any(some.is_call for some in told))

    async def _print(self, rows: list[Row], *, has_bell: bool = False) -> None:
        if rows:
            await self._surface.print(paint(rows, is_coloured=self._is_coloured) + (_BELL if has_bell else ""))
