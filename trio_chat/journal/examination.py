"""The check of a whole file, page by page, in a thread of its own."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import trio

from trio_chat.journal.database import DAMAGED, connect, primary_code, reason, refusing

_NO_VERDICT = {sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY}


class Examination:
    """A running `quick_check` on a connection that cannot write: a fifth of a second for a million entries."""

    def __init__(self, path: Path, busy_s: float) -> None:
        self._on_damage: Callable[[str], None] | None = None
        self._verdict: str | None = None
        self._done = trio.Event()
        self._token = trio.lowlevel.current_trio_token()
        with refusing(path):
            self._db = connect(path, "ro", busy_s=busy_s)
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
        with suppress(sqlite3.ProgrammingError):  # it has closed its connection by now
            self._db.interrupt()

    def _run(self) -> None:
        verdict = self._examine()
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._report, verdict)

    def _examine(self) -> str | None:
        try:
            finding = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            return None if primary_code(error) in _NO_VERDICT else reason(error)
        finally:
            self._db.close()
        return None if finding == "ok" else DAMAGED

    def _report(self, verdict: str | None) -> None:
        self._verdict = verdict
        self._done.set()
        if verdict and self._on_damage:
            self._on_damage(verdict)
