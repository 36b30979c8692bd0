"""The embedded journal: one SQLite file, one thread that writes, groups as large as the load makes them.

This is the side of those who wait, on Trio: while one batch is being committed, everything that is posted collects in
the next one. It must not know how anything is kept; the thread that does is in `writer`.
"""

import logging
import math
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, assert_never

import trio

from trio_chat.chat.events import Draft, Entry
from trio_chat.journal.batch import Batch
from trio_chat.journal.follower import Follower
from trio_chat.journal.records import AuditRecord, BanRecord, JournalError, Origin, Past, RoomRecord, SessionRecord
from trio_chat.journal.search_words import phrases
from trio_chat.journal.sqlite.connection import refusal
from trio_chat.journal.sqlite.integrity import IntegrityCheck
from trio_chat.journal.sqlite.opening import lock_and_prepare
from trio_chat.journal.sqlite.readers import Readers
from trio_chat.journal.sqlite.store import Store
from trio_chat.journal.sqlite.writer import Finding, Job, Report, Task, Writer

READERS = 4

PRUNE_RESTS = 20
"""Between two slices of pruning pass this many times the seconds that one takes."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the journal waits for what, in seconds.

    Opening waits for the check of all pages: `examination_s` is enough for nearly two million entries; a larger file is
    checked on while the server runs already. A lock of another program is waited for up to `busy_s`. Every `probe_s` it
    is seen whether the file is where it was, and, while nothing can be kept, an attempt is made. Closing takes at most
    `close_s`, and less where there is less time; but even then `hasty_s`. An entry waits to be indexed for `index_s`
    when there is little else to do; it is found before that too, only more slowly.
    """

    examination_s: float = 0.4
    busy_s: float = 2.0
    probe_s: float = 1.0
    close_s: float = 3.0
    hasty_s: float = 0.2
    index_s: float = 1.0


@asynccontextmanager
async def open_sqlite(
    path: Path,
    *,
    clock: Callable[[], float] = time.time,
    patience: Patience = Patience(),
    close_by: Callable[[], float] = lambda: math.inf,
) -> AsyncIterator["SqliteJournal"]:
    """Open the journal at `path`, or make one. Raises JournalError.

    Leaving the context keeps what was posted, as far as that can be done by `close_by`, a time of Trio's clock.
    """
    async with AsyncExitStack() as stack:
        stack.callback(os.close, await trio.to_thread.run_sync(lock_and_prepare, path))
        examination = IntegrityCheck(path, patience.busy_s)
        stack.callback(examination.stop)
        if damage := await examination.verdict_within(patience.examination_s):
            examination.tidy()
            raise refusal(path, damage)
        open_store = partial(Store, path, busy_s=patience.busy_s, index_s=patience.index_s)
        journal = SqliteJournal(await trio.to_thread.run_sync(open_store), clock, patience)
        stack.push_async_callback(journal.aclose, close_by)
        examination.on_damage(journal.lose)
        yield journal


