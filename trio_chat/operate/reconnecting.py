"""Notes about the connection of a command that follows a server."""

from trio_chat.operate.errors import OperatorError
from trio_chat.operate.output import note


def note_break(error: OperatorError | None) -> None:
    """Say that the connection broke."""
    note(f"-- {error.message if error else 'the server has ended the stream'}; trying again until Ctrl-C --")


def note_return() -> None:
    """Say that it is there again."""
    note("-- connected again --")
