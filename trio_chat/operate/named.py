"""Changing and removing one of several objects by its name: a ban, mute, hook, claimed name or invite."""

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
    """A kind of objects that have names."""

    path: str
    """The path of their list in the API, without a slash."""
    noun: str
    """The words before a name in a message, such as `ban of`."""
    listed_by: str
    """The command that lists them all, without `trio-chat`."""
    action: str = ""
    """The part of the path behind the name, for an action on the object instead of the object itself."""


def change_named(context: OperatorContext, method: str, kind: NamedKind, name: str, body: Json | None = None) -> Json:
    """Change or remove the object of a name. -> the answer. Raises OperatorError; click.UsageError for no name."""
    if not name.strip():
        raise click.UsageError(f"the name of the {kind.noun.split()[0]} is empty")
    try:
        return context.api.call(method, path_of(kind.path, name.strip(), *filter(None, [kind.action])), body=body)
    except OperatorError as error:
        raise explain_name_error(
            error, f"there is no {kind.noun} {quoted(name)}: trio-chat {kind.listed_by} lists all"
        ) from error


def remove_named(context: OperatorContext, kind: NamedKind, name: str, sentence: Callable[[Json], str]) -> None:
    """Remove the object of a name, and print `sentence` of the answer. Raises as `change_named` does."""
    print_change(context, change_named(context, "DELETE", kind, name), sentence)


def print_change(context: OperatorContext, answer: Json, sentence: Callable[[Json], str]) -> None:
    """Print the answer to a change: as JSON, or the `sentence` that is made of it."""
    if context.is_json:
        context.output.object(answer)
        return
    context.output.clean_line(sentence(answer))
    warn_unless_kept(answer)


def explain_name_error(error: OperatorError, not_found: str) -> OperatorError:
    """Return an error in the terms of the command line: no object has that name, or several have."""
    if error.status == ExitStatus.NOT_FOUND:
        return OperatorError(ExitStatus.NOT_FOUND, not_found)
    if isinstance(error, RefusedError) and (candidates := error.problem.get("candidates")):
        names = [one["who"] if isinstance(one, dict) else str(one) for one in candidates]
        return OperatorError(error.status, f"{len(names)} are called so; name one of them: {', '.join(names)}")
    return error
