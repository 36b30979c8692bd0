"""The writing thread: it takes batches and errands from a queue, in order, and reports what came of them.

It must not know who waits for what. No timer decides when a batch is full: the thread takes what there is as soon as
it is free.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

import trio

from trio_chat.chat.histogram import Histogram
from trio_chat.journal.batch import COMMIT_BOUNDS_S, Batch
from trio_chat.journal.records import JournalError
from trio_chat.journal.sqlite.store import Store

T = TypeVar("T")


class Job(Generic[T]):
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


Task = Batch | Job[Any]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What it came to when it was tried whether anything can be kept; None is well."""

    error: str | None


Report = Task | Finding | None
"""A task that was done, a finding, or None for the end: the store is closed."""


class Writer:
    """Does what is `put`, until None is. What cannot be set from outside is the thread's own."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        probe_s: float,
        *,
        begin: Callable[[Batch], None],
        report: Callable[[Report], None],
    ) -> None:
        """`begin` is called before a batch is written, and lets no more drafts into it; `report` is told what was done.

        Both are called on this thread, and may not raise.
        """
        self.commits = Histogram(COMMIT_BOUNDS_S)
        self.damage: str | None = None
        """Why nothing may be kept any more. Set from outside."""
        self.is_hasty = False
        """Whether there is little time left to wait for others' locks. Set from outside."""
        self._store = store
        self._clock = clock
        self._probe_s = probe_s
        self._begin = begin
        self._report = report
        self._is_ill = False
        self._queue: SimpleQueue[Task | None] = SimpleQueue()

    def start(self) -> None:
        """Begin. The thread is a daemon, since a disk that never answers must not keep the process alive."""
        threading.Thread(target=self._run, name="journal", daemon=True).start()

    def put(self, task: Task | None) -> None:
        """Give it something to do, from any thread; None is the last."""
        self._queue.put(task)

    def _run(self) -> None:
        while (task := self._next()) is not None:
            if isinstance(task, Batch):
                self._keep(task)
            else:
                task.run()
            self._report(task)
            self._store.checkpoint_if_due()
        self._store.close()
        self._report(None)

    def _next(self) -> Task | None:
        """Wait for what is to be done next; index meanwhile, and see now and then whether anything can be kept."""
        while True:
            try:
                return self._queue.get(timeout=self._probe_s if self._is_ill else min(self._probe_s, self._index()))
            except Empty:
                self._examine()

    def _index(self) -> float:
        """Index what is due. -> seconds until more is"""
        while not self.damage and (pause_s := self._store.index_due_in_s()) is not None:
            if pause_s > 0:
                return pause_s
            self._store.index_some()
            self._store.checkpoint_if_due()
        return math.inf

    def _keep(self, batch: Batch) -> None:
        self._begin(batch)
        if self.is_hasty:
            self._store.hurry()
        began = time.perf_counter()
        try:
            if self.damage:
                raise JournalError(self.damage)
            self._store.keep(batch, self._clock())
        except JournalError as error:
            batch.error = str(error)
        except Exception as error:  # whatever it is, the next batch is tried: nobody else could write it
            logger.exception("a batch could not be kept")
            batch.error = f"unexpected: {error}"
        self.commits.observe(time.perf_counter() - began)
        self._is_ill = batch.error is not None

    def _examine(self) -> None:
        was_ill, error = self._is_ill, None
        try:
            (self._store.probe if was_ill else self._store.look)()
        except JournalError as found:
            error = str(found)
        self._is_ill = error is not None
        if was_ill or error:
            self._report(Finding(error))
