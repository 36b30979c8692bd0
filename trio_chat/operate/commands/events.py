"""`trio-chat events`: what happens on the server, live."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import click
from click.shell_completion import CompletionItem

from trio_chat.operate.api import Json
from trio_chat.operate.entries import entry_line
from trio_chat.operate.event_stream import EventFollower, ServerEvent
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.table import ERROR, WARNING
from trio_chat.operate.values import client_label, show_time

TYPES = ("client", "operator", "health", "limit", "topic", "nick", "room", "entry")

STYLES = MappingProxyType({"health": WARNING, "limit": WARNING, "kicked": WARNING, "gap": ERROR})

NAME_WIDTH = len("disconnected")


def _complete_types(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    before, comma, last = incomplete.rpartition(",")
    return [CompletionItem(f"{before}{comma}{name}") for name in TYPES if name.startswith(last)]


@operator_command("events")
@click.option(
    "--types",
    metavar="NAME,...",
    shell_complete=_complete_types,
    help=f"Only these: {', '.join(TYPES)}, or names of single events.  [default: client,operator,health,limit]",
)
def events(context: OperatorContext, types: str | None) -> None:
    """Show what happens on the server as it happens. Ctrl-C ends it.

    It goes on after a restart of the server; an event `gap` tells of what was missed. With --json, an object a line.
    """
    follower = EventFollower(context.api, types)
    for event in follower.follow():
        if event is None:
            continue
        if context.is_json:
            context.output.object_line({"id": event.id, "event": event.name, "data": event.data})
        else:
            is_short = context.output.is_terminal
            context.output.clean_line(_line(event, is_short=is_short), STYLES.get(event.name, ""))


def _line(event: ServerEvent, *, is_short: bool) -> str:
    now = datetime.now(UTC).isoformat()
    time = show_time(event.data.get("time", now), is_short=is_short)
    words = _WORDS.get(event.name, _action if "action" in event.data else _entry if "kind" in event.data else _other)
    return f"{time}  {event.name:<{NAME_WIDTH}}  {words(event.data)}"


def _client(data: Json) -> str:
    client = data["client"]
    reason = f" ({data['reason']})" if data.get("reason") not in (None, "kicked") else ""
    return f"{client_label(client)}{reason}"


def _action(data: Json) -> str:
    return f"{data['what']} by {data['who']}".lstrip()


def _entry(data: Json) -> str:
    return f"#{data['room']} {entry_line(data | {'time': None}, is_short=True)}"


def _health(data: Json) -> str:
    reasons = "; ".join(data["reasons"])
    return f"{data['health']}" + (f": {reasons}" if reasons else "")


def _limit(data: Json) -> str:
    refused = ", ".join(f"{count} for {reason}" for reason, count in data["refused"].items())
    return f"refused in {data['over_s']:g} s: {refused}"


def _gap(data: Json) -> str:
    missed = data["missed"]
    return "the server was restarted: events were missed" if missed is None else f"{missed} events were missed"


def _other(data: Json) -> str:
    return ", ".join(f"{name} {value}" for name, value in data.items() if name != "time")


_WORDS: Mapping[str, Callable[[Json], str]] = MappingProxyType(
    {
        "connected": _client,
        "disconnected": _client,
        "kicked": _client,
        "health": _health,
        "limit": _limit,
        "gap": _gap,
    }
)
