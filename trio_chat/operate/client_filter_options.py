"""The options that choose clients, which several commands take."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from trio_chat.operate.completion import complete_address, complete_nick, complete_room
from trio_chat.operate.values import DurationType

_Command = TypeVar("_Command", bound=Callable[..., object])

FILTER = ("room", "address", "nick", "mode", "behind", "idle", "away", "search")

_OPTIONS = (
    click.option("--room", metavar="ROOM", shell_complete=complete_room, help="Only those in this room."),
    click.option(
        "--address", metavar="NETWORK", shell_complete=complete_address, help="Only those from this address or network."
    ),
    click.option("--nick", metavar="NAME", shell_complete=complete_nick, help="Only those whose nick begins so."),
    click.option("--mode", type=click.Choice(["lines", "frames"]), help="Only those who speak lines (nc), or frames."),
    click.option(
        "--behind", type=click.IntRange(1), metavar="N", help="Only those with at least N entries yet to be sent."
    ),
    click.option(
        "--idle", type=DurationType(), metavar="TIME", help="Only those idle for at least this long: 90s, 2h."
    ),
    click.option(
        "--away/--connected", "away", default=None, help="Only those whose connection broke, or only the others."
    ),
    click.option("--search", metavar="TEXT", help="Only those whose nick, address, room or id has this in it."),
)


def filter_options(command: _Command) -> _Command:
    """Give a command the options of FILTER."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def filter_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return the filter among the values of the options."""
    return {name: values[name] for name in FILTER if values[name] is not None}
