"""`trio-chat hook`: secret addresses by which programs speak."""

import click

from trio_chat.operate.completion import complete_hook, complete_room
from trio_chat.operate.named import NamedKind, remove_named
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.output import note
from trio_chat.operate.table import Column
from trio_chat.operate.terms import warn_unless_kept
from trio_chat.operate.values import operator_of, show_time

HOOKS = NamedKind("hooks", "hook", "hook list")

COLUMNS = (
    Column("NAME", may_shrink=True),
    Column("ROOM", may_shrink=True),
    Column("BY", may_shrink=True, may_go=True),
    Column("SINCE", may_go=True),
)


@operator_command("add", short_help="Make a secret address for a program.")
@click.argument("room", shell_complete=complete_room)
@click.option("--name", required=True, metavar="NAME", help="Name under which it speaks, which nobody can take then.")
def add_hook(context: OperatorContext, room: str, name: str) -> None:
    """Make a secret address by which a program speaks in a ROOM, and print it. It is shown only once.

    It takes plain text, or JSON such as {"text": "build 71 is green"} that CI services send.
    """
    answer = context.api.call("POST", "/hooks", body={"room": room, "name": name})
    url = f"{context.api.url}{answer['path']}"
    if context.is_json:
        context.output.object({**answer, "url": url})
        return
    made = answer["hook"]
    context.output.clean_line(url)
    note(f"\nWhoever has this address, which is not shown again, speaks in #{made['room']} as [{made['name']}]:\n")
    note(f"    curl -d 'build 71 is green' {url}\n")
    warn_unless_kept(answer)


@operator_command("list", short_help="List the hooks.")
def list_hooks(context: OperatorContext) -> None:
    """List the hooks: under which name each speaks, in which room, and who made it. Their addresses stay secret."""
    answer = context.api.get("/hooks")
    if context.is_json:
        context.output.object(answer)
        return
    rows = [
        (one["name"], f"#{one['room']}", operator_of(one["by"]), show_time(one["since"])) for one in answer["hooks"]
    ]
    if rows:
        context.output.table(COLUMNS, rows)
    else:
        note("there are no hooks")


@operator_command("remove", short_help="Remove a hook.")
@click.argument("name", shell_complete=complete_hook)
def remove_hook(context: OperatorContext, name: str) -> None:
    """Remove the hook of a NAME: its address no longer works."""
    remove_named(context, HOOKS, name, lambda it: f"removed the hook [{it['hook']['name']}] of #{it['hook']['room']}")


@click.group(commands=[add_hook, list_hooks, remove_hook])
def hook() -> None:
    """Let programs speak in a room by a secret address, without a token."""
