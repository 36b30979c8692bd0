"""The way of a draft into a store and out to the follower: the same for all engines. It must know no store."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import trio

from trio_chat.chat.events import Draft
from trio_chat.chat.session_record import SessionChange, SessionRecord
from trio_chat.journal.batch import Batch
from trio_chat.journal.follower import Follower
from trio_chat.journal.records import JournalError

CLOSED = "the journal is closed"

logger = logging.getLogger(__name__)


class Intake:
    """Collects drafts in a batch until the engine begins to write it, and publishes those that were kept.

    An engine's journal inherits from it. It is given each batch once, by `submit`; calls `begin` when it takes no more
    drafts into it, and `finish` when it is durable or has failed. All but `begin` are for the Trio thread.

    A draft that failed is gone, and its sender knows. A session change that failed is posted again, once the journal is
    well, unless a later one of the same owner was kept meanwhile.
    """

    def __init__(
        self, submit: Callable[[Batch], None], *, last_id: int, name: str, session_owners: Iterable[str] = ()
    ) -> None:
        """`submit` may not wait. `name` is that of the store in messages, `session_owners` those of its records."""
        self.last_id = last_id
        self.fault: str | None = None
        self._submit = submit
        self._name = name
        self._open: Batch | None = None
        self._unsettled: dict[Batch, None] = {}
        self._is_closing = False
        self._lock = threading.Lock()
        self._follower: Follower | None = None
        self._session_owners = set(session_owners)
        self._failed_changes: dict[str, SessionChange] = {}

    def post(self, *drafts: Draft, sessions: Sequence[SessionChange] = ()) -> Batch:
        """Queue drafts and session changes: they are kept with all that come before the engine begins."""
        with self._lock:
            batch = self._open or self._open_batch()
            batch.drafts += drafts
            if sessions:
                batch.sessions.update((change.owner, change) for change in sessions)
        return batch

    async def settled(self) -> None:
        """Return when everything posted so far is durable, or has failed."""
        await trio.lowlevel.checkpoint()
        for batch in tuple(self._unsettled):
            with suppress(JournalError):  # whoever posted it learns that
                await batch.kept()

    def follow(self) -> Follower:
        """Return the entries to come, for one reader: a later call leaves the earlier reader without any."""
        self._follower = Follower()
        return self._follower

    def begin(self, batch: Batch) -> None:
        """Let no more drafts into a batch. From any thread."""
        with self._lock:
            if self._open is batch:
                self._open = None

    def finish(self, batch: Batch) -> None:
        """Publish a batch that is durable, or report that it failed."""
        if batch not in self._unsettled:  # given up while it was being written
            return
        del self._unsettled[batch]
        self._track_changes(batch)
        self.set_fault(batch.error)
        batch.settle()
        if batch.error is None and batch.entries:
            self.last_id = batch.entries[-1].id
            if self._follower:
                self._follower.publish(batch.entries)

    def set_fault(self, error: str | None) -> None:
        """Set the reason why nothing can be kept, or None; a change is logged."""
        had_fault, self.fault = self.fault, error and f"{self._name}: {error}"
        if self.fault and not had_fault:
            logger.error("nothing can be kept: %s", self.fault)
        elif had_fault and not self.fault:
            logger.warning("the journal is well again: %s", self._name)
            self._post_failed_changes()

    def give_up(self, error: str) -> int:
        """Fail every batch that is not settled yet. -> the number of drafts in them"""
        batches, self._unsettled = tuple(self._unsettled), {}
        for batch in batches:
            batch.settle(error)
        return sum(len(batch.drafts) for batch in batches)

    def end_following(self) -> None:
        """End the reader's iteration once it has read the remaining entries."""
        if self._follower:
            self._follower.close()

    def _track_changes(self, batch: Batch) -> None:
        """Remember the owners of the records that the store has, and the changes that failed."""
        for owner, change in batch.sessions.items():
            is_record = isinstance(change, SessionRecord)
            if batch.error is None:
                self._failed_changes.pop(owner, None)
                (self._session_owners.add if is_record else self._session_owners.discard)(owner)
            elif is_record or owner in self._session_owners:
                self._failed_changes[owner] = change
            else:  # it came and went while nothing could be kept: there is nothing to delete
                self._failed_changes.pop(owner, None)

    def _post_failed_changes(self) -> None:
        """Post them in a batch of their own, so that no draft fails with them."""
        later = {owner for batch in self._unsettled for owner in batch.sessions}
        changes = {owner: change for owner, change in self._failed_changes.items() if owner not in later}
        if changes:
            with self._lock:
                open_batch = self._open
                self._open_batch().sessions = changes
                self._open = open_batch

    def _open_batch(self) -> Batch:
        batch = Batch()
        if self._is_closing:
            batch.settle(CLOSED)
            return batch
        self._open = batch
        self._unsettled[batch] = None
        self._submit(batch)
        return batch
