"""Tables of commands: the row of a command, and finding the row of a typed line. This file knows no command.

The server has one such table (`commands.py`). Our client binds the same rows to functions of its own, and adds rows for
its own commands.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, TypeVar

from trio_chat.chat.errors import ChatError
from trio_chat.chat.normalization import normalized
from trio_chat.chat.prices import LINE, Price
from trio_chat.chat.text import excerpt
from trio_chat.chat.typed_line import KEY_LEFT, SAID_BY_TWO, TypedLine, command_behind_key

R = TypeVar("R")
S = TypeVar("S")

NAME_SHOWN = 32
"""Characters of an unknown command that are shown."""

_LIKENESS = 0.7
"""The least likeness of a suggestion, of 1: `hlep` has 0.75 to `help`, `hist` 0.73 to `history`, but `clear` only 0.6
to `leave`."""


class Effect(StrEnum):
    """The effect of a command."""

    SAYS = "says"
    """Says something in the room, to everyone there."""
    TELLS = "tells"
    """Says something to one person alone."""
    CHANGES = "changes"
    """Changes who or where the client is."""
    ASKS = "asks"
    """Answers whoever typed it, and does nothing else."""


@dataclass(frozen=True, slots=True)
class Command(Generic[R]):
    """One row. `run` is the function that executes it; its type is that of the table."""

    name: str
    usage: str
    """Its arguments; those in brackets are optional."""
    help: str
    run: R
    effect: Effect
    price: Price = LINE
    """The price charged to the rate limit."""
    limit: int = 0
    """The most rows in its answer; 0 for no limit."""
    asks_when_bare: bool = False
    """True if, without an argument, it says nothing and only answers whoever typed it."""
    missing: str = ""
    """The argument that it needs, in words, for the answer where that is missing.

    Empty where it needs none, or where `run` raises ChatError: else nobody answers whoever types the bare command.
    """
    request: str = ""
    """The type of the frame with the same effect; where it is empty, programs send the line, as a question.

    A command that says or tells something needs one: our client keeps messages, with a key, until the server has them,
    but a question is lost with its connection.
    """
    is_secret: bool = False
    """True if its argument is a secret, which is never said, kept, logged or shown again."""
    synonyms: tuple[str, ...] = ()
    """Its names in other chats; whoever types one is told ours."""

    @property
    def title(self) -> str:
        """The command and its arguments, as `/help` and the documentation show it."""
        return f"/{self.name} {self.usage}".rstrip()

    def bound_to(self, run: S) -> "Command[S]":
        """Return the same row for another table."""
        return Command(
            self.name,
            self.usage,
            self.help,
            run,
            self.effect,
            price=self.price,
            limit=self.limit,
            asks_when_bare=self.asks_when_bare,
            missing=self.missing,
            request=self.request,
            is_secret=self.is_secret,
            synonyms=self.synonyms,
        )

    def check(self, argument: str) -> None:
        """Raise ChatError where an argument is missing."""
        if self.missing and not self._has_needed(argument):
            raise ChatError("usage", f"/{self.name} needs {self.missing}: {self.title}")

    def suits(self, argument: str) -> tuple[bool, int]:
        """Return a measure of how well an argument suits the command: it has what is needed, and no more than that."""
        return self._has_needed(argument), self._needed()

    def _has_needed(self, argument: str) -> bool:
        needed = self._needed()
        return len(argument.split(maxsplit=needed)) >= needed

    def _needed(self) -> int:
        """Return the number of words that its argument has at least."""
        return sum(not word.startswith("[") for word in self.usage.split())


def table_of(commands: Iterable[Command[R]]) -> Mapping[str, Command[R]]:
    """Make a table: commands by name, in their order."""
    return MappingProxyType({command.name: command for command in commands})


def refuse_hidden(line: str, commands: Iterable[Command[R]]) -> None:
    """Raise ChatError for a line with a private or secret command after a key that left letters before it."""
    if line.isprintable() and not KEY_LEFT.match(line):
        return
    private = [command for command in commands if command.effect is Effect.TELLS or command.is_secret]
    names = [name for command in private for name in (command.name, *command.synonyms)]
    if command := command_behind_key(line, names):
        raise ChatError("usage", f"a key that is no text came before {command}, so nothing was sent: type it again")


def command_in(typed: TypedLine, commands: Mapping[str, Command[R]]) -> Command[R] | None:
    """Return the row of a typed line, if it is a command of this table."""
    return commands.get(_split(typed.command)[0]) if typed.command else None


def argument_in(typed: TypedLine) -> str:
    """Return the argument of the command in a typed line."""
    return _split(typed.command)[1]


def parse(
    command_line: str, commands: Mapping[str, Command[R]], elsewhere: Mapping[str, str] = MappingProxyType({})
) -> tuple[Command[R], str]:
    """Read the command of a typed line. -> the command and its argument

    Raises ChatError for an unknown command or a missing argument, with a sentence for whoever typed it: for the name of
    a command of other chats, that in `elsewhere`.
    """
    name, argument = _split(command_line)
    command = commands.get(name)
    if command is None:
        raise ChatError(
            "unknown-command", elsewhere.get(name) or _unknown(excerpt(name, NAME_SHOWN), argument, commands)
        )
    command.check(argument)
    return command, argument


def _split(line: str) -> tuple[str, str]:
    """Split a command into its name, in ASCII and lower case where possible, and its argument."""
    name, *rest = line[1:].split(maxsplit=1) or [""]
    if not name.isascii() and len(name) <= NAME_SHOWN:
        name = normalized("NFKC", name)  # full-width letters, from an East Asian keyboard
    return name.lower(), rest[0].rstrip() if rest else ""


def _unknown(name: str, argument: str, commands: Mapping[str, Command[R]]) -> str:
    """Answer an unknown command, which may be mistyped or from another chat.

    A name may have two meanings: `/w` is `/who` in one chat, and `/w bob hi` is `/msg` in another.
    """
    known = [command for command in commands.values() if name.lower() in command.synonyms]
    meant = [command.name for command in sorted(known, key=lambda command: command.suits(argument), reverse=True)]
    meant = meant or get_close_matches(name.lower(), commands, n=1, cutoff=_LIKENESS)
    advice = f"did you mean /{meant[0]}?" if meant else f"/help lists the commands; {SAID_BY_TWO}"
    return f"unknown command /{name}: {advice}"
