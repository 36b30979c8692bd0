"""The places of clients in the SQLite file, as the thread that writes sees them."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from trio_chat.journal.records import PlaceRecord
from trio_chat.journal.rows import explaining
from trio_chat.journal.schema import connect

PLACE_COLUMNS = "owner, mode, label, nick, rooms"

BUSY_S = 0.05
"""How long it waits for the locks of other programs, while nothing can be kept."""

_SAVE = f"INSERT OR REPLACE INTO place ({PLACE_COLUMNS}) VALUES (?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM place WHERE owner = ?"


def to_place(row: tuple[str, str, str, str, str]) -> PlaceRecord:
    """Read a place from values of PLACE_COLUMNS. Names of rooms hold no spaces."""
    return PlaceRecord(*row[:4], tuple(row[4].split()))


class Places:
    """A connection of its own to the file, which does not wait for the disk.

    So a thousand clients that come at once cost no commit of what is said: what is here has to outlast the server, not
    the machine.
    """

    def __init__(self, path: Path) -> None:
        self._db = connect(path, "rw", busy_s=BUSY_S)
        for pragma in ("synchronous = NORMAL", "wal_autocheckpoint = 0"):
            self._db.execute(f"PRAGMA {pragma}")

    def save(self, taken: Sequence[PlaceRecord], left: Sequence[str]) -> None:
        """Keep places, and forget those of others. Raises JournalError."""
        rows = [(place.owner, place.mode, place.label, place.nick, " ".join(place.rooms)) for place in taken]
        with explaining():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(_FORGET, [(owner,) for owner in left])
                self._db.executemany(_SAVE, rows)
                self._db.execute("COMMIT")
            except sqlite3.Error:
                if self._db.in_transaction:  # a full disk may have ended it already
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
