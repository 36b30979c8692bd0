"""`trio-chat rooms`, `topic` and `say`."""

import secrets

import click

from trio_chat.operate.api import path_of
from trio_chat.operate.completion import complete_room
from trio_chat.operate.errors import ExitStatus, OperatorError
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.output import note, quoted
from trio_chat.operate.pages import read_pages
from trio_chat.operate.said_text import read_text
from trio_chat.operate.table import Column

COLUMNS = (
    Column("ROOM", may_shrink=True),
    Column("MEMBERS", is_number=True),
    Column("ENTRIES", is_number=True, may_go=True),
    Column("TOPIC", may_shrink=True),
)


@operator_command("rooms")
@click.option("--search", metavar="TEXT", help="Only those whose name or topic has this in it.")
@click.option(
    "--sort",
    type=click.Choice([f"{sign}{name}" for name in ("name", "members", "entries") for sign in ("", "-")]),
    default="-members",
    metavar="ORDER",
    help="Order: name, members, entries; with a - before it, the other way around.  [default: -members]",
)
@click.option("--limit", "-n", type=click.IntRange(1), metavar="N", help="At most this many.")
def rooms(context: OperatorContext, search: str | None, sort: str, limit: int | None) -> None:
    """List the rooms, with their numbers of members, and of entries since the server started."""
    found = read_pages(context.api, "/rooms", "rooms", {"search": search, "sort": sort}, limit)
    if context.is_json:
        context.output.object(found)
        return
    rows = [(f"#{one['name']}", str(one["members"]), str(one["entries"]), one["topic"]) for one in found["rooms"]]
    if rows:
        context.output.table(COLUMNS, rows)
    if len(rows) < found["total"]:
        note(f"{len(rows)} of {found['total']} rooms")


@operator_command("topic")
@click.argument("room", shell_complete=complete_room)
@click.argument("text", nargs=-1)
@click.option("--clear", is_flag=True, help="Clear the topic.")
def topic(context: OperatorContext, room: str, text: tuple[str, ...], clear: bool) -> None:
    """Set the topic of a ROOM, in the name of the server. Without a TEXT it is shown.

    A TEXT that begins with a - needs -- before it.
    """
    wanted = " ".join(text).strip()
    if clear and wanted:
        raise click.UsageError("--clear and a topic: give one of them")
    try:
        if clear or wanted:
            answer = context.api.call("PUT", room_path(room, "topic"), body={"topic": wanted})
        else:
            answer = context.api.get(room_path(room))
    except OperatorError as error:
        raise explain_room_error(error, room) from error
    if context.is_json:
        context.output.object(answer)
    elif clear:
        context.output.clean_line(f"#{answer['name']} has no topic now")
    elif wanted:
        context.output.clean_line(f"the topic of #{answer['name']} is now {answer['topic']}")
    elif answer["topic"]:
        context.output.clean_line(answer["topic"])
    else:
        note(f"#{answer['name']} has no topic")


@operator_command("say")
@click.argument("room", shell_complete=complete_room)
@click.argument("text", nargs=-1)
@click.option("--name", metavar="NAME", help="Say it under this name, which nobody has, instead of [server].")
@click.option("--key", metavar="KEY", help="The same text under the same key is said once, however often it is sent.")
def say(context: OperatorContext, room: str, text: tuple[str, ...], name: str | None, key: str | None) -> None:
    """Say something in a ROOM. Without a TEXT, or with -, it is read from stdin, up to 50 lines.

    A TEXT that begins with a - needs -- before it.
    """
    body = {"text": read_text(text)} | ({"name": name} if name else {})
    sent_key = key or secrets.token_hex(16)
    try:
        answer = context.api.call("POST", room_path(room, "entries"), body=body, headers={"Idempotency-Key": sent_key})
    except OperatorError as error:
        raise explain_room_error(error, room, sent_key) from error
    if context.is_json:
        context.output.object(answer)
    else:
        context.output.clean_line(f"said in #{answer['room']} as [{answer['author']}], entry {answer['id']}")


def room_path(room: str, *rest: str) -> str:
    """Make the path of a room. Raises click.UsageError for an empty name."""
    if not room.strip().removeprefix("#"):
        raise click.UsageError("the name of the room is empty")
    return path_of("rooms", room.strip(), *rest)


def explain_room_error(error: OperatorError, room: str, key: str = "") -> OperatorError:
    """Return an error in the terms of the command line: no such room, or doubt whether the text was said."""
    if error.status == ExitStatus.NOT_FOUND:
        return OperatorError(ExitStatus.NOT_FOUND, f"there is no room {quoted(room)}: trio-chat rooms lists all")
    if key and error.is_transient:
        return OperatorError(
            error.status,
            f"{error.message}\nIt may have been said. This says it once for certain: --key {key}",
        )
    return error
