"""The time limit of one query, which is also cancelled when nobody waits for its answer any more."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from trio_chat.journal.sqlite.connection import primary_code

STEPS = 20_000
"""Steps of SQLite's virtual machine between two looks at the clock: a few milliseconds of reading rows. A look needs
the interpreter, which a busy loop gives up only every 5 ms."""

SEARCH_STEPS = 1_000
"""The same while the index of words is read, most of whose work counts as no step: 0.2 s at most, in a journal of a
million entries."""


class TimeLimit:
    """The time limit of one query: any number of statements on one connection. It begins with the first."""

    def __init__(self, max_s: float) -> None:
        self._max_s = max_s
        self._end_s: float | None = None
        self._is_cancelled = False

    def cancel(self) -> None:
        """End the query as if its time were over. From any thread."""
        self._is_cancelled = True

    @property
    def is_over(self) -> bool:
        """The query has to end."""
        return self._is_cancelled or (self._end_s is not None and time.monotonic() >= self._end_s)

    @contextmanager
    def on(self, db: sqlite3.Connection, steps: int = STEPS) -> Iterator[None]:
        """Run statements inside. Raises TimeoutError when the time is over, and then nothing runs any more."""
        if self._end_s is None:
            self._end_s = time.monotonic() + self._max_s
        if self.is_over:
            raise TimeoutError
        db.set_progress_handler(lambda: self.is_over, steps)
        try:
            yield
        except sqlite3.OperationalError as error:
            if primary_code(error) == sqlite3.SQLITE_INTERRUPT:
                raise TimeoutError from error
            raise
        finally:
            db.set_progress_handler(None, 0)
