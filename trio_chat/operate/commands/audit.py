"""`trio-chat audit`."""

import click

from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.output import note
from trio_chat.operate.pages import read_newest
from trio_chat.operate.table import Column
from trio_chat.operate.values import InstantType, operator_of, show_time

COLUMNS = (Column("TIME"), Column("WHO", may_shrink=True), Column("ACTION"), Column("TARGET", may_shrink=True))


@operator_command("audit")
@click.option("--who", metavar="TEXT", help="Only by those whose name has this in it.")
@click.option("--action", metavar="NAME", help="Only this action, such as kick, ban, mute, say or reload.")
@click.option(
    "--since", type=InstantType(), metavar="TIME", help="Since 14:00, 2026-11-28T14:00, or for the last 90m or 7d."
)
@click.option("--until", type=InstantType(), metavar="TIME", help="Before this time.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    metavar="N",
    show_default=True,
    help="At most this many.",
)
def audit(context: OperatorContext, limit: int, **values: str | None) -> None:
    """List what operators did, by whom and when: the newest 20, oldest first."""
    query = {name: value for name, value in values.items() if value}
    found = read_newest(context.api, "/audit", "audit", query, limit)
    if context.is_json:
        context.output.object(found)
        return
    rows = [(show_time(one["time"]), operator_of(one["who"]), one["action"], one["what"]) for one in found["audit"]]
    if rows:
        context.output.table(COLUMNS, rows)
    else:
        note("no operator did anything of that kind")
