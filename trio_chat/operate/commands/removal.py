"""`trio-chat remove`."""

import click

from trio_chat.operate.api import RefusedError
from trio_chat.operate.commands.rooms import room_path
from trio_chat.operate.completion import complete_room
from trio_chat.operate.errors import ExitStatus, OperatorError
from trio_chat.operate.options import OperatorContext, operator_command


@operator_command("remove")
@click.argument("room", shell_complete=complete_room)
@click.argument("entry", type=click.IntRange(1), metavar="ID")
@click.option("--reason", metavar="TEXT", help="The reason, which everybody in the room reads.")
def remove(context: OperatorContext, room: str, entry: int, reason: str | None) -> None:
    """Remove an entry of a ROOM for everybody, by its ID: `trio-chat tail ROOM --ids` shows it.

    Its words are gone from the history, and a notice that it was removed is in its place. This cannot be undone.
    """
    try:
        answer = context.api.call("DELETE", room_path(room, "entries", str(entry)), {"reason": reason})
    except RefusedError as error:
        if error.status == ExitStatus.NOT_FOUND:
            text = f"{error.message}: trio-chat tail ROOM --ids shows the ids"
            raise OperatorError(ExitStatus.NOT_FOUND, text) from error
        raise
    if context.is_json:
        context.output.object(answer)
    else:
        context.output.clean_line(f"removed entry {answer['id']} of [{answer['author']}] from #{answer['room']}")
