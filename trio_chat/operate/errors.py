"""The ways in which a command can fail, each with its exit status."""

from enum import IntEnum

import click


class ExitStatus(IntEnum):
    """Exit statuses of the commands for operators; docs/cli.md has them too."""

    DONE = 0
    FAILED = 1
    """The server refused it, or could not do it."""
    USAGE = 2
    """The command line is wrong, or the server cannot read what it was given."""
    NOT_FOUND = 3
    """There is no such client, room, ban or hook."""
    NOT_REACHED = 4
    """No server was found, or none answered."""
    NOT_ADMITTED = 5
    """The token is wrong or missing, or this machine is not admitted."""


class OperatorError(click.ClickException):
    """A command failed. The text is for people: one line or more."""

    def __init__(self, status: ExitStatus, text: str) -> None:
        super().__init__(text)
        self.status = status

    @property
    def is_transient(self) -> bool:
        """True if the same request may be answered later: nobody answered, or the server could not do it just now."""
        return self.status in (ExitStatus.NOT_REACHED, ExitStatus.FAILED)
