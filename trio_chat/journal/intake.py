"""The way of a draft into a store and out to the follower. The same for all engines; it must know no store."""

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import trio

from trio_chat.chat.events import Draft, Entry
from trio_chat.chat.presence import Difference, overdue_notices
from trio_chat.chat.session_record import SessionChange, SessionEnd, SessionRecord
from trio_chat.journal.batch import Batch
from trio_chat.journal.follower import Follower
from trio_chat.journal.records import JournalError

CLOSED = "the journal is closed"

logger = logging.getLogger(__name__)


class Intake:
    """Collects drafts in a batch until the engine begins to write it, and publishes those that were kept.

    An engine's journal inherits from it. `submit` is called once with each batch, when the loop has handled all clients
    whose bytes were there already: what four senders say at once is then one commit and one pass of the pump, not two
    or more of each. For each batch the engine calls `begin` when it takes no more drafts into it (the answer may be
    that the batch must fail), `record_outcome` when it is durable or has failed and before the next one begins, and
    then `finish`: this on the Trio thread, the others on any.

    A draft that failed is gone, and its sender knows. A session change that failed is *overdue*, and so is every later
    one until the batch of `take_overdue` is kept: it has the records of now, and the notices that lead to them from
    those kept last. An engine writes that batch before any other, so each notice follows from the ones before it.
    """

    def __init__(
        self,
        submit: Callable[[Batch], None],
        *,
        last_id: int,
        name: str,
        sessions: Iterable[SessionRecord] = (),
        batch_max: int = sys.maxsize,
    ) -> None:
        """`submit` may not wait. `name` is that of the store in messages, `sessions` the records in it.

        A batch of `batch_max` drafts and session changes takes no more; what was posted together is never parted.
        """
        self.last_id = last_id
        self.fault: str | None = None
        self._submit = submit
        self._name = name
        self._batch_max = batch_max
        self._unbegun: dict[Batch, None] = {}
        """The batches that are not begun, in order. Drafts go into the last one."""
        self._unsubmitted: list[Batch] = []
        self._is_posted = trio.Event()
        self._unsettled: dict[Batch, None] = {}
        self._is_closing = False
        self._failures = 0
        self._failures_known = 0
        self._last_error = ""
        self._lock = threading.Lock()
        self._follower: Follower | None = None
        self._kept = {record.owner: record for record in sessions}
        """The session records in the store, by owner."""
        self._overdue: dict[str, SessionChange] = {}
        """The last change of each owner since one failed. While there are any, no batch has changes but those begun."""
        trio.lowlevel.spawn_system_task(self._submit_forever)

    def post(self, *drafts: Draft, sessions: Sequence[SessionChange] = (), superseded: Sequence[Draft] = ()) -> Batch:
        """Queue drafts and session changes: they are kept with all that come before the engine begins.

        Changes in `sessions` are put off while others are overdue, and `drafts` and `superseded` posted with them are
        dropped: `take_overdue` makes the notices anew, from the records kept last and those of now.
        """
        with self._lock:
            batch = self._open_batch()
            if sessions and self._overdue:
                self._postpone(sessions)
                return batch  # which is kept only after what is overdue
            batch.add(drafts)
            for draft in superseded:
                batch.add((draft,))
            if sessions:
                batch.add_changes(sessions, drafts)
        return batch

    async def settled(self) -> None:
        """Return when everything posted so far is durable, or has failed."""
        await trio.lowlevel.checkpoint()
        for batch in tuple(self._unsettled):
            with suppress(JournalError):  # whoever posted it learns that
                await batch.kept()

    def follow(self) -> Follower:
        """Return the entries to come, for one reader: only the latest caller gets them."""
        self._follower = Follower()
        return self._follower

    def begin(self, batch: Batch) -> str | None:
        """Let no more drafts into a batch. Returns the reason why it must fail, or None.

        It must fail if an earlier one failed and nobody could know that yet: a speaker's line would be kept without, or
        before, the earlier line that failed.
        """
        with self._lock:
            self._unbegun.pop(batch, None)
            return self._last_error if batch.failures_known < self._failures else None

    def record_outcome(self, batch: Batch) -> None:
        """Note which session records are kept now, or that the changes of a batch and all later ones are overdue."""
        with self._lock:
            if batch.error is None:
                self._track_records(batch)
                return
            self._failures += 1
            self._last_error = batch.error
            if batch.sessions:
                self._overdue |= batch.sessions
                for later in self._unbegun:
                    self._overdue |= later.remove_changes()

    def take_overdue(self) -> Batch | None:
        """Return a batch with all overdue changes, to be written before anything else; None where there are none."""
        with self._lock:
            changes, self._overdue = self._overdue, {}
            differing = [change for change in changes.values() if self._kept_change(change.owner) != change]
            differences = [self._difference(change) for change in differing]
        if not differing:
            return None
        batch = Batch()
        batch.drafts += overdue_notices(differences)
        batch.add_changes(differing, batch.drafts)
        self._unsettled[batch] = None
        return batch

    def finish(self, batch: Batch) -> None:
        """Publish a batch that is durable, or report that it failed."""
        if batch not in self._unsettled:  # given up while it was being written
            return
        del self._unsettled[batch]
        self._failures_known += batch.error is not None
        self.set_fault(batch.error)
        batch.settle()
        if batch.error is None and batch.entries:
            self.publish_batch(batch)

    def publish_batch(self, batch: Batch) -> None:
        """Publish the entries of a batch. Overridden by an engine that reads all entries from its store instead."""
        self.publish([*batch.tombstones, *batch.entries] if batch.tombstones else batch.entries)

    def publish(self, entries: Sequence[Entry]) -> None:
        """Hand durable entries to the reader of `follow`. The last is no tombstone: its notice follows it."""
        self.last_id = entries[-1].id
        if self._follower:
            self._follower.publish(entries)

    def set_kept_records(self, sessions: Iterable[SessionRecord]) -> None:
        """Set the session records in the store, if they were not known when the intake was made."""
        self._kept = {record.owner: record for record in sessions}

    def note_moved(self, taken: Iterable[SessionRecord], lost: Iterable[str]) -> None:
        """Note session records that this store has from now on, and owners of records that another store has."""
        with self._lock:
            self._kept.update((record.owner, record) for record in taken)
            for owner in lost:
                self._kept.pop(owner, None)
                self._overdue.pop(owner, None)

    def begin_refusing(self, error: str) -> None:
        """Forget all session records, which another store has, and let all batches fail until `end_refusing`."""
        with self._lock:
            self._kept, self._overdue = {}, {}
            self._failures += 1
            self._last_error = error

    def end_refusing(self) -> None:
        """Let batches that are posted from now on be kept again."""
        self._failures_known = self._failures

    def note_kept(self, batch: Batch) -> None:
        """Note that a batch was kept after all, which was in doubt and therefore reported as failed."""
        with self._lock:
            self._track_records(batch)

    def kept_records(self) -> list[SessionRecord]:
        """Return the session records that are kept."""
        with self._lock:
            return list(self._kept.values())

    def set_fault(self, error: str | None) -> None:
        """Set the reason why nothing can be kept, or None; a change is logged."""
        had_fault, self.fault = self.fault, error and f"{self._name}: {error}"
        if self.fault and not had_fault:
            logger.error("nothing can be kept: %s", self.fault)
        elif had_fault and not self.fault:
            logger.warning("the journal is well again: %s", self._name)

    def give_up(self, error: str) -> int:
        """Fail every batch that is not settled yet. Returns the number of drafts in them."""
        batches, self._unsettled = tuple(self._unsettled), {}
        for batch in batches:
            batch.settle(error)
        return sum(len(batch.drafts) for batch in batches)

    def submit_now(self) -> None:
        """Submit what was posted in this turn of the loop. For an engine that is being closed."""
        batches, self._unsubmitted = self._unsubmitted, []
        for batch in batches:
            self._submit(batch)

    def end_following(self) -> None:
        """End the reader's iteration once it has read the remaining entries. The journal is closed."""
        self._is_posted.set()
        if self._follower:
            self._follower.close()

    def _track_records(self, batch: Batch) -> None:
        for owner, change in batch.sessions.items():
            if isinstance(change, SessionRecord):
                self._kept[owner] = change
            else:
                self._kept.pop(owner, None)

    def _postpone(self, changes: Sequence[SessionChange]) -> None:
        """Add changes to those that are overdue."""
        for change in changes:
            if isinstance(change, SessionRecord) or change.owner in self._kept:
                self._overdue[change.owner] = change
            else:  # it came and went while nothing could be kept: there is nothing to tell
                self._overdue.pop(change.owner, None)

    def _kept_change(self, owner: str) -> SessionChange:
        return self._kept.get(owner) or SessionEnd(owner)

    def _difference(self, change: SessionChange) -> Difference:
        kept = self._kept.get(change.owner)
        return kept and kept.as_told, change.as_told if isinstance(change, SessionRecord) else None

    def _open_batch(self) -> Batch:
        """Return the batch that drafts go into: the last one, unless it is full."""
        last = next(reversed(self._unbegun), None)
        if last and last.size < self._batch_max:
            return last
        batch = Batch(self._failures_known)
        if self._is_closing:
            batch.settle(CLOSED)
            return batch
        self._unbegun[batch] = self._unsettled[batch] = None
        self._unsubmitted.append(batch)
        self._is_posted.set()
        return batch

    async def _submit_forever(self) -> None:
        """Submit batches until the journal is closed.

        A call by `TrioToken.run_sync_soon` takes twice the time: it wakes the loop by a socket.
        """
        while not self._is_closing:
            await self._is_posted.wait()
            self._is_posted = trio.Event()
            self.submit_now()
