"""`trio-chat ban`, `unban` and `bans`."""

from typing import Any

import click

from trio_chat.operate.completion import complete_address, complete_ban
from trio_chat.operate.named import NamedKind, change_named, print_change, remove_named
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.output import note
from trio_chat.operate.pages import read_pages
from trio_chat.operate.table import Column
from trio_chat.operate.terms import (
    change_options,
    ending,
    print_dry_run,
    print_warnings,
    read_terms,
    search_option,
    term_options,
    warn_unless_kept,
)
from trio_chat.operate.values import operator_of, show_time

BANS = NamedKind("bans", "ban of", "bans")

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
@change_options
@click.option("--dry-run", is_flag=True, help="Only show whom it would end.")
def ban(context: OperatorContext, network: str, dry_run: bool, change: bool, for_good: bool, **terms: Any) -> None:
    """Ban an address, or a NETWORK such as 192.0.2.0/24, and kick the clients from there.

    Without --minutes and --until it is permanent; with both, the earlier counts. `trio-chat unban` lifts it.
    """
    new_terms = read_terms(terms, change=change, for_good=for_good, dry_run=dry_run)
    if change:
        answer = change_named(context, "PATCH", BANS, network, new_terms)
        print_change(context, answer, lambda it: f"the ban of {it['ban']['network']} now holds {ending(it['ban'])}")
        return
    answer = context.api.call("POST", "/bans", body={"network": network, **new_terms, "dry_run": dry_run})
    if context.is_json:
        context.output.object(answer)
        return
    made = answer["ban"]
    if dry_run:
        print_dry_run(context.output, answer, f"a ban of {made['network']} would end")
        return
    clients = f"{answer['kicked']} client{'' if answer['kicked'] == 1 else 's'}"
    context.output.clean_line(f"banned {made['network']} {ending(made)}; {clients} kicked")
    print_warnings(answer)
    warn_unless_kept(answer)


@operator_command("unban")
@click.argument("network", shell_complete=complete_ban)
def unban(context: OperatorContext, network: str) -> None:
    """Lift the ban of exactly this address or network."""
    remove_named(context, BANS, network, lambda answer: f"lifted the ban of {answer['ban']['network']}")


@operator_command("bans")
@search_option
def bans(context: OperatorContext, search: str | None) -> None:
    """List the bans: of whom, until when, why, and by whom."""
    answer = read_pages(context.api, "/bans", "bans", {"search": search})
    if context.is_json:
        context.output.object(answer)
        return
    rows = [
        (
            one["network"],
            show_time(one["until"]) or "for good",
            one["reason"],
            operator_of(one["by"]),
            show_time(one["since"]),
        )
        for one in answer["bans"]
    ]
    if rows:
        context.output.table(COLUMNS, rows)
    else:
        note("no ban matches" if search else "nobody is banned")
