"""The surface that a person uses, and the display that shows them rows: a view has both."""

import sys
from collections.abc import Callable, Sequence
from typing import Protocol

import trio

from trio_chat.chat.text import clean
from trio_chat.client.transcript.rendered import RenderedOutput
from trio_chat.client.transcript.rows import Row
from trio_chat.client.transcript.transcript import Transcript


class Surface(Protocol):
    """A terminal or a pipe. Iterates over the lines that are typed or piped."""

    @property
    def has_prompt(self) -> bool:
        """True if lines are typed at a prompt, which clears them when they are taken."""

    @property
    def keys(self) -> Sequence[tuple[str, str]]:
        """The keys that `/help` lists, each with its effect."""

    @property
    def has_person(self) -> bool:
        """True if a person reads it."""

    @property
    def has_colours(self) -> bool:
        """True if it can show colours."""

    @property
    def is_typed(self) -> bool:
        """True if lines are typed by a person, not read from a file or a pipe."""

    @property
    def last_key_at(self) -> float:
        """The time of the last key, in seconds since 1970; that of now where keys are not seen."""

    @property
    def draft(self) -> str:
        """The draft: the line being typed."""

    @property
    def columns(self) -> int | None:
        """Width in columns; None where there is none."""

    @property
    def refused(self) -> int:
        """Number of lines that were not valid."""

    @property
    def stopped(self) -> trio.Event:
        """Set when the person leaves; the end of a file does not set it."""

    async def __anext__(self) -> list[str]: ...

    async def print(self, text: str) -> None:
        """Print, and return when that is done."""

    def refresh(self) -> None:
        """Draw the prompt again, and what waits above it."""

    async def ask(self, text: str) -> str:
        """Ask a question in place of the prompt. -> the letter of the choice; empty for Ctrl-C, or leaving"""

    def restore(self, draft: str, room: str, /) -> None:
        """Put a draft for a room back into the line that is being typed."""

    def end_hold(self, draft: str, *, asks: bool = False) -> None:
        """Let through what was held back behind the command `draft`, since that has been answered.

        If it `asks` for the secret that the command lacks, the first line that was held back is the answer. Otherwise
        the lines come back into the line that is being typed, and are not sent.
        """

    def stop(self) -> None:
        """End the iteration after the lines that were typed already; those come without waiting."""


class Display(Protocol):
    """Shows rows and rendered output."""

    transcript: Transcript
    broken: OSError | None
    """The error because of which nothing can be printed any more, if there was one."""

    @property
    def keeps_failed(self) -> bool:
        """True if a message that was refused is shown until the person sends it again or drops it."""

    @property
    def columns(self) -> int | None:
        """Width in columns; None where there is none."""

    def is_read(self, room: str) -> bool:
        """Tell whether the newest lines of a room are on the screen."""

    async def print(self, rows: list[Row], *, is_mention: bool = False) -> None:
        """Print rows, with the bell for a mention. Where nothing can be printed any more, leave in order."""

    async def print_listing(self, listing: Callable[[int | None], list[Row]]) -> None:
        """Print a list, which is made for so many columns: for the width of now, or anew for each width."""

    async def notice(self, text: str) -> None:
        """Print a notice of the client itself."""

    async def show(self, outputs: Sequence[RenderedOutput]) -> None:
        """Print rendered output."""


def print_error(text: str) -> None:
    """Print an error on stderr. Its words may come from a hostile server."""
    print(f"trio-chat: {clean(text)}", file=sys.stderr)
