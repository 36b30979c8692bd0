"""`trio-chat clients` and `trio-chat kick`."""

from shutil import get_terminal_size

import click

from trio_chat.operate.api import Json, RefusedError, path_of
from trio_chat.operate.client_filter_options import filter_of, filter_options
from trio_chat.operate.client_table import CLIENT_COLUMNS, client_rows
from trio_chat.operate.completion import complete_client
from trio_chat.operate.errors import ExitStatus, OperatorError
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.output import Output, confirm, note, quoted
from trio_chat.operate.table import table_lines
from trio_chat.operate.values import client_label, show_age, show_time

SORTS = ("connected", "nick", "address", "behind", "idle")

SHOWN_MAX = 50
"""Clients that are listed before a question about all of them."""


@operator_command("clients")
@click.argument("who", required=False, shell_complete=complete_client)
@filter_options
@click.option(
    "--sort",
    type=click.Choice([f"{sign}{name}" for name in SORTS for sign in ("", "-")]),
    default="connected",
    metavar="ORDER",
    help=f"Order: {', '.join(SORTS)}; with a - before it, the other way around.  [default: connected]",
)
@click.option("--limit", "-n", type=click.IntRange(1, 1000), metavar="N", help="At most this many.")
def clients(context: OperatorContext, who: str | None, sort: str, limit: int | None, **values: object) -> None:
    """List the clients, or show one: WHO is a port, ADDRESS:PORT, id or nick.

    On a narrow terminal some columns are left out, and cells are cut; in a pipe all is there.
    """
    if who is not None:
        _print_client(context, request_client(context, "GET", who))
        return
    page = context.api.get("/clients", {**filter_of(values), "sort": sort, "limit": limit})
    if context.is_json:
        context.output.object(page)
        return
    if page["clients"]:
        context.output.table(CLIENT_COLUMNS, client_rows(page["clients"]))
    if not page["clients"] or len(page["clients"]) < page["total"]:
        note(f"{len(page['clients'])} of {page['total']} clients")


def request_client(context: OperatorContext, method: str, who: str, reason: str = "") -> Json:
    """GET a client, or DELETE it, which kicks it. -> the client. Raises OperatorError; that names all of several."""
    if not who.strip():
        raise click.UsageError("the name of the client is empty")
    try:
        return context.api.call(method, path_of("clients", who.strip()), {"reason": reason or None})
    except RefusedError as error:
        if error.status == ExitStatus.NOT_FOUND:
            text = f"there is no client {quoted(who)}: trio-chat clients lists all"
            raise OperatorError(ExitStatus.NOT_FOUND, text) from error
        if candidates := error.problem.get("candidates"):
            names = "".join(f"\n  {one['who']}  [{one['label']}]" for one in candidates)
            text = f"{len(candidates)} clients have port {quoted(who)}: name one of them by address and port{names}"
            raise OperatorError(ExitStatus.FAILED, text) from error
        raise


def _print_client(context: OperatorContext, client: Json) -> None:
    if context.is_json:
        context.output.object(client)
        return
    behind = client["behind"]
    rows = {
        "nick": client["nick"] or "none",
        "address": f"{client['address'] or 'unknown'}, port {client['port'] or 'unknown'}",
        "id": client["id"],
        "rooms": ", ".join(f"#{room}" for room in client["rooms"]) or "none",
        "speaks": f"{client['mode']}, encrypted (TLS)" if client["tls"] else client["mode"],
        "muted": "yes" if client["muted"] else "no",
        "connected": f"since {show_time(client['connected_at'])}",
        "away": "no" if client["away_s"] is None else f"for {show_age(client['away_s'])}",
        "idle": f"for {show_age(client['idle_s'])}",
        "lines": f"{client['lines_in']} received, {client['bytes_out']} bytes sent",
        "behind": f"{behind['entries']} entries, {behind['bytes']} bytes",
    }
    for name, text in rows.items():
        context.output.clean_line(f"{name:<9}  {text}")


@operator_command("kick")
@click.argument("who", required=False, shell_complete=complete_client)
@click.option("--reason", metavar="TEXT", default="", help="The reason, which they are told.")
@filter_options
@click.option("--dry-run", is_flag=True, help="Only show whom the filter fits.")
@click.option("--yes", "-y", is_flag=True, help="Kick those whom the filter fits without asking.")
def kick(
    context: OperatorContext, who: str | None, reason: str, dry_run: bool, yes: bool, **values: object
) -> int | None:
    """Kick a client: WHO is a port, ADDRESS:PORT, id or nick. Or kick all whom a filter fits.

    With a filter it shows whom that fits, and asks. It then kicks those of them who are still there.
    """
    wanted = filter_of(values)
    if (who is None) == (not wanted):
        raise click.UsageError("Name one client, or give a filter such as --room dev; not both")
    if who is None:
        return _kick_many(context, wanted, reason, is_dry=dry_run, is_sure=yes)
    client = request_client(context, "GET" if dry_run else "DELETE", who, reason)
    if context.is_json:
        context.output.object(client)
    else:
        context.output.clean_line(f"{'would kick' if dry_run else 'kicked'} {client_label(client)}")
    return None


def _kick_many(context: OperatorContext, wanted: Json, reason: str, *, is_dry: bool, is_sure: bool) -> int | None:
    found = context.api.call("DELETE", "/clients", {**wanted, "dry_run": True})
    if not found["count"]:
        raise OperatorError(ExitStatus.NOT_FOUND, "no client fits this filter")
    if is_dry:
        _print_kicked(context.output, found)
        return None
    if not is_sure and not _is_confirmed(found):
        note("nobody was kicked")
        return int(ExitStatus.FAILED)
    try:
        kicked = context.api.call("DELETE", "/clients", {"confirm": found["confirm"], "reason": reason or None})
    except RefusedError as error:
        if error.problem.get("status") == 409:
            text = "that was longer than a minute ago, so others may be here now: nobody was kicked; try again"
            raise OperatorError(ExitStatus.FAILED, text) from error
        raise
    _print_kicked(context.output, kicked)
    return None


def _is_confirmed(found: Json) -> bool:
    rows = client_rows(found["clients"][:SHOWN_MAX])
    lines = list(table_lines(CLIENT_COLUMNS, rows, width=get_terminal_size().columns))
    if (more := found["count"] - len(rows)) > 0:
        lines.append(f"and {more} more")
    return confirm(f"Kick {_count(found['count'])}?", lines)


def _print_kicked(output: Output, kicked: Json) -> None:
    if output.is_json:
        output.object(kicked)
        return
    did = "would kick" if kicked["dry_run"] else "kicked"
    for client in kicked["clients"]:
        output.clean_line(f"{did} {client_label(client)}")
    if (more := kicked["count"] - len(kicked["clients"])) > 0:
        output.line(f"{did} {more} more")
    for label in kicked.get("gone", ()):
        output.clean_line(f"gone meanwhile: [{label}]")


def _count(number: int) -> str:
    return f"{number} client{'' if number == 1 else 's'}"
