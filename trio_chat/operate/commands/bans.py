"""`trio-chat ban`, `unban` and `bans`."""

from typing import Any

import click

from trio_chat.operate.api import path_of
from trio_chat.operate.completion import complete_address, complete_ban
from trio_chat.operate.errors import ExitStatus, OperatorError
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.output import note, quoted
from trio_chat.operate.pages import read_pages
from trio_chat.operate.table import Column
from trio_chat.operate.terms import ending, show_trial, term_options, terms_of, warn_unless_kept
from trio_chat.operate.values import show_time

COLUMNS = (
    Column("NETWORK", may_shrink=True),
    Column("UNTIL"),
    Column("REASON", may_shrink=True),
    Column("BY", may_shrink=True, may_go=True),
    Column("SINCE", may_go=True),
)


@operator_command("ban")
@click.argument("network", shell_complete=complete_address)
@term_options
@click.option("--dry-run", is_flag=True, help="Only show whom it would end.")
def ban(call: OperatorContext, network: str, dry_run: bool, **terms: Any) -> None:
    """Ban an address, or a NETWORK such as 192.0.2.0/24, and kick the clients from there.

    Without --minutes and --until it is permanent; with both, the earlier counts. `trio-chat unban` lifts it.
    """
    answer = call.api.call("POST", "/bans", body={"network": network, **terms_of(terms), "dry_run": dry_run})
    if call.is_json:
        call.output.object(answer)
        return
    made = answer["ban"]
    if dry_run:
        show_trial(call.output, answer, f"a ban of {made['network']} would end")
        return
    clients = f"{answer['kicked']} client{'' if answer['kicked'] == 1 else 's'}"
    call.output.clean_line(f"banned {made['network']} {ending(made)}; {clients} kicked")
    warn_unless_kept(answer)


@operator_command("unban")
@click.argument("network", shell_complete=complete_ban)
def unban(call: OperatorContext, network: str) -> None:
    """Lift the ban of exactly this address or network."""
    if not network.strip():
        raise click.UsageError("the network is empty")
    try:
        answer = call.api.call("DELETE", path_of("bans", network.strip()))
    except OperatorError as error:
        if error.status == ExitStatus.NOT_FOUND:
            text = f"there is no ban of {quoted(network)}: trio-chat bans lists all"
            raise OperatorError(ExitStatus.NOT_FOUND, text) from error
        raise
    if call.is_json:
        call.output.object(answer)
        return
    call.output.clean_line(f"lifted the ban of {answer['ban']['network']}")
    warn_unless_kept(answer)


@operator_command("bans")
def bans(call: OperatorContext) -> None:
    """List the bans: of whom, until when, why, and by whom."""
    answer = read_pages(call.api, "/bans", "bans", {})
    if call.is_json:
        call.output.object(answer)
        return
    rows = [
        (one["network"], show_time(one["until"]) or "for good", one["reason"], one["by"], show_time(one["since"]))
        for one in answer["bans"]
    ]
    if rows:
        call.output.table(COLUMNS, rows)
    else:
        note("nobody is banned")
