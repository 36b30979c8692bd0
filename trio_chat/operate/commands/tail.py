"""`trio-chat tail`: what is said in a room, live."""

from collections.abc import Iterable

import click

from trio_chat.operate.api import Json
from trio_chat.operate.commands.rooms import explain_room_error, room_path
from trio_chat.operate.completion import complete_room
from trio_chat.operate.entries import RoomHistory, entry_line
from trio_chat.operate.errors import OperatorError
from trio_chat.operate.event_stream import EventFollower
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.output import Output, note
from trio_chat.operate.table import DIM
from trio_chat.operate.values import InstantType

SPEECH = ("said", "acted", "announced")


@operator_command("tail")
@click.argument("room", shell_complete=complete_room)
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0, 1_000_000),
    default=20,
    metavar="N",
    show_default=True,
    help="Number of past entries to begin with.",
)
@click.option("--since", type=InstantType(), metavar="TIME", help="All since 14:00, yesterday, 90m, 7d, instead of -n.")
@click.option("--ids", "has_ids", is_flag=True, help="Show the id of each entry, as `trio-chat remove` takes it.")
@click.option("--follow/--no-follow", default=True, help="Go on with what comes, until Ctrl-C.  [default: follow]")
def tail(context: OperatorContext, room: str, lines: int, since: str | None, has_ids: bool, follow: bool) -> None:
    """Show the last 20 entries of a ROOM, and go on with what comes. Ctrl-C ends it.

    It goes on after a restart of the server, and leaves nothing out. With --json, an object a line.
    """
    try:
        shown = context.api.get(room_path(room))
    except OperatorError as error:
        raise explain_room_error(error, room) from error
    history = RoomHistory(context.api, room_path(room))
    printer = TailPrinter(context.output, history, shown["name"], has_ids=has_ids)
    if not follow:
        printer.begin(lines, since)
        return
    follower = EventFollower(context.api, "entry")
    for event in follower.follow():
        if event is None:
            printer.catch_up(lines, since)
        elif event.name == "entry":
            printer.receive(event.data)


class TailPrinter:
    """Prints the entries of a room, each once."""

    def __init__(self, output: Output, history: RoomHistory, room: str, *, has_ids: bool) -> None:
        self._has_ids = has_ids
        self._output, self._history, self._room = output, history, room
        self._last_id: int | None = None
        self._is_behind = False

    def begin(self, lines: int, since: str | None) -> None:
        """Print the newest entries, or those since a time."""
        if since is not None:
            self._last_id = self._history.last_before(since)
            self._print(self._history.after(self._last_id))
            return
        newest = self._history.newest(max(lines, 1))
        self._last_id = newest[-1]["id"] if newest else 0
        for entry in newest[len(newest) - lines :] if lines else ():
            self._show(entry)

    def catch_up(self, lines: int, since: str | None) -> None:
        """Print what was said before a stream began: the stream has all that comes after it."""
        if self._last_id is None:
            self.begin(lines, since)
            return
        try:
            newest = self._history.newest(1)
            if self._last_id and (not newest or newest[-1]["id"] < self._last_id):
                note("-- the history is another one now --")
                self._last_id = 0
            self._print(self._history.after(self._last_id))
            self._is_behind = False
        except OperatorError as error:
            if not error.is_transient:
                raise
            self._is_behind = True  # the journal cannot be read just now, or the server is gone again

    def receive(self, entry: Json) -> None:
        """Print an entry of the stream, if it is of the room and was not printed yet."""
        if entry["room"] != self._room or (self._last_id is not None and entry["id"] <= self._last_id):
            return
        if self._is_behind:
            self.catch_up(0, None)
        else:
            self._print([entry])

    def _print(self, entries: Iterable[Json]) -> None:
        for entry in entries:
            self._last_id = entry["id"]
            self._show(entry)

    def _show(self, entry: Json) -> None:
        if self._output.is_json:
            self._output.object_line(entry)
        else:
            is_notice = entry["kind"] not in SPEECH
            line = entry_line(entry, is_short=self._output.is_terminal)
            self._output.line(f"{entry['id']} {line}" if self._has_ids else line, DIM if is_notice else "")
