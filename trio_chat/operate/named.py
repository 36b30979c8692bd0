"""Bans, mutes and hooks, as a command changes or removes one by its name."""

from collections.abc import Callable
from dataclasses import dataclass

import click

from trio_chat.operate.api import Json, RefusedError, path_of
from trio_chat.operate.errors import ExitStatus, OperatorError
from trio_chat.operate.options import OperatorContext
from trio_chat.operate.output import quoted
from trio_chat.operate.terms import warn_unless_kept


@dataclass(frozen=True, slots=True)
class NamedKind:
    """Things of one kind: where the API has them, their noun as it stands before a name, and who lists them all."""

    path: str
    noun: str
    listed_by: str
    action: str = ""
    """The last part of the path, where it is not the thing itself that is changed."""


def change_named(call: OperatorContext, method: str, kind: NamedKind, name: str, body: Json | None = None) -> Json:
    """Change or remove the one of a name. -> the answer. Raises OperatorError, and click.UsageError for no name."""
    if not name.strip():
        raise click.UsageError(f"the name of the {kind.noun.split()[0]} is empty")
    try:
        return call.api.call(method, path_of(kind.path, name.strip(), *filter(None, [kind.action])), body=body)
    except OperatorError as error:
        raise explained(
            error, f"there is no {kind.noun} {quoted(name)}: trio-chat {kind.listed_by} lists all"
        ) from error


def remove_named(call: OperatorContext, kind: NamedKind, name: str, sentence: Callable[[Json], str]) -> None:
    """Remove the one of a name, and print `sentence` of the answer. Raises as `change_named` does."""
    show_changed(call, change_named(call, "DELETE", kind, name), sentence)


def show_changed(call: OperatorContext, answer: Json, sentence: Callable[[Json], str]) -> None:
    """Print an answer: as JSON, or as `sentence` says it."""
    if call.is_json:
        call.output.object(answer)
        return
    call.output.clean_line(sentence(answer))
    warn_unless_kept(answer)


def explained(error: OperatorError, not_found: str) -> OperatorError:
    """Say in words of the command line that there is none of that name, or that there are several."""
    if error.status == ExitStatus.NOT_FOUND:
        return OperatorError(ExitStatus.NOT_FOUND, not_found)
    if isinstance(error, RefusedError) and (candidates := error.problem.get("candidates")):
        names = [one["who"] if isinstance(one, dict) else str(one) for one in candidates]
        return OperatorError(error.status, f"{len(names)} are called so; name one of them: {', '.join(names)}")
    return error
