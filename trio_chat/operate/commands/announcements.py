"""`trio-chat announce`."""

from typing import Any

import click

from trio_chat.operate.client_filter_options import filter_of, filter_options
from trio_chat.operate.commands.rooms import explain_room_error
from trio_chat.operate.errors import OperatorError
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.said_text import read_text


@operator_command("announce")
@click.argument("text", nargs=-1)
@filter_options
@click.option("--dry-run", is_flag=True, help="Only say how many would hear it.")
def announce(context: OperatorContext, text: tuple[str, ...], dry_run: bool, **values: Any) -> None:
    """Let the server speak to everybody; with --room alone, in that room; with other filters, to each in private.

    Without a TEXT, or with -, it is read from stdin, up to 50 lines.
    """
    wanted = filter_of(values)
    body: dict[str, Any] = {"text": read_text(text), "dry_run": dry_run}
    if wanted.keys() == {"room"}:
        body["room"] = wanted["room"]
    elif wanted:
        body["filter"] = wanted
    try:
        answer = context.api.call("POST", "/announcements", body=body)
    except OperatorError as error:
        raise explain_room_error(error, str(wanted.get("room", ""))) from error
    if context.is_json:
        context.output.object(answer)
        return
    count = f"{answer['count']} client{'' if answer['count'] == 1 else 's'}"
    context.output.clean_line(f"{'would be ' if dry_run else ''}announced to {answer['to']}: {count}")
