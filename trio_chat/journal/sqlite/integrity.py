"""The integrity of a file: the check of all its pages, and the damaged entries found while reading.

Everything here except `IntegrityCheck` may be used from any thread.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import trio

from trio_chat.journal.records import Damaged, Past
from trio_chat.journal.sqlite.connection import DAMAGED, connect, primary_code, reason, translating_opening_errors

NAMED_MAX = 20
"""Ids that one sentence names at most."""

KNOWN_MAX = 10_000


class DamagedEntries:
    """The ids of damaged entries found while reading, at most KNOWN_MAX of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[int] = set()
        self._lock = threading.Lock()

    def add(self, past: Iterable[Past]) -> str | None:
        """Add the damaged ones among entries that were read. Returns a sentence about the new ones, or None."""
        ids = [it.id for it in past if isinstance(it, Damaged)]
        if not ids:
            return None
        with self._lock:
            new = sorted(set(ids) - self._known)[: KNOWN_MAX - len(self._known)]
            self._known.update(new)
        return self._sentence(new) if new else None

    @property
    def text(self) -> str | None:
        """A sentence about all of them; None when there are none."""
        with self._lock:
            known = sorted(self._known)
        return self._sentence(known) if known else None

    def _sentence(self, ids: Sequence[int]) -> str:
        if len(ids) == 1:
            return f"entry {ids[0]} of {self._path} is damaged"
        named = ", ".join(map(str, ids[:NAMED_MAX]))
        others = f" and {len(ids) - NAMED_MAX} others" if len(ids) > NAMED_MAX else ""
        return f"entries {named}{others} of {self._path} are damaged"


_INCONCLUSIVE = {sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY}


class QuickCheck:
    """A `quick_check` on a connection that changes nothing: a fifth of a second for a million entries.

    SQLite puts two files beside the one that it reads, and only a connection that may write removes them at its end.
    But that one also copies a log that was there before into the file, so such a file is opened to be read only.
    """

    def __init__(self, path: Path, lock_wait_s: float) -> None:
        """Open the file. Raises JournalError."""
        resolved = path.resolve()  # SQLite puts the others beside what a link leads to
        self._shared = Path(f"{resolved}-shm")
        self._is_shared = self._shared.exists()
        with translating_opening_errors(path):
            self._db = connect(path, "ro" if Path(f"{resolved}-wal").exists() else "rw", lock_wait_s=lock_wait_s)
            self._db.execute("PRAGMA query_only = ON")

    def run(self) -> str | None:
        """Check all pages, once, and close the file. Returns the problem, or None. Raises sqlite3.Error."""
        try:
            finding = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            if reason(error) != DAMAGED:
                raise
            return DAMAGED
        finally:
            self._db.close()
        return None if finding == "ok" else DAMAGED

    def interrupt(self) -> None:
        """Interrupt the check, from any thread."""
        with suppress(sqlite3.ProgrammingError):  # the connection is closed already
            self._db.interrupt()

    def remove_leftovers(self) -> None:
        """Remove the files that SQLite put beside a file that is not going to be used."""
        if not self._is_shared:
            self._shared.unlink(missing_ok=True)


class IntegrityCheck:
    """A quick check that runs on a thread of its own."""

    def __init__(self, path: Path, lock_wait_s: float) -> None:
        """Open the file and start the thread. Raises JournalError."""
        self._on_damage: Callable[[str], None] | None = None
        self._result: str | None = None
        self._done = trio.Event()
        self._token = trio.lowlevel.current_trio_token()
        self._check = QuickCheck(path, lock_wait_s)
        self.remove_leftovers = self._check.remove_leftovers
        threading.Thread(target=self._run, name="integrity-check", daemon=True).start()

    async def result_within(self, seconds: float) -> str | None:
        """Return the problem; None when there is none or the check takes longer."""
        with trio.move_on_after(seconds) as scope:
            await self._done.wait()
        return None if scope.cancelled_caught else self._result

    def on_damage(self, report: Callable[[str], None]) -> None:
        """Call `report` with the problem, on the Trio thread: now, or when it is found."""
        self._on_damage = report
        if self._result:
            report(self._result)

    def stop(self) -> None:
        """Interrupt the check; nothing more is reported."""
        self._on_damage = None
        self._check.interrupt()

    def _run(self) -> None:
        result = self._run_check()
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._report, result)

    def _run_check(self) -> str | None:
        try:
            return self._check.run()
        except sqlite3.Error as error:
            return None if primary_code(error) in _INCONCLUSIVE else reason(error)

    def _report(self, result: str | None) -> None:
        self._result = result
        self._done.set()
        if result and self._on_damage:
            self._on_damage(result)