class SqliteJournal:
    """The journal as the task that opened it and its children see it."""

    def __init__(self, store: Store, clock: Callable[[], float], patience: Patience) -> None:
        self.epoch = store.epoch
        self.last_id = store.last_id
        self._readers = Readers(store.path, patience.busy_s, store.presence)
        self.fault: str | None = None
        self._store = store
        self._clock = clock
        self._patience = patience
        self._follower: Follower | None = None
        self._reads = trio.CapacityLimiter(READERS)
        self._searches = trio.CapacityLimiter(1)
        self._token = trio.lowlevel.current_trio_token()
        self._is_closing = False
        self._closed = trio.Event()
        self._lock = threading.Lock()
        self._open: Batch | None = None
        self._unsettled: dict[Task, None] = {}
        self._writer = Writer(store, clock, patience.probe_s, begin=self._begin, report=self._report)
        self.commits = self._writer.commits
        self._writer.start()

    def post(self, draft: Draft) -> Batch:
        """Take a draft: it is kept together with all that come before the thread is free for them."""
        with self._lock:
            batch = self._open or self._open_batch()
            batch.drafts.append(draft)
        return batch

    async def settled(self) -> None:
        """Return when all that was posted is durable, or will not be."""
        await trio.lowlevel.checkpoint()
        for task in tuple(self._unsettled):
            if isinstance(task, Batch):
                with suppress(JournalError):  # who posted it is told
                    await task.kept()

    def follow(self) -> Follower:
        """Return the entries to come, for one reader: a later call leaves the earlier reader without news."""
        self._follower = Follower()
        return self._follower

    @property
    def pruned_to(self) -> int:
        """The highest id that was ever pruned."""
        return self._store.upkeep.pruned_to

    @property
    def damage(self) -> str | None:
        """Which entries were found to be damaged."""
        return self._readers.damage.text

    async def read(
        self, room: str | None, *, limit: int, before: int | None = None, after: int | None = None
    ) -> list[Past]:
        """Return up to `limit` entries of `room`, oldest first. What it returns may still be on its way to `follow`."""
        return await self._look(partial(self._readers.read, room, limit, before, after))

    async def rooms(self) -> list[RoomRecord]:
        """Return all rooms of many in which something was said."""
        return await self._look(self._readers.rooms)

    async def search(self, rooms: Sequence[str], words: str, *, limit: int, before: int | None = None) -> list[Past]:
        """Return the newest entries that hold all words, oldest first. One search at a time; pages need not wait."""
        if not rooms or not (wanted := phrases(words)):
            await trio.lowlevel.checkpoint()
            return []
        return await self._look(partial(self._readers.search, rooms, wanted, limit, before), self._searches)

    async def find(self, session: str, key: str) -> Past | None:
        """Return what was kept under this session and key."""
        return await self._look(partial(self._readers.find, session, key))

    async def prune(self, *, older_than: float | None = None, more_than: int | None = None) -> None:
        """Remove entries slice by slice, at leisure."""
        cutoff = None if older_than is None else self._clock() - older_than
        target = await self._look(partial(self._readers.prunable_to, cutoff, more_than))
        while self.pruned_to < target:
            took_s = await self._do(partial(self._store.prune_some, target))
            await trio.sleep(took_s * PRUNE_RESTS)

    async def load(self, entries: Iterable[Entry], origin: Origin) -> int:
        """Keep entries of another journal, all or none; the iterable runs in a thread."""
        count = await self._do(partial(self._store.load, entries, origin))
        self.epoch, self.last_id = self._store.epoch, self._store.last_id
        return count

    async def record_audit(self, record: AuditRecord) -> None:
        """Keep a record."""
        await self._do(partial(self._store.record_audit, record))

    async def read_audit(self, limit: int) -> list[AuditRecord]:
        """Return the newest records, oldest first."""
        return await self._look(partial(self._readers.audit, limit))

    async def add_ban(self, ban: BanRecord) -> None:
        """Keep a ban, in place of an earlier one of the same network."""
        await self._do(partial(self._store.add_ban, ban))

    async def remove_ban(self, network: str) -> None:
        """Forget a ban, if there is one."""
        await self._do(partial(self._store.remove_ban, network))

    async def read_bans(self) -> list[BanRecord]:
        """Return all bans, oldest first."""
        return await self._look(self._readers.bans)

    async def save_sessions(self, taken: Sequence[SessionRecord], left: Sequence[str]) -> None:
        """Keep places, and forget those of others."""
        await self._do(partial(self._store.places.save, taken, left))

    async def read_sessions(self) -> list[SessionRecord]:
        """Return all places."""
        return await self._look(self._readers.places)

    def lose(self, damage: str) -> None:
        """Keep nothing more, since the file was found to be damaged."""
        self._writer.damage = damage
        self._note(damage)

    async def aclose(self, close_by: Callable[[], float] = lambda: math.inf) -> None:
        """Keep what was posted and let go of the file. What is not kept in time fails, which the log says."""
        self._is_closing = self._writer.is_hasty = True
        self._readers.close()  # first: only a connection that writes can put the log into the file, and only the last
        self._hand_over(None)
        patience_s = min(self._patience.close_s, max(self._patience.hasty_s, close_by() - trio.current_time()))
        with trio.move_on_after(patience_s, shield=True):
            await self._closed.wait()
        self._give_up()
        if self._follower:
            self._follower.close()

    def _give_up(self) -> None:
        """Tell those who still wait that what they wait for will not be."""
        if lines := sum(len(task.drafts) for task in self._unsettled if isinstance(task, Batch)):
            logger.error("%d entries may not be kept: the journal did not answer in time: %s", lines, self._store.path)
        for task in self._unsettled:
            task.settle("the journal did not answer in time")
        self._unsettled.clear()

    def _open_batch(self) -> Batch:
        batch = Batch()
        if self._is_closing:
            batch.settle("the journal is closed")
            return batch
        self._open = batch
        self._unsettled[batch] = None
        self._hand_over(batch)
        return batch

    def _hand_over(self, task: Batch | None) -> None:
        """Give the thread what it is to do once everyone has been heard whose bytes are there already.

        What four senders say at once is then one commit and one pass of the pump, not two or more of each.
        """
        self._token.run_sync_soon(self._writer.put, task)

    async def _look(self, question: Callable[[], T], limiter: trio.CapacityLimiter | None = None) -> T:
        if self._is_closing:
            raise JournalError("the journal is closed")
        # Abandoned, or a long search would keep a server from stopping; its thread holds its place until it is done.
        return await trio.to_thread.run_sync(question, limiter=limiter or self._reads, abandon_on_cancel=True)

    async def _do(self, work: Callable[[], T]) -> T:
        if why := "the journal is closed" if self._is_closing else self._writer.damage:
            raise JournalError(why)
        errand = Job(partial(self._store.in_place, work))
        self._unsettled[errand] = None
        self._writer.put(errand)
        return await errand.done()

    def _heed(self, report: Report) -> None:
        """Take what the thread reports."""
        match report:
            case Batch():
                self._publish(report)
            case Job():
                self._finish(report)
            case Finding(error):
                self._note(error)
            case None:
                self._closed.set()
            case _:
                assert_never(report)

    def _publish(self, batch: Batch) -> None:
        if batch not in self._unsettled:  # given up while it was being written
            return
        del self._unsettled[batch]
        self._note(batch.error)
        batch.settle()
        if batch.error is None and batch.entries:
            self.last_id = batch.entries[-1].id
            if self._follower:
                self._follower.hear(batch.entries)

    def _finish(self, errand: Job[Any]) -> None:
        if errand in self._unsettled:  # not given up while it was being done
            del self._unsettled[errand]
            errand.settle()

    def _note(self, error: str | None) -> None:
        error = self._writer.damage or error
        was_ill, self.fault = self.fault, error and f"{self._store.path}: {error}"
        if self.fault and not was_ill:
            logger.error("nothing can be kept: %s", self.fault)
        elif was_ill and not self.fault:
            logger.warning("the journal is well again: %s", self._store.path)

    # These two run on the thread that writes.

    def _begin(self, batch: Batch) -> None:
        with self._lock:
            if self._open is batch:
                self._open = None

    def _report(self, report: Report) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._heed, report)
