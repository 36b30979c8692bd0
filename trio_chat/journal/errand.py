"""Anything that the thread which writes is to do, other than to keep what was said."""

from collections.abc import Callable
from typing import Generic, TypeVar

import trio

from trio_chat.journal.errors import JournalError

T = TypeVar("T")


class Errand(Generic[T]):
    """Something to be done on that thread, and what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._outcome: T | Exception = JournalError("the journal is closed")
        self._settled = trio.Event()

    def run(self) -> None:
        """Do it, on the thread that writes."""
        try:
            self._outcome = self._work()
        except Exception as error:
            self._outcome = error

    def settle(self, error: str | None = None) -> None:
        """Tell who waits that it is done, or that it will not be. On the Trio thread."""
        if error:
            self._outcome = JournalError(error)
        self._settled.set()

    async def done(self) -> T:
        """Wait for it. -> what the work returned; raises what it raised, and JournalError where it was not done."""
        await self._settled.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome
