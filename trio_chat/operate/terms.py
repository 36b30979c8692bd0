"""The terms of bans and mutes: reasons and ends, as options and as they are shown."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from trio_chat.operate.api import Json
from trio_chat.operate.client_table import CLIENT_COLUMNS, client_rows
from trio_chat.operate.output import Output, note
from trio_chat.operate.values import InstantType, show_time

MINUTES_MAX = 99_999_999

_Command = TypeVar("_Command", bound=Callable[..., object])


def term_options(command: _Command) -> _Command:
    """Give a command the options of a reason and an end."""
    for option in (
        click.option(
            "--until",
            type=InstantType(is_future=True),
            metavar="TIME",
            help="Until 18:00, 2026-12-24T18:00, or for 2h or 7d.",
        ),
        click.option("--minutes", type=click.IntRange(1, MINUTES_MAX), metavar="N", help="For this many minutes."),
        click.option("--reason", metavar="TEXT", help="The reason, which they are told."),
    ):
        command = option(command)
    return command


def change_options(command: _Command) -> _Command:
    """Give a command the options by which it changes what there is."""
    for option in (
        click.option("--for-good", is_flag=True, help="With --change: make it permanent."),
        click.option("--change", is_flag=True, help="Change the end or the reason of an existing one."),
    ):
        command = option(command)
    return command


def read_terms(values: Json, *, change: bool, for_good: bool, dry_run: bool) -> Json:
    """Return the terms that the options give, as the API takes them. Raises click.UsageError."""
    given = {name: values[name] for name in ("reason", "minutes", "until") if values[name] is not None}
    if for_good and (not change or "minutes" in given or "until" in given):
        raise click.UsageError("--for-good takes the end away, with --change: give no other end with it")
    if change and dry_run:
        raise click.UsageError("--change ends nobody and silences nobody else: there is nothing to try with --dry-run")
    if change and not (given or for_good):
        raise click.UsageError("--change needs --reason, --minutes, --until or --for-good")
    return {**given, "until": None} if for_good else given


def search_option(command: _Command) -> _Command:
    """Give a list of bans or mutes its search."""
    text = "Only those whose network, client, id, reason or operator has this in it, or that this address is under."
    return click.option("--search", metavar="TEXT", help=text)(command)


def ending(made: Json) -> str:
    """Return the words for the end of a ban or mute."""
    return f"until {show_time(made['until'])}" if made["until"] else "for good"


def print_dry_run(output: Output, answer: Json, what: str) -> None:
    """Print the clients that a ban or mute would concern: the answer to a dry run."""
    print_warnings(answer)
    if answer["clients"]:
        output.table(CLIENT_COLUMNS, client_rows(answer["clients"]))
    count: Any = answer["count"]
    note(f"{what}: {count} client{'' if count == 1 else 's'}; nothing was done")


def print_warnings(answer: Json) -> None:
    """Print the warnings of an answer on stderr."""
    for warning in answer["warnings"]:
        note(f"warning: {warning}")


def warn_unless_kept(answer: Json) -> None:
    """Note on stderr that a change holds only until a restart, as long as the journal cannot store it."""
    if not answer.get("kept", True):
        note("it is not on disk yet, since nothing can be saved just now: the server keeps trying; its log says why")
