"""What goes back and forth between a link and a person, whatever the person sits at."""

import os
from collections.abc import AsyncIterator
from typing import Protocol, assert_never

import trio

from trio_chat.client.link import Ended, Happening, LineReceived, Link
from trio_chat.client.transcript import Row, Transcript, paint

LEAVE_TIMEOUT_S = 2
"""For what was said last to go out, and its answer to come in, when somebody leaves."""

_HAPPENINGS_PER_PRINT = 64  # of 72 rows each at most, so that keys are not kept waiting by a flood


class Surface(Protocol):
    """Where a person types and reads: a terminal or a pipe. Iterates over lines to say; its end is their end."""

    @property
    def has_prompt(self) -> bool:
        """Whether lines are typed at a prompt, which clears them when they are taken."""

    @property
    def is_tty(self) -> bool:
        """Whether what is printed ends up on a terminal."""

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
        """End the iteration."""


class Conversation:
    """What goes back and forth between a link and a surface."""

    def __init__(self, link: Link, surface: Surface, transcript: Transcript) -> None:
        self._link = link
        self._surface = surface
        self._transcript = transcript
        self._is_coloured = surface.is_tty and not os.environ.get("NO_COLOR")
        self.is_over = False
        """Whether everything there was to say has been given to the link."""

    async def run(self) -> Ended | None:
        """Converse until the connection ends, or until one who leaves has waited long enough."""
        ended: Ended | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._speak)
            nursery.start_soon(self._leave_in_time, nursery.cancel_scope)
            ended = await self._listen()
            nursery.cancel_scope.cancel()
        return ended

    async def _leave_in_time(self, scope: trio.CancelScope) -> None:
        await self._surface.stopped.wait()
        await trio.sleep(LEAVE_TIMEOUT_S)
        scope.cancel()

    async def _listen(self) -> Ended | None:
        async for batch in self._link:
            for start in range(0, len(batch), _HAPPENINGS_PER_PRINT):
                some = batch[start : start + _HAPPENINGS_PER_PRINT]
                await self._print([row for happening in some for row in self._show(happening)])
            if batch and isinstance(batch[-1], Ended):
                return batch[-1]
        return None

    def _show(self, happening: Happening) -> list[Row]:
        match happening:
            case LineReceived(text):
                return self._transcript.heard(text, columns=self._surface.columns)
            case Ended():
                return []
            case _:
                assert_never(happening)

    async def _speak(self) -> None:
        while not self.is_over and (lines := await anext(self._surface, None)) is not None:
            await self._link.send(*[line async for line in self._sift(lines)])
        self.is_over = True
        await self._link.finish()

    async def _sift(self, lines: list[str]) -> AsyncIterator[str]:
        """Do what is ours to do; yield what is for the server."""
        for line in lines:
            if self._surface.has_prompt:
                await self._print(self._transcript.said(line, columns=self._surface.columns))
            if _is_farewell(line):
                self._quit()
                return
            if line.rstrip() == "/stickers":
                await self._print(self._transcript.stickers(columns=self._surface.columns))
            else:
                yield line

    def _quit(self) -> None:
        self.is_over = True
        if self._surface.has_prompt:
            self._surface.stop()

    async def _print(self, rows: list[Row]) -> None:
        if rows:
            await self._surface.print(paint(rows, is_coloured=self._is_coloured))


def _is_farewell(line: str) -> bool:
    """Tell whether a line leaves, as the server would."""
    return line.rstrip() == "quit()" or (line[:1] == "/" and line[1:].strip().partition(" ")[0].lower() == "quit")
