"""Output of commands: tables, JSON, lines, notes on stderr, and questions."""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from re import Match, sub

import click

from trio_chat.chat.text import HIDDEN, JOINERS, clean
from trio_chat.closed_output import closed_output_raised
from trio_chat.operate.api import Json
from trio_chat.operate.table import Column, Row, styled, table_lines

_UNSAFE = f"[\x7f-\x9f\u2028\u2029{HIDDEN}{JOINERS}]"
"""Characters that JSON may have as they are, and a terminal should not be sent."""


@dataclass(frozen=True, slots=True)
class Output:
    """Output, for a terminal or a pipe. Colours are for terminals alone, and repeat what the words say."""

    is_json: bool = False

    @property
    def is_terminal(self) -> bool:
        """True if a person reads along."""
        return sys.stdout.isatty()

    @property
    def is_coloured(self) -> bool:
        """True if lines may have colours (https://no-color.org)."""
        is_dumb = os.environ.get("TERM", "dumb") in ("dumb", "unknown")
        return self.is_terminal and not is_dumb and not os.environ.get("NO_COLOR")

    def table(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Print a table, no wider than the terminal."""
        width = shutil.get_terminal_size().columns if self.is_terminal else None
        for line in table_lines(columns, rows, width=width, is_coloured=self.is_coloured):
            print_line(line)

    def line(self, text: str, style: str = "") -> None:
        """Print a line that is safe for a terminal."""
        print_line(styled(text, style) if self.is_coloured else text)

    def clean_line(self, text: str, style: str = "") -> None:
        """Print a line that has words of people in it."""
        self.line(clean(text), style)

    def object(self, value: Json) -> None:
        """Print an answer as JSON, indented."""
        print_line(_escaped(json.dumps(value, indent=2, ensure_ascii=False)))

    def object_line(self, value: Json) -> None:
        """Print an object on one line, at once: newline-delimited JSON."""
        print_line(_escaped(json.dumps(value, ensure_ascii=False)))


def print_line(text: str) -> None:
    """Print a line at once. What the encoding of stdout lacks is written as an escape.

    Raises ClosedOutputError where nobody reads it any more.
    """
    encoding = sys.stdout.encoding or "utf-8"
    with closed_output_raised():
        click.echo(text.encode(encoding, "backslashreplace").decode(encoding), color=True)


def note(text: str) -> None:
    """Print a line about the command itself on stderr, which no pipe reads."""
    click.echo(text.encode("utf-8", "backslashreplace").decode(), err=True)


def confirm(question: str, lines: Iterable[str] = ()) -> bool:
    """Ask on the terminal. Raises click.UsageError where there is none to ask at."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("there is no terminal to ask at: add --yes, or --dry-run to see whom it fits")
    for line in lines:
        note(line)
    return click.confirm(question, default=False, err=True)


def quoted(text: str) -> str:
    """Return what somebody typed, cleaned, to name it in a message."""
    return f"'{clean(text)}'"


def _escaped(written: str) -> str:
    def escape(found: Match[str]) -> str:
        return json.dumps(found[0])[1:-1]

    return sub(_UNSAFE, escape, written)
