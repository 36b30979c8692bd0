"""The journal in Redis: one script keeps each batch and appends it to the log, which every node reads.

A batch is settled when this node has read its entries from the log.
"""

import logging
import math
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from trio_chat.chat.events import Entry
from trio_chat.journal.batch import Batch
from trio_chat.journal.durability import Durability
from trio_chat.journal.intake import Intake
from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.accounts import RedisAccounts
from trio_chat.journal.redis.address import RedisAddress
from trio_chat.journal.redis.claim import Claim, NewestEntry, NodeInUseError, claim
from trio_chat.journal.redis.conversations import SEARCH_ENTRIES_MAX, SEARCHES_MAX, RedisSearch
from trio_chat.journal.redis.errors import NoAnswerError
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.loading import RedisLoading
from trio_chat.journal.redis.log_reader import LogReader
from trio_chat.journal.redis.node_identity import Node, lock_identity
from trio_chat.journal.redis.nodes import RedisNodes
from trio_chat.journal.redis.opening import check_redis, is_everything
from trio_chat.journal.redis.primary import PrimaryFinder
from trio_chat.journal.redis.pruning import RedisPruning
from trio_chat.journal.redis.record_codec import RecordCodec
from trio_chat.journal.redis.record_keeper import RecordKeeper
from trio_chat.journal.redis.tables import RedisTables
from trio_chat.journal.redis.times import RedisTimes
from trio_chat.journal.redis.writer import BatchWriter

LINKS = 5
"""Connections to Redis: to write batches, to follow the log, to follow signals, to write records, and to read."""

WAIT_INTERVAL_S = 0.5
"""Between two attempts to reach Redis at the start."""

BATCH_MAX = 400
"""Drafts and session changes that one script keeps: 7 ms of Redis, in which nobody else is served."""

LOST_AGAIN = "Redis lost it"

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_redis(
    address: RedisAddress,
    data: Path,
    *,
    durability: Durability = Durability.STRICT,
    close_by: Callable[[], float] = lambda: math.inf,
    clock: Callable[[], float] = time.time,
    search_entries_max: int = SEARCH_ENTRIES_MAX,
    times: RedisTimes | None = None,
) -> AsyncIterator["RedisJournal"]:
    """Open the chat at an address, or begin one; waits while Redis cannot be reached. Raises JournalError.

    `data` is the folder with the identity of this node, and its name unless the address has one. Leaving the context
    keeps what was posted, as far as that can be done by `close_by`, a time of Trio's clock.
    """
    times = times or RedisTimes.with_lease(address.lease_s)
    node, lock = await trio.to_thread.run_sync(lock_identity, data, address.node)
    error: Exception | None = None
    try:
        finder = PrimaryFinder(address, times)
        links = [RedisLink(address, times, finder) for _ in range(LINKS)]
        async with trio.open_nursery() as nursery:
            try:  # errors are raised outside: the nursery would wrap them in groups
                for link in links:
                    await nursery.start(link.run)
                promise, held = await _reach(links[0], node, durability, close_by, times.lease_s)
                journal = RedisJournal(
                    links, node, held, promise, clock=clock, search_entries_max=search_entries_max, times=times
                )
                await journal.start(nursery)
                nursery.start_soon(finder.watch)
                nursery.start_soon(journal.check_others, finder, durability)
                try:
                    yield journal
                finally:
                    await journal.aclose(close_by)
            except Exception as raised:
                error = raised
            nursery.cancel_scope.cancel()
    finally:
        os.close(lock)
    if error:
        raise error


async def _reach(
    link: RedisLink, node: Node, durability: Durability, close_by: Callable[[], float], lease_s: float
) -> tuple[str, Claim]:
    """Check Redis and claim the name of the node, as soon as possible. Returns the promise and the claim."""
    has_said = False
    while True:
        try:
            return await check_redis(link, durability), await claim(link, node, NewestEntry(), lease_s=lease_s)
        except NoAnswerError as error:
            if close_by() < math.inf:
                raise
            if not has_said:
                logger.warning("waiting for the journal: %s: %s", link.address, error)
            has_said = True
            await trio.sleep(WAIT_INTERVAL_S)
        except NodeInUseError:
            raise
        except JournalError as error:
            raise JournalError(f"cannot use the journal {link.address}: {error}") from error


