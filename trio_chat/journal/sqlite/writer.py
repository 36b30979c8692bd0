"""The writing thread: it takes batches and jobs from a queue, in order, and reports their outcomes.

It must not know who waits for them. No timer decides when a batch is full: the thread takes the next one as soon as it
is free.
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
from trio_chat.journal.intake import Intake
from trio_chat.journal.records import JournalError
from trio_chat.journal.sqlite.store import Store

T = TypeVar("T")


class Job(Generic[T]):
    """A call to be made on the writing thread, and its outcome."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._outcome: T | Exception = JournalError("the journal is closed")
        self._settled = trio.Event()

    def run(self) -> None:
        """Make the call, on the thread that writes."""
        try:
            self._outcome = self._work()
        except Exception as error:
            self._outcome = error

    def settle(self, error: str | None = None) -> None:
        """Wake the caller of `done`; with an error, the call was not made. On the Trio thread."""
        if error:
            self._outcome = JournalError(error)
        self._settled.set()

    async def done(self) -> T:
        """Wait for the call. Returns and raises what it did, or raises JournalError when it was not made."""
        await self._settled.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


Task = Batch | Job[Any]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The outcome of an attempt to keep something; None when it succeeded."""

    error: str | None


Report = Task | ProbeResult | None
"""A task that was done, the result of a probe, or None for the end: the store is closed."""


class Writer:
    """Executes the tasks passed to `put`, until that is None. Other threads may set only the public attributes."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        probe_s: float,
        intake: Intake,
        *,
        report: Callable[[Report], None],
    ) -> None:
        """Prepare the thread. `probe_s` is the time between two checks of the file.

        On the thread, `intake.begin` is called before each batch is written and `intake.record_outcome` after it;
        `report` gets each outcome too, and may not raise.
        """
        self.commits = Histogram(COMMIT_BOUNDS_S)
        self.damage: str | None = None
        """The reason why nothing may be written any more. Set by another thread."""
        self.is_closing = False
        """True when there is little time left to wait for locks of other programs. Set by another thread."""
        self._store = store
        self._clock = clock
        self._probe_s = probe_s
        self._intake = intake
        self._report = report
        self.failure: str | None = None
        """The reason why something could not be kept, until as much of it as failed can be. Read by another thread."""
        self._failed_bytes = 0
        self._probe_at = 0.0
        self._queue: SimpleQueue[Task | None] = SimpleQueue()

    def start(self) -> None:
        """Start the thread: a daemon, since a disk that never answers must not keep the process alive."""
        threading.Thread(target=self._run, name="journal", daemon=True).start()

    def put(self, task: Task | None) -> None:
        """Append to the queue, from any thread; None is the last."""
        self._queue.put(task)

    def _run(self) -> None:
        while (task := self._next()) is not None:
            if isinstance(task, Batch):
                error = self._keep_overdue()
                self._keep(task, self._intake.begin(task) or error)
            else:
                task.run()
            self._report(task)
            self._store.checkpoint_if_due()
        self._store.close()
        self._report(None)

    def _next(self) -> Task | None:
        """Wait for the next task; index and shrink meanwhile, and probe now and then.

        After a failure the probe does not wait for a pause: what is small may be kept all the time.
        """
        while True:
            wait_s = self._probe_at - time.monotonic() if self.failure else min(self._probe_s, self._tidy())
            try:
                if wait_s > 0:
                    return self._queue.get(timeout=wait_s)
            except Empty:
                pass
            self._probe()

    def _tidy(self) -> float:
        """Index, purge and shrink, as far as slices are due. Returns the seconds until the next one."""
        pause_s = self._index()
        if self.damage or (due_in_s := self._store.tidy_due_in_s()) > 0:
            return math.inf if self.damage else min(pause_s, due_in_s)
        self._store.tidy_some()
        self._store.checkpoint_if_due()
        return min(pause_s, self._store.tidy_due_in_s())

    def _index(self) -> float:
        """Index the slices that are due. Returns the seconds until the next one."""
        while not self.damage and (pause_s := self._store.index_due_in_s()) is not None:
            if pause_s > 0:
                return pause_s
            self._store.index_some()
            self._store.checkpoint_if_due()
        return math.inf

    def _keep_overdue(self) -> str | None:
        """Keep the overdue changes, if there are any. Returns the reason where they could not be kept."""
        if not self.failure or self.damage or (batch := self._intake.take_overdue()) is None:
            return None
        self._keep(batch)
        self._report(batch)
        return batch.error if batch.sessions else None

    def _keep(self, batch: Batch, error: str | None = None) -> None:
        """Keep a batch, or let it fail where there is an error already."""
        if self.is_closing:
            self._store.shorten_lock_wait()
        began = time.perf_counter()
        try:
            if error := self.damage or error:
                raise JournalError(error)
            self._store.keep(batch, self._clock())
        except JournalError as failure:
            batch.error = str(failure)
        except MemoryError:
            batch.error = "there is no memory left"
        except Exception as failure:  # whatever it is, the next batch is tried: nobody else could write it
            logger.exception("a batch could not be kept")
            batch.error = f"unexpected: {failure}"
            batch.sessions.clear()  # nor are these posted again: one of them may be the cause
        self.commits.observe(time.perf_counter() - began)
        if batch.error or self.failure:
            self._note_attempt(batch.error, self._store.size_of(batch))
        self._intake.record_outcome(batch)

    def _probe(self) -> None:
        """Try to keep something after a failure; else only check that the file is in its place."""
        was_failing, error = self.failure is not None, None
        try:
            if overdue := self._keep_overdue():
                raise JournalError(overdue)
            if was_failing:
                self._store.probe(self._failed_bytes)
            else:
                self._store.check_file()
        except JournalError as found:
            error = str(found)
        if was_failing or error:
            self._note_attempt(error, self._failed_bytes)
            self._report(ProbeResult(error))

    def _note_attempt(self, error: str | None, size_bytes: int) -> None:
        """Note the outcome of writing so many bytes. Success with fewer than failed before proves nothing."""
        if error:
            self._failed_bytes = max(size_bytes, self._failed_bytes)
            self.failure, self._probe_at = error, time.monotonic() + self._probe_s
        elif size_bytes >= self._failed_bytes:
            self.failure, self._failed_bytes = None, 0
