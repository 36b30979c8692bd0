"""What a person sits at, and how it is printed on."""

import os
import sys
from collections.abc import Sequence
from typing import Protocol

import trio

from trio_chat.chat.text import clean
from trio_chat.client.transcript.narrator import RenderedOutput
from trio_chat.client.transcript.transcript import Row, Transcript, paint

_BELL = "\a"


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


class Display:
    """Prints on a surface, in colours where it has them and they are wanted."""

    def __init__(self, surface: Surface, transcript: Transcript, *, has_bell: bool = False) -> None:
        self.transcript = transcript
        self._surface = surface
        self._is_coloured = surface.has_colours and not os.environ.get("NO_COLOR")
        self._has_bell = has_bell and surface.has_person

    @property
    def columns(self) -> int | None:
        """How wide it is."""
        return self._surface.columns

    async def print(self, rows: list[Row], *, is_call: bool = False) -> None:
        """Print rows; where one `is_call`, with the bell. Raises OSError where nothing can be printed any more."""
        if rows:
            bell = _BELL if is_call and self._has_bell else ""
            await self._surface.print(paint(rows, is_coloured=self._is_coloured) + bell)

    async def notice(self, text: str) -> None:
        """Print something that the client itself says."""
        await self.print(self.transcript.notice(text))

    async def tell(self, told: Sequence[RenderedOutput]) -> None:
        """Print what happened in the chat. What the client has to say is for people: on a pipe it goes to stderr."""
        rows: list[Row] = []
        for some in told:
            rows += some.rows
            if self._surface.has_person:
                asides = (some.greeting, *some.asides) if some.greeting else some.asides
                rows += [row for aside in asides for row in self.transcript.notice(aside)]
            else:
                for aside in some.asides:
                    complain(aside)
        await self.print(rows, is_call=any(some.is_call for some in told))


def complain(text: str) -> None:
    """Say on stderr what went wrong. The words may be those of a hostile server."""
    print(f"trio-chat: {clean(text)}", file=sys.stderr)