class RedisJournal(Intake, RedisSearch, RedisPruning, RedisLoading, RedisTables, RedisAccounts):
    """A chat in Redis, for the task that opened it and its children."""

    def __init__(
        self,
        links: Sequence[RedisLink],
        node: Node,
        held: Claim,
        promise: str,
        *,
        clock: Callable[[], float],
        search_entries_max: int,
        times: RedisTimes,
    ) -> None:
        writing, following, signalling, recording, self._reads = links
        self.address = self._reads.address
        super().__init__(
            lambda batch: self._writer.put(batch), last_id=held.last_id, name=str(self.address), batch_max=BATCH_MAX
        )
        self.epoch, self.pruned_to, self.promise = held.epoch, held.pruned_to, promise
        if self.address.replicas:
            self.readable_to = held.last_id
        self._node = node
        self._damaged: set[int] = set()
        self._codec = RecordCodec()
        self._mute_numbers: dict[int, int] = {}
        self._clock, self._times = clock, times
        self._searches, self._search_entries_max = trio.CapacityLimiter(SEARCHES_MAX), search_entries_max
        self._log_failure: str | None = None
        self._unread: deque[Batch] = deque()
        """Batches that are kept, and whose entries were not read from the log yet."""
        self._has_written = trio.Event()
        self._writer = BatchWriter(
            writing,
            node,
            held,
            self,
            self,
            self._codec,
            on_claim=self._take_claim,
            on_kept=self._note_outcome,
            on_pruned=self._note_pruned,
            times=times,
        )
        self._log = LogReader(
            following,
            self,
            held.last_id,
            on_entries=self._publish_entries,
            on_failure=self._note_log_failure,
            times=times,
        )
        self.commits = self._writer.commits
        self.nodes = RedisNodes(
            (self._reads, signalling),
            node,
            held.starts,
            times,
            self._codec,
            fence=lambda: self._writer.fence,
            on_pruned=self._note_pruned,
            on_moved=self.note_moved,
            on_abandoned=self.end_refusing,
            settled=self.settled,
            catch_up=self._catch_up,
            wall_clock=clock,
        )
        self._records = RecordKeeper(recording, self.nodes)

    async def start(self, nursery: trio.Nursery) -> None:
        """Read the session records and start the tasks. Raises JournalError."""
        self.set_kept_records(await self.read_sessions())
        nursery.start_soon(self._write)
        nursery.start_soon(self._log.run)
        nursery.start_soon(self.nodes.run)
        if not is_everything(self.promise, self.address.replicas):
            logger.warning("the journal %s: %s", self.address, self.promise)

    async def check_others(self, finder: PrimaryFinder, durability: Durability) -> None:
        """Check every new primary, until cancelled: its settings may promise less."""
        while True:
            await finder.has_moved.wait()
            finder.has_moved = trio.Event()
            try:
                self.promise = await check_redis(self._reads, durability)
            except NoAnswerError:
                finder.has_moved.set()
                await trio.sleep(self._times.retry_s)
            except JournalError as error:
                self.promise = f"the present primary promises less than was asked for: {error}"
                logger.error("the journal %s: %s", self.address, self.promise)

    async def _write(self) -> None:
        try:
            await self._writer.run()
        except JournalError as error:
            logger.warning("the journal %s: %s", self.address, error)
        self._has_written.set()

    def set_fault(self, error: str | None) -> None:
        """Set the reason why nothing can be kept, or None."""
        super().set_fault(error or self._writer.failure or self._log.failure)

    def publish_batch(self, batch: Batch) -> None:
        """Do nothing: its entries were published when they were read from the log."""

    async def aclose(self, close_by: Callable[[], float] = lambda: math.inf) -> None:
        """Keep what was posted. What is not kept in time fails, which is logged."""
        self._is_closing = True
        left_s = close_by() - trio.current_time()
        with trio.move_on_after(min(self._times.close_max_s, max(self._times.close_min_s, left_s)), shield=True):
            self.submit_now()
            self._writer.end()
            await self._has_written.wait()
            await self.settled()
        late = "the journal did not answer in time"
        if count := self.give_up(late):
            logger.error("%d entries may not be kept: %s: %s", count, late, self.address)
        self.end_following()

    async def _catch_up(self, entry_id: int) -> None:
        """Return when the entry with an id has been read from the log, or where there is none. Raises JournalError."""
        stream = "replicated" if self.address.replicas else "log"
        newest = await self._reads.newest(stream, below=None, count=1)
        if newest and newest[0][0] >= entry_id:
            with trio.move_on_after(self._times.answer_s):  # one that was written by hand may never be read
                await self._log.read(entry_id)

    def _note_outcome(self, batch: Batch) -> None:
        """Settle a batch that has failed or was read from the log; let any other wait for the log."""
        if batch.error or not batch.entries or batch.entries[-1].id <= self._log.read_to:
            self.finish(batch)
        else:
            self._unread.append(batch)

    def _publish_entries(self, entries: Sequence[Entry], newest: NewestEntry) -> None:
        """Publish entries that were read from the log, and settle the batches that they are of."""
        self._writer.note_newest(newest)
        self.publish(entries)
        while self._unread and self._unread[0].entries[-1].id <= self._log.read_to:
            self.finish(self._unread.popleft())

    def _note_log_failure(self) -> None:
        """Let the claim be checked soon, and report where the log cannot be read though Redis answers."""
        if self._log.failure != self._log_failure:  # else a fault that the writer has set meanwhile would be cleared
            self._log_failure = self._log.failure
            self.set_fault(None)
        self._writer.check_claim_soon()

    def _note_pruned(self, to: int) -> None:
        """Note what this or another node has pruned."""
        self.pruned_to = max(self.pruned_to, to)

    def _take_claim(self, held: Claim) -> None:
        """Adopt the state of the chat that came with a new claim, and report where entries were lost."""
        self.pruned_to = held.pruned_to
        self.nodes.begin_again(was_adopted=held.was_adopted, has_lost=held.epoch != self.epoch)
        if held.epoch == self.epoch:
            return
        logger.error("Redis lost entries that people have seen: %s: the chat has a new epoch", self.address)
        self.epoch = held.epoch
        while self._unread:
            batch = self._unread.popleft()
            batch.error = LOST_AGAIN
            self.finish(batch)
