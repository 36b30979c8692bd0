"""What goes back and forth between a link and a person, whatever the person sits at."""

import math
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from secrets import token_hex

import trio

from trio_chat.client.line_view.sender import Sender
from trio_chat.client.line_view.surface import Display, Surface
from trio_chat.client.link.events import Answered, Ended, Failed, LinkEvent, Noticed, Refused
from trio_chat.client.link.link import Link
from trio_chat.client.options import PLAIN, ViewOptions
from trio_chat.client.transcript.arrival import Arrival
from trio_chat.client.transcript.narrator import Narrator
from trio_chat.client.transcript.transcript import Row

LEAVE_TIMEOUT_S = 2
"""For what was said last to be acknowledged, when somebody leaves."""

PATIENCE_S = 60
"""How long a pipe that has said everything tries to get back a connection that it has lost."""

ARRIVAL_S = 3
"""How long what is new waits for what was said before one came."""

_HAPPENINGS_PER_PRINT = 64  # of 72 rows each at most, so that keys are not kept waiting by a flood


class Conversation:
    """What goes back and forth between a link and a surface."""

    def __init__(self, link: Link, surface: Surface, narrator: Narrator, wishes: ViewOptions = PLAIN) -> None:
        self._link = link
        self._surface = surface
        self._narrator = narrator
        self._display = Display(surface, narrator.transcript, has_bell=wishes.has_bell)
        self._speaker = Sender(link, surface, narrator, self._display)
        self._arrival = Arrival(
            narrator.room, make_key=partial(token_hex, 16), past=wishes.past if surface.has_person else None
        )
        self._arrived_at = math.inf
        self._untold: list[LinkEvent] = []
        self._patience = trio.CancelScope()
        self._has_spoken = trio.Event()
        self._failures = 0
        self.is_left = False
        """Whether it was the person who ended it."""

    @property
    def unsaid(self) -> int:
        """How many lines were typed and neither kept nor told to the person as failed."""
        return self._speaker.unsaid + sum(isinstance(event, Failed) for event in self._untold)

    @property
    def has_failed(self) -> bool:
        """Whether anything was refused that was to be said."""
        return self._speaker.is_cut_short or self._failures > 0

    async def run(self) -> Ended | None:
        """Converse until the link ends, or until one who leaves has waited long enough."""
        ended: Ended | None = None
        await self._display.tell([self._narrator.begin(self._link)])
        try:
            with self._patience:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._speak)
                    nursery.start_soon(self._leave_in_time, nursery.cancel_scope)
                    ended = await self._listen()
                    nursery.cancel_scope.cancel()
        finally:
            self.is_left = self._surface.stopped.is_set()
            rows = await self._keep_rest()
            with trio.move_on_after(LEAVE_TIMEOUT_S, shield=True), suppress(OSError):
                await self._display.print(rows)
                await self._tell_happenings()
        return ended

    async def _keep_rest(self) -> list[Row]:
        """Put into the outbox what was typed before the end. -> rows still to be printed

        However long the terminal has stood still, this is done: so it prints nothing and has no deadline. It waits only
        for the disk, and a write to that cannot be abandoned anyway.
        """
        with trio.CancelScope(shield=True):
            self._surface.stop()
            rows = await self._speaker.keep_rest()
        happened = self._link.happened()
        self._note(happened)
        self._untold = [event for event in (*self._untold, *happened) if isinstance(event, Failed | Noticed)]
        return rows

    async def _leave_in_time(self, scope: trio.CancelScope) -> None:
        """Where the person leaves, end it all after a while: what they said is mostly acknowledged before that."""
        await self._surface.stopped.wait()
        with trio.move_on_after(LEAVE_TIMEOUT_S):
            await self._has_spoken.wait()
            if self._link.is_connected:
                await trio.sleep_forever()
        scope.cancel()

    async def _speak(self) -> None:
        await self._speaker.run()
        self._set_patience()
        self._link.finish()
        self._has_spoken.set()

    async def _listen(self) -> Ended:
        while True:
            batch = await self._hear()
            self._note(batch)
            self._untold += batch
            await self._tell_happenings()
            self._set_patience()
            if batch and isinstance(batch[-1], Ended):
                return batch[-1]

    async def _hear(self) -> list[LinkEvent]:
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
            columns = self._display.columns
            await self._display.tell([self._narrator.tell(event, self._link, columns=columns) for event in some])
            del self._untold[: len(some)]

    def _note(self, events: Iterable[LinkEvent]) -> None:
        """Count what failed, whether or not there is time to tell it, and see what became of a change of name."""
        for event in events:
            self._failures += isinstance(event, Failed)
            if isinstance(event, Answered | Refused):
                self._speaker.note_answer(event)

    def _set_patience(self) -> None:
        """A pipe that has nothing more to say does not wait for ever for a server that has gone."""
        if not self._speaker.is_over or self._surface.has_prompt or self._link.is_connected:
            self._patience.deadline = math.inf
        else:
            self._patience.deadline = min(self._patience.deadline, trio.current_time() + PATIENCE_S)
