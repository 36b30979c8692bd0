"""The writing task: it takes batches in order, and has Redis keep each by one script.

While Redis does not answer, nobody knows whether the batch under way was kept. The task waits for the answer for a
while, then reports the batch to be in doubt. Before anything else is written, a new claim settles the doubt: its answer
names the last batch that was kept, and from then on Redis refuses writes under the former claim.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import trio

from trio_chat.chat.histogram import Histogram
from trio_chat.journal.batch import COMMIT_BOUNDS_S, Batch
from trio_chat.journal.intake import Intake
from trio_chat.journal.records import JournalError, Past
from trio_chat.journal.redis.appending import Outcome, arguments_of, fill, read_outcome, targets_of
from trio_chat.journal.redis.claim import Claim, NewestEntry, claim, mark_replicated, release, renew
from trio_chat.journal.redis.errors import NoAnswerError, NotConnectedError, in_doubt
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.node_identity import Node
from trio_chat.journal.redis.reader import RedisReader
from trio_chat.journal.redis.record_codec import RecordCodec
from trio_chat.journal.redis.replies import DamagedKeyError
from trio_chat.journal.redis.scripts import script
from trio_chat.journal.redis.times import TIMES, RedisTimes

TAKEN_OVER = "this server was out of reach for too long, and others have taken over its clients: connect again"

RESTORED_AT_ONCE = 500
"""Session records that one script saves: 2 ms of Redis, and as much here."""

logger = logging.getLogger(__name__)


class AdoptedError(JournalError):
    """Another node has taken over the clients of this one: what this node posts for them is not kept."""


class _NotClaimedError(Exception):
    """The claim has ended meanwhile."""


@dataclass(slots=True)
class _UnderWay:
    """A batch, and its number. It is in doubt while it was sent, and not answered."""

    batch: Batch
    number: int
    is_in_doubt: bool = False


class BatchWriter:
    """Keeps the batches that are passed to `put`, and reports to its journal by callbacks."""

    def __init__(
        self,
        link: RedisLink,
        node: Node,
        held: Claim,
        intake: Intake,
        reader: RedisReader,
        codec: RecordCodec,
        *,
        on_claim: Callable[[Claim], None],
        on_kept: Callable[[Batch], None],
        on_pruned: Callable[[int], None],
        times: RedisTimes = TIMES,
    ) -> None:
        """Start with the claim `held`.

        `on_claim` gets every new claim, `on_kept` every batch that is durable or has failed, and `on_pruned`, now and
        then, the highest id that was pruned by any node.
        """
        self.commits = Histogram(COMMIT_BOUNDS_S)
        self.failure: str | None = None
        """The reason why something could not be kept, until something can be."""
        self._patient_until = 0.0
        """Batches wait for Redis until then where it was missed while none was under way, by the clock of Trio."""
        self.newest = held.newest
        self._link, self._node, self._intake, self._reader, self._codec = link, node, intake, reader, codec
        self._on_claim, self._on_kept, self._on_pruned, self._times = on_claim, on_kept, on_pruned, times
        self._held: Claim | None = held
        self._epoch, self._starts = held.epoch, held.starts
        self._number = self._number_in_redis = held.batch
        """The number of the last batch that was kept, and of the last that Redis has: a failover may have lost some."""
        self._doubtful: _UnderWay | None = None
        self._queue: deque[Batch] = deque()
        self._wake = trio.Event()
        self._is_ending = False
        self._is_check_due = False
        self._was_adopted = False

    @property
    def fence(self) -> int | None:
        """The fencing number of the present claim; None where there is none."""
        return self._held.fence if self._held else None

    def put(self, batch: Batch) -> None:
        """Append a batch to the queue."""
        self._queue.append(batch)
        self._wake.set()

    def note_newest(self, newest: NewestEntry) -> None:
        """Note an entry that was read from the log."""
        if newest.id > self.newest.id:
            self.newest = newest

    def end(self) -> None:
        """Let `run` return once the queue is empty."""
        self._is_ending = True
        self._wake.set()

    def check_claim_soon(self) -> None:
        """Check the claim soon: another connection failed."""
        self._is_check_due = True
        self._wake.set()

    async def run(self) -> None:
        """Keep batches until told to end, and give the claim back."""
        while (batch := await self._next()) is not None:
            error = await self._keep_overdue()
            while error and not self._is_ending and trio.current_time() < self._patient_until:
                await trio.sleep(self._times.retry_s)
                error = await self._keep_overdue()
            refusal = self._intake.begin(batch)
            if self._was_adopted:
                self._was_adopted = refusal is not None
                if refusal:  # nor are the sessions of clients kept that others have
                    batch.sessions.clear()
            await self._keep(batch, refusal or error)
        if self._held:
            await release(self._link, self._node)

    async def _next(self) -> Batch | None:
        """Wait for the next batch; meanwhile, renew the lease or try to reach Redis now and then."""
        while not self._queue:
            if self._is_ending:
                return None
            self._wake = trio.Event()
            if not self._is_check_due:
                with trio.move_on_after(self._times.retry_s if self.failure else self._times.renew_s):
                    await self._wake.wait()
            if not self._queue and not self._is_ending:
                await self._probe()
        return self._queue.popleft()

    async def _probe(self) -> None:
        self._is_check_due = False
        try:
            if self._held and not self.failure:
                await self._renew(self._held)
            await self._ensure_claim()
            if overdue := await self._keep_overdue():
                raise JournalError(overdue)
        except JournalError as error:
            self._held = None
            if not self.failure:
                self._patient_until = trio.current_time() + self._times.patience_s
            self._note_attempt(str(error))
        else:
            self._note_attempt(None)

    async def _renew(self, held: Claim) -> None:
        state = await renew(self._link, self._node, held, lease_s=self._times.lease_s)
        if state is None:
            self._held = None
            return
        pruned_to, last_id = state
        self._on_pruned(pruned_to)
        # A node may have ended before it could mark its last batch.
        if not await mark_replicated(self._link, self._node, held, batch=self._number_in_redis, last_id=last_id):
            self._held = None

    def _note_attempt(self, error: str | None) -> None:
        self.failure = error
        self._intake.set_fault(error)

    async def _keep_overdue(self) -> str | None:
        """Keep the overdue session changes, if there are any. Returns the reason where they could not be kept."""
        if not self.failure:
            return None
        try:
            await self._ensure_claim()  # first: the last batch may be in doubt, and with it what is overdue
        except JournalError as error:
            return str(error)
        batch = self._intake.take_overdue()
        if batch is None:
            return None
        await self._keep(batch)
        return batch.error

    async def _keep(self, batch: Batch, error: str | None = None) -> None:
        """Keep a batch, or let it fail where there is an error already."""
        began = time.perf_counter()
        try:
            if error:
                raise JournalError(error)
            await self._keep_with_retries(batch)
            self.failure = None
        except JournalError as failure:
            batch.error = self.failure = str(failure)
            if isinstance(failure, AdoptedError):
                batch.sessions.clear()
        except Exception as failure:  # whatever it is, the next batch is tried: nobody else could write it
            logger.exception("a batch could not be kept")
            batch.error = self.failure = f"unexpected: {failure}"
            batch.sessions.clear()  # nor are these posted again: one of them may be the cause
        self.commits.observe(time.perf_counter() - began)
        self._intake.record_outcome(batch)
        self._on_kept(batch)

    async def _keep_with_retries(self, batch: Batch) -> None:
        """Have a batch kept, with retries until Redis has not worked for a while. Raises JournalError."""
        deadline = self._patient_until if self.failure else trio.current_time() + self._times.patience_s
        under_way = _UnderWay(batch, self._number + 1)
        while True:
            try:
                await self._keep_once(under_way)
                return
            except (NoAnswerError, _NotClaimedError) as error:
                self._held = None
                if trio.current_time() >= deadline:
                    if under_way.is_in_doubt:
                        self._doubtful = under_way
                        raise JournalError(in_doubt(error)) from error
                    raise JournalError(str(error) or "another server took this node over") from error
                self._intake.set_fault(str(error))
                await trio.sleep(self._times.retry_s)

    async def _keep_once(self, under_way: _UnderWay) -> None:
        """Have a batch kept. Raises NoAnswerError or _NotClaimedError where that may be tried again, JournalError."""
        held = await self._ensure_claim()
        if self._was_adopted and not (under_way.is_in_doubt and held.batch == under_way.number):
            raise AdoptedError(TAKEN_OVER)
        if under_way.is_in_doubt and held.batch == under_way.number:
            outcome = read_outcome(held.outcome)
        else:
            under_way.is_in_doubt = False
            outcome = await self._append(held, under_way)
        if len(outcome.ids) != len(under_way.batch.drafts):
            raise DamagedKeyError("the outcome of the last batch of this node")
        self._number = under_way.number
        if outcome.last_id > self.newest.id:
            self.newest = NewestEntry(outcome.last_id, outcome.micros)
        fill(under_way.batch, outcome, await self._entries(outcome.repeated_ids))

    async def _append(self, held: Claim, under_way: _UnderWay) -> Outcome:
        batch = under_way.batch
        arguments = await arguments_of(batch, await self._entries(targets_of(batch)), self._codec.encode)
        lease = self._node.holder, round(self._times.lease_s * 1000)
        try:
            answer = await self._link.keep(
                script("append"), self._node.name, held.fence, held.epoch, under_way.number, *lease, *arguments
            )
        except NotConnectedError:
            raise
        except NoAnswerError:
            under_way.is_in_doubt = True
            raise
        if answer[0] != b"ok":
            raise _NotClaimedError
        outcome = read_outcome(answer[1].decode(errors="replace"))
        under_way.is_in_doubt = True
        self._number_in_redis = under_way.number
        highest = max(map(abs, outcome.ids), default=0)
        if not await mark_replicated(self._link, self._node, held, batch=under_way.number, last_id=highest):
            raise _NotClaimedError
        under_way.is_in_doubt = False
        return outcome

    async def _entries(self, ids: list[int]) -> dict[int, Past]:
        return await self._reader.entries(ids) if ids else {}

    async def _ensure_claim(self) -> Claim:
        """Return the claim, or make a new one, which settles whether a batch in doubt was kept. Raises JournalError."""
        if self._held is None:
            held = await claim(
                self._link,
                self._node,
                self.newest,
                epoch=self._epoch,
                starts=self._starts,
                lease_s=self._times.lease_s,
            )
            if held.epoch != self._epoch:
                await self._restore_sessions()
                self._epoch = held.epoch
            self.newest = held.newest
            if self._doubtful:
                if self._doubtful.number == held.batch:
                    self._number = held.batch
                    self._intake.note_kept(self._doubtful.batch)
                self._doubtful = None
            self._held, self._number_in_redis = held, held.batch
            self._on_claim(held)
            if held.was_adopted:
                self._was_adopted = True
                self._intake.begin_refusing(TAKEN_OVER)
        return self._held

    async def _restore_sessions(self) -> None:
        """Save the session records anew: those in Redis were lost, or are older. Raises JournalError."""
        records = self._intake.kept_records()
        for start in range(0, max(len(records), 1), RESTORED_AT_ONCE):
            some = records[start : start + RESTORED_AT_ONCE]
            words = [word for record in some for word in (record.owner, self._codec.encode(record))]
            await self._link.keep(script("restore_sessions"), self._node.name, int(not start), *words)
