"""`trio-chat mute`, `unmute` and `mutes`."""

from typing import Any

import click

from trio_chat.operate.api import Json, RefusedError, path_of
from trio_chat.operate.completion import complete_client, complete_mute
from trio_chat.operate.errors import ExitStatus, OperatorError
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.output import note, quoted
from trio_chat.operate.pages import read_pages
from trio_chat.operate.table import Column
from trio_chat.operate.terms import ending, show_trial, term_options, terms_of, warn_unless_kept
from trio_chat.operate.values import show_time

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
@click.option("--dry-run", is_flag=True, help="Only show whom it would silence.")
def mute(call: OperatorContext, who: str, dry_run: bool, **terms: Any) -> None:
    """Mute a client, an address or a network: they hear everything, and say nothing.

    WHO is a port, ADDRESS:PORT, id, nick, address or network. A mute holds over new connections, other nicks and
    restarts. Without --minutes and --until it is permanent; `trio-chat unmute` lifts it.
    """
    if not who.strip():
        raise click.UsageError("the name of the client is empty")
    try:
        answer = call.api.call("POST", "/mutes", body={"who": who.strip(), **terms_of(terms), "dry_run": dry_run})
    except OperatorError as error:
        raise _explained(error, f"there is no client {quoted(who)}: trio-chat clients lists all") from error
    if call.is_json:
        call.output.object(answer)
    elif dry_run:
        show_trial(call.output, answer, f"a mute of {_whom(answer['mute'])} would silence")
    else:
        made = answer["mute"]
        call.output.clean_line(f"muted {_whom(made)} {ending(made)}; trio-chat unmute {made['id']} lifts it")
        warn_unless_kept(answer)


@operator_command("unmute")
@click.argument("who", shell_complete=complete_mute)
def unmute(call: OperatorContext, who: str) -> None:
    """Lift a mute: WHO is its id, its network, or its client."""
    if not who.strip():
        raise click.UsageError("the name of the mute is empty")
    try:
        answer = call.api.call("DELETE", path_of("mutes", who.strip()))
    except OperatorError as error:
        raise _explained(error, f"there is no mute of {quoted(who)}: trio-chat mutes lists all") from error
    if call.is_json:
        call.output.object(answer)
        return
    call.output.clean_line(f"{_whom(answer['mute'])} may speak again")
    warn_unless_kept(answer)


@operator_command("mutes")
def mutes(call: OperatorContext) -> None:
    """List the mutes: of whom, until when, why, and by whom."""
    answer = read_pages(call.api, "/mutes", "mutes", {})
    if call.is_json:
        call.output.object(answer)
        return
    rows = [
        (
            one["id"],
            f"[{one['label']}]" if one["label"] else "everybody",
            one["network"] or "",
            show_time(one["until"]) or "for good",
            one["reason"],
            one["by"],
            show_time(one["since"]),
        )
        for one in answer["mutes"]
    ]
    if rows:
        call.output.table(COLUMNS, rows)
    else:
        note("nobody is muted")


def _whom(made: Json) -> str:
    return f"[{made['label']}]" if made["label"] else str(made["network"])


def _explained(error: OperatorError, not_found: str) -> OperatorError:
    if error.status == ExitStatus.NOT_FOUND:
        return OperatorError(ExitStatus.NOT_FOUND, not_found)
    if isinstance(error, RefusedError) and (candidates := error.problem.get("candidates")):
        names = [one["who"] if isinstance(one, dict) else str(one) for one in candidates]
        return OperatorError(error.status, f"{len(names)} are called so; name one of them: {', '.join(names)}")
    return error
