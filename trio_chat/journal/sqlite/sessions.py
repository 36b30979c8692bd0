"""The places of clients in the SQLite file, as the thread that writes sees them."""

from collections.abc import Sequence
from pathlib import Path

from trio_chat.journal.records import SessionRecord
from trio_chat.journal.sqlite.connection import connect_beside, explaining, transaction

SESSION_COLUMNS = "owner, mode, label, nick, rooms"

_SAVE = f"INSERT OR REPLACE INTO place ({SESSION_COLUMNS}) VALUES (?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM place WHERE owner = ?"


def to_session(row: tuple[str, str, str, str, str]) -> SessionRecord:
    """Read a place from values of SESSION_COLUMNS. Names of rooms hold no spaces."""
    return SessionRecord(*row[:4], tuple(row[4].split()))


class SessionTable:
    """A connection of its own to the file, which does not wait for the disk.

    So a thousand clients that come at once cost no commit of what is said: what is here has to outlast the server, not
    the machine.
    """

    def __init__(self, path: Path) -> None:
        self._db = connect_beside(path)

    def save(self, taken: Sequence[SessionRecord], left: Sequence[str]) -> None:
        """Keep places, and forget those of others. Raises JournalError."""
        rows = [(place.owner, place.mode, place.label, place.nick, " ".join(place.rooms)) for place in taken]
        with explaining(), transaction(self._db):
            self._db.executemany(_FORGET, [(owner,) for owner in left])
            self._db.executemany(_SAVE, rows)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
