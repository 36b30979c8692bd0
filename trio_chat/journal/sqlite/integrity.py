"""The integrity of a file: the check of all its pages, and the damaged entries found while reading.

All of it may be used from any thread, except `IntegrityCheck`.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import trio

from trio_chat.journal.records import Damaged, Past
from trio_chat.journal.sqlite.connection import DAMAGED, connect, primary_code, reason, refusing

NAMED_MAX = 20
KNOWN_MAX = 10_000


class Damage:
    """The ids, each noted once; no more than KNOWN_MAX of them are known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[int] = set()
        self._lock = threading.Lock()

    def note(self, past: Iterable[Past]) -> str | None:
        """Look through what was read. -> what is to be said of those that were not known yet, if there are any"""
        ids = [it.id for it in past if isinstance(it, Damaged)]
        if not ids:
            return None
        with self._lock:
            new = sorted(set(ids) - self._known)[: KNOWN_MAX - len(self._known)]
            self._known.update(new)
        return self._say(new) if new else None

    @property
    def text(self) -> str | None:
        """What is to be said of all that are known; None where there are none."""
        with self._lock:
            known = sorted(self._known)
        return self._say(known) if known else None

    def _say(self, ids: Sequence[int]) -> str:
        if len(ids) == 1:
            return f"entry {ids[0]} of {self._path} is damaged"
        named = ", ".join(map(str, ids[:NAMED_MAX]))
        others = f" and {len(ids) - NAMED_MAX} others" if len(ids) > NAMED_MAX else ""
        return f"entries {named}{others} of {self._path} are damaged"


_NO_VERDICT = {sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY}


class QuickCheck:
    """A `quick_check` on a connection that changes nothing: a fifth of a second for a million entries.

    SQLite puts two files beside the one that it reads, and only a connection that may write takes them away at its end.
    But that one also brings into the file what is in a log that was there before, so that is only read.
    """

    def __init__(self, path: Path, busy_s: float) -> None:
        """Raises JournalError."""
        resolved = path.resolve()  # SQLite puts the others beside what a link leads to
        self._shared = Path(f"{resolved}-shm")
        self._is_shared = self._shared.exists()
        with refusing(path):
            self._db = connect(path, "ro" if Path(f"{resolved}-wal").exists() else "rw", busy_s=busy_s)
            self._db.execute("PRAGMA query_only = ON")

    def run(self) -> str | None:
        """Check all pages, once, and let go of the file. -> what is wrong. Raises sqlite3.Error."""
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
        """End it, from any thread, if it still runs."""
        with suppress(sqlite3.ProgrammingError):  # it has closed its connection by now
            self._db.interrupt()

    def tidy(self) -> None:
        """Leave nothing beside a file that nobody goes on to use, but what was there before."""
        if not self._is_shared:
            self._shared.unlink(missing_ok=True)


class IntegrityCheck:
    """A checkup that runs while others wait for it, or go on meanwhile."""

    def __init__(self, path: Path, busy_s: float) -> None:
        """Raises JournalError."""
        self._on_damage: Callable[[str], None] | None = None
        self._verdict: str | None = None
        self._done = trio.Event()
        self._token = trio.lowlevel.current_trio_token()
        self._checkup = QuickCheck(path, busy_s)
        self.tidy = self._checkup.tidy
        threading.Thread(target=self._run, name="examination", daemon=True).start()

    async def verdict_within(self, seconds: float) -> str | None:
        """Return what is wrong; None when all is well or that is not known in time."""
        with trio.move_on_after(seconds) as patience:
            await self._done.wait()
        return None if patience.cancelled_caught else self._verdict

    def on_damage(self, tell: Callable[[str], None]) -> None:
        """Have `tell` called, on the Trio thread, with what is wrong: now, or when it is found."""
        self._on_damage = tell
        if self._verdict:
            tell(self._verdict)

    def stop(self) -> None:
        """End the check, if it still runs; nothing more is reported."""
        self._on_damage = None
        self._checkup.interrupt()

    def _run(self) -> None:
        verdict = self._examine()
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._report, verdict)

    def _examine(self) -> str | None:
        try:
            return self._checkup.run()
        except sqlite3.Error as error:
            return None if primary_code(error) in _NO_VERDICT else reason(error)

    def _report(self, verdict: str | None) -> None:
        self._verdict = verdict
        self._done.set()
        if verdict and self._on_damage:
            self._on_damage(verdict)
