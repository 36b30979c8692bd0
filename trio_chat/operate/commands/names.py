"""`trio-chat names`: claimed names, handed out, reset and made free."""

import click

from trio_chat.operate.api import Json
from trio_chat.operate.commands.invites import HOST_OPTION, print_invite
from trio_chat.operate.named import NamedKind, change_named, remove_named
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.output import note
from trio_chat.operate.table import Column
from trio_chat.operate.values import operator_of, show_time

NAMES = NamedKind("names", "name", "names list")

COLUMNS = (
    Column("NAME", may_shrink=True),
    Column("HERE"),
    Column("PROVEN BY", may_shrink=True),
    Column("SEEN", may_go=True),
    Column("SINCE", may_go=True),
    Column("BY", may_shrink=True, may_go=True),
)


@operator_command("list", short_help="List the claimed names.")
@click.argument("part", default="")
def list_names(context: OperatorContext, part: str) -> None:
    """List the claimed names, or those with PART in them: how each is proven, and when its owner was here last."""
    answer = context.api.get("/names", {"name": part} if part else {})
    if context.is_json:
        context.output.object(answer)
        return
    rows = [
        (
            one["name"],
            str(one["places"] or ""),
            _proofs_of(one),
            show_time(one["seen"]),
            show_time(one["since"]),
            operator_of(one["by"]),
        )
        for one in answer["names"]
    ]
    if not rows:
        note("nobody has claimed such a name" if part else "nobody has claimed a name")
        return
    context.output.table(COLUMNS, rows)
    if answer["total"] > len(rows):
        note(f"{answer['total']} in all: name a part of those you look for")


@operator_command("add", short_help="Hand a name out.")
@click.argument("name")
@click.option(
    "--key", metavar="KEY", default="", help="The owner's public key: the line of a .pub file, 'ssh-ed25519 …'."
)
@HOST_OPTION
def add_name(context: OperatorContext, name: str, key: str, host: str) -> None:
    """Hand a NAME out: to the owner of a key, or to whoever uses the invite that is printed."""
    answer = context.api.call("POST", "/names", body={"name": name, **({"key": key} if key else {})})
    _print_handed_out(context, answer, host, f"[{answer['name']['name']}] is handed out")


@operator_command("reset", short_help="Take the proofs of a name away.")
@click.argument("name")
@HOST_OPTION
def reset_name(context: OperatorContext, name: str, host: str) -> None:
    """Take all keys and the password of a NAME away, since a key was lost, and print an invite for its owner."""
    answer = change_named(context, "POST", NamedKind("names", "name", "names list", "reset"), name)
    _print_handed_out(context, answer, host, f"[{answer['name']['name']}] is reset, and its connections are ended")


@operator_command("remove", short_help="Make a name free.")
@click.argument("name")
def remove_name(context: OperatorContext, name: str) -> None:
    """Make a NAME free for anybody, and end its connections."""
    remove_named(context, NAMES, name, lambda it: f"[{it['name']['name']}] is free now")


def _proofs_of(name: Json) -> str:
    """Name the proofs of a name, as short as can be told apart."""
    keys = [key["fingerprint"] for key in name["keys"]]
    return ", ".join([*keys, *["password"] * name["has_password"]]) or "its invite"


def _print_handed_out(context: OperatorContext, answer: Json, host: str, sentence: str) -> None:
    if context.is_json:
        context.output.object(answer)
        return
    note(sentence)
    if answer["invite"]:
        print_invite(context, answer["invite"], host)


@click.group(commands=[list_names, add_name, reset_name, remove_name])
def names() -> None:
    """List, hand out, reset and free claimed names."""
