"""`trio-chat mute`, `unmute` and `mutes`."""

from typing import Any

import click

from trio_chat.operate.api import Json
from trio_chat.operate.completion import complete_client, complete_mute
from trio_chat.operate.errors import OperatorError
from trio_chat.operate.named import NamedKind, change_named, explain_name_error, print_change, remove_named
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.output import note, quoted
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

MUTES = NamedKind("mutes", "mute of", "mutes")

COLUMNS = (
    Column("ID"),
    Column("CLIENT", may_shrink=True),
    Column("NETWORK", may_shrink=True),
    Column("UNTIL"),
    Column("REASON", may_shrink=True),
    Column("BY", may_shrink=True, may_go=True),
    Column("SINCE", may_go=True),
)


@operator_command("mute")
@click.argument("who", shell_complete=complete_client)
@term_options
@change_options
@click.option("--dry-run", is_flag=True, help="Only show whom it would silence.")
def mute(context: OperatorContext, who: str, dry_run: bool, change: bool, for_good: bool, **terms: Any) -> None:
    """Mute a client, an address or a network: they hear everything, and say nothing.

    WHO is a port, ADDRESS:PORT, id, nick, address or network. A mute holds over new connections, other nicks and
    restarts. Without --minutes and --until it is permanent; `trio-chat unmute` lifts it. With --change, WHO may also be
    the id of a mute, as `trio-chat mutes` shows it.
    """
    new_terms = read_terms(terms, change=change, for_good=for_good, dry_run=dry_run)
    if change:
        answer = change_named(context, "PATCH", MUTES, who, new_terms)
        print_change(context, answer, lambda it: f"the mute of {_whom(it['mute'])} now holds {ending(it['mute'])}")
        return
    if not who.strip():
        raise click.UsageError("the name of the client is empty")
    try:
        answer = context.api.call("POST", "/mutes", body={"who": who.strip(), **new_terms, "dry_run": dry_run})
    except OperatorError as error:
        raise explain_name_error(error, f"there is no client {quoted(who)}: trio-chat clients lists all") from error
    if context.is_json:
        context.output.object(answer)
    elif dry_run:
        print_dry_run(context.output, answer, f"a mute of {_whom(answer['mute'])} would silence")
    else:
        made = answer["mute"]
        context.output.clean_line(f"muted {_whom(made)} {ending(made)}; trio-chat unmute {made['id']} lifts it")
        print_warnings(answer)
        warn_unless_kept(answer)


@operator_command("unmute")
@click.argument("who", shell_complete=complete_mute)
def unmute(context: OperatorContext, who: str) -> None:
    """Lift a mute: WHO is its id, its network, or its client."""
    remove_named(context, MUTES, who, lambda answer: f"{_whom(answer['mute'])} may speak again")


@operator_command("mutes")
@search_option
def mutes(context: OperatorContext, search: str | None) -> None:
    """List the mutes: of whom, until when, why, and by whom."""
    answer = read_pages(context.api, "/mutes", "mutes", {"search": search})
    if context.is_json:
        context.output.object(answer)
        return
    rows = [
        (
            one["id"],
            f"[{one['label']}]" if one["label"] else "everybody",
            one["network"] or "",
            show_time(one["until"]) or "for good",
            one["reason"],
            operator_of(one["by"]),
            show_time(one["since"]),
        )
        for one in answer["mutes"]
    ]
    if rows:
        context.output.table(COLUMNS, rows)
    else:
        note("no mute matches" if search else "nobody is muted")


def _whom(made: Json) -> str:
    return f"[{made['label']}]" if made["label"] else str(made["network"])
