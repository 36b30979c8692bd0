"""Would a server be able to open this journal? Found out without changing anything."""

import os
from pathlib import Path

from trio_chat.journal.claiming import claim
from trio_chat.journal.errors import JournalError


def try_path(path: Path) -> None:
    """Look whether a server of this user could open the journal at `path`, or make one. Raises JournalError.

    One that another server has is taken to be that of the server in question.
    """
    if path.exists():
        try:
            os.close(claim(path))
        except JournalError as error:
            if not isinstance(error.__cause__, BlockingIOError):
                raise
        return
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise JournalError(f"cannot write in the data folder {path.parent}: choose another one with --data")
