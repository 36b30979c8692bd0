"""The places of clients in the SQLite file, as the thread that writes sees them."""

from collections.abc import Sequence
from pathlib import Path

from trio_chat.journal.records import PlaceRecord
from trio_chat.journal.sqlite.connection import connect_beside, explaining, transaction

PLACE_COLUMNS = "owner, mode, label, nick, rooms"

_SAVE = f"INSERT OR REPLACE INTO place ({PLACE_COLUMNS}) VALUES (?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM place WHERE owner = ?"


def to_place(row: tuple[str, str, str, str, str]) -> PlaceRecord:
    """Read a place from values of PLACE_COLUMNS. Names of rooms hold no spaces."""
    return PlaceRecord(*row[:4], tuple(row[4].split()))


class PlaceStore:
    """A connection of its own to the file, which does not wait for the disk.

    So a thousand clients that come at once cost no commit of what is said: what is here has to outlast the server, not
    the machine.
    """

    def __init__(self, path: Path) -> None:
        self._db = connect_beside(path)

    def save(self, taken: Sequence[PlaceRecord], left: Sequence[str]) -> None:
        """Keep places, and forget those of others. Raises JournalError."""
        rows = [(place.owner, place.mode, place.label, place.nick, " ".join(place.rooms)) for place in taken]
        with explaining(), transaction(self._db):
            self._db.executemany(_FORGET, [(owner,) for owner in left])
            self._db.executemany(_SAVE, rows)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
