"""Would a server be able to open this journal? Found out without changing anything."""

import os
from pathlib import Path

from trio_chat.journal.claiming import claim
from trio_chat.journal.database import refusal, refusing
from trio_chat.journal.errors import JournalError
from trio_chat.journal.examination import Checkup

BUSY_S = 2.0
"""A server waits as long for the locks of other programs."""


def try_path(path: Path) -> None:
    """Look whether a server of this user could open the journal at `path`, or make one. Raises JournalError.

    One that another server has is taken to be that of the server in question.
    """
    if path.exists():
        try:
            claimed = claim(path)
        except JournalError as error:
            if not isinstance(error.__cause__, BlockingIOError):
                raise
            return
        try:
            _examine(path)
        finally:
            os.close(claimed)
        return
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise JournalError(f"cannot write in the data folder {path.parent}: choose another one with --data")


def _examine(path: Path) -> None:
    """Check all pages, however long it takes."""
    checkup = Checkup(path, BUSY_S)
    try:
        with refusing(path):
            damage = checkup.run()
    finally:
        checkup.tidy()
    if damage:
        raise refusal(path, damage)
