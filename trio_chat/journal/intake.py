"""The way of a draft into a store and out to the follower: the same for all engines. It must know no store."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import trio

from trio_chat.chat.events import Draft
from trio_chat.chat.session_record import SessionChange
from trio_chat.journal.batch import Batch
from trio_chat.journal.follower import Follower
from trio_chat.journal.records import JournalError

CLOSED = "the journal is closed"

logger = logging.getLogger(__name__)


class Intake:
    """Collects drafts in a batch until the engine begins to write it, and publishes those that were kept.

    An engine's journal inherits from it. It is given each batch once, by `submit`; calls `begin` when it takes no more
    drafts into it, and `finish` when it is durable or has failed. All but `begin` are for the Trio thread.
    """

    def __init__(self, submit: Callable[[Batch], None], *, last_id: int, name: str) -> None:
        """`submit` may not wait. `name` is that of the store in messages."""
        self.last_id = last_id
        self.fault: str | None = None
        self._submit = submit
        self._name = name
        self._open: Batch | None = None
        self._unsettled: dict[Batch, None] = {}
        self._is_closing = False
        self._lock = threading.Lock()
        self._follower: Follower | None = None

    def post(self, *drafts: Draft, sessions: Sequence[SessionChange] = ()) -> Batch:
        """Queue drafts and session changes: they are kept with all that come before the engine begins."""
        with self._lock:
            batch = self._open or self._open_batch()
            batch.drafts += drafts
            for change in sessions:
                batch.sessions[change.owner] = change
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

    def _open_batch(self) -> Batch:
        batch = Batch()
        if self._is_closing:
            batch.settle(CLOSED)
            return batch
        self._open = batch
        self._unsettled[batch] = None
        self._submit(batch)
        return batch
