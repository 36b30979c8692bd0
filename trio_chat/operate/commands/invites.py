"""`trio-chat invite`, `invites` and `uninvite`: codes by which somebody claims a name."""

import socket
from datetime import UTC, datetime

import click

from trio_chat.operate.api import Json
from trio_chat.operate.named import NamedKind, remove_named
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.output import note
from trio_chat.operate.table import Column
from trio_chat.operate.values import DurationType, operator_of, show_time

INVITES = NamedKind("invites", "invite", "invites")

COLUMNS = (
    Column("ID"),
    Column("USES"),
    Column("FOR", may_shrink=True),
    Column("UNTIL"),
    Column("BY", may_shrink=True, may_go=True),
)

HOST_OPTION = click.option(
    "--host",
    metavar="NAME",
    default="",
    help="Name or address by which they reach this server.  [default: its own name]",
)


@operator_command("invite", short_help="Make an invite to send to a colleague.")
@click.option(
    "--uses",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    metavar="N",
    help="How many people may use it.",
)
@click.option(
    "--expires", type=DurationType(), default="7d", show_default=True, metavar="TIME", help="How long it is valid."
)
@HOST_OPTION
def invite(context: OperatorContext, uses: int, expires: float, host: str) -> None:
    """Make an invite: one line, by which somebody joins and claims a name. Its code is shown only once."""
    answer = context.api.call("POST", "/invites", body={"uses": uses, "expires_s": expires})
    if context.is_json:
        context.output.object({**answer, "line": line_of(answer, host)})
    else:
        print_invite(context, answer, host)


@operator_command("invites", short_help="List the invites.")
def invites(context: OperatorContext) -> None:
    """List the invites that can still be used. Their codes stay secret."""
    answer = context.api.get("/invites")
    if context.is_json:
        context.output.object(answer)
        return
    rows = [
        (
            one["id"],
            str(one["uses"]),
            f"[{one['name']}]" if one["name"] else "",
            show_time(one["until"]),
            operator_of(one["by"]),
        )
        for one in answer["invites"]
    ]
    if rows:
        context.output.table(COLUMNS, rows)
    else:
        note("there are no invites")


@operator_command("uninvite", short_help="Withdraw an invite.")
@click.argument("invite_id", metavar="ID")
def uninvite(context: OperatorContext, invite_id: str) -> None:
    """Withdraw the invite with an ID. Names that were claimed by it stay."""
    remove_named(context, INVITES, invite_id, lambda it: f"the invite {it['invite']['id']} can no longer be used")


def line_of(made: Json, host: str) -> str:
    """Return the command by which an invite is used."""
    name = host or socket.getfqdn()
    place = f"[{name}]" if ":" in name and not name.startswith("[") else name
    nick = f"{made['invite']['name']}@" if made["invite"]["name"] else ""
    return f"trio-chat join {nick}{place}:{made['port']}/{made['code']}/{made['fingerprint']}"


def print_invite(context: OperatorContext, made: Json, host: str) -> None:
    """Print the command by which an invite is used, and until when."""
    context.output.clean_line(line_of(made, host))
    one = made["invite"]
    whom = f"[{one['name']}]" if one["name"] else f"{one['uses']} names" if one["uses"] > 1 else "a name"
    until = datetime.fromisoformat(one["until"]).astimezone(UTC)
    choice = "" if one["name"] else "Whoever uses it adds the name that they want: -n NAME\n"
    note(
        f"\nGood for {whom}, until {until:%Y-%m-%d %H:%M} UTC. It is not shown again. Over nc: /invite {made['code']}\n"
        f"{choice}"
    )
