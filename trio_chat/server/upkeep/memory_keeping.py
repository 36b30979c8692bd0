"""Memories of members: read when they prove their name, and kept in the journal, all changes of a second together."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import trio

from trio_chat.chat.accounts.account import AccountMemory, RoomMark
from trio_chat.chat.accounts.memory import LiveMemory
from trio_chat.journal import AccountStore, Journal, JournalError, MarkRecord, MemoryRecord, need

KEEP_EVERY_S = 1.0
"""Between two writes. Whatever a member does, that is one row a second at most."""

AT_ONCE = 500
"""Memories in one transaction."""

SPARE_MAX = 1000
"""Memories held of members who are not here: one may have proven a name, and not entered yet."""

logger = logging.getLogger(__name__)


class MemoryKeeping:
    """The memories of all members who are here."""

    def __init__(self, journal: Journal, *, is_here: Callable[[str], bool], is_known: Callable[[str], bool]) -> None:
        """`is_here` tells whether an account has places, `is_known` whether there still is one of that id."""
        self._journal = journal
        self._store = need(journal, AccountStore)
        self._is_here = is_here
        self._is_known = is_known
        self._memories: dict[str, LiveMemory] = {}
        """By account, those read last at the end."""
        self._changed: dict[str, None] = {}
        """Accounts of which something is to be kept, in the order of changing."""
        self._showing: set[str] = set()
        self._wake = trio.Event()
        self._keeping = trio.Lock()

    async def read(self, account: str) -> None:
        """Read what is remembered of a member who comes back. Where that fails, nothing is remembered meanwhile.

        Raises nothing: it keeps nobody out.
        """
        if account in self._memories:
            return
        try:
            kept = await self._store.read_memory(account)
        except JournalError as error:
            logger.warning("what is remembered of a member cannot be read: %s", error)
            return
        self._memories.setdefault(account, LiveMemory(_memory_of(kept) if kept else AccountMemory()))

    def of(self, account: str) -> LiveMemory | None:
        """Return the memory of a member who is here. -> None for guests, and where it could not be read"""
        return self._memories.get(account)

    @contextmanager
    def showing(self, account: str) -> Iterator[None]:
        """Do not take the mailbox of a member for read by what is sent, in this block: older messages are shown."""
        self._showing.add(account)
        try:
            yield
        finally:
            self._showing.discard(account)

    def is_showing(self, account: str) -> bool:
        """Tell whether private messages that waited are being shown to a member."""
        return account in self._showing

    def note_room(self, account: str, room: str, is_in: bool) -> None:
        """Note that a member is in a room from now on, or has left it for good."""
        if memory := self.of(account):
            mark = RoomMark(self._journal.last_id, time.time())
            if memory.enter(room, mark) if is_in else memory.leave(room):
                self._note_change(account)

    def note_read(self, account: str, room: str, entry_id: int) -> bool:
        """Move the read mark of a member in a room. -> whether it moved"""
        memory = self.of(account)
        newest_id = self._journal.last_id
        if memory is None or not memory.read(room, RoomMark(min(entry_id, newest_id), time.time())):
            return False
        self._note_change(account)
        return True

    def note_ignored(self, account: str, names: Iterable[str]) -> None:
        """Remember whom a member ignores."""
        memory = self.of(account)
        if memory and memory.ignore(names):
            self._note_change(account)

    async def run(self) -> None:
        """Keep memories until cancelled."""
        while True:
            await self._wake.wait()
            try:
                await self.keep()
            except JournalError as error:
                logger.warning("what members have read cannot be kept: %s", error)
            await trio.sleep(KEEP_EVERY_S)
            self._forget_spare()

    async def keep_last(self) -> None:
        """Keep all that has changed when the server stops. Raises nothing."""
        try:
            await self.keep()
        except JournalError as error:
            logger.error("what members have read is lost: %s", error)

    async def keep(self) -> None:
        """Keep all that has changed. Raises JournalError; then it is to be kept the next time."""
        async with self._keeping:
            self._wake = trio.Event()
            while self._changed:
                accounts = list(self._changed)[:AT_ONCE]
                for account in accounts:
                    del self._changed[account]
                records = [
                    _record_of(account, memory.now)
                    for account in accounts
                    if (memory := self.of(account)) and self._is_known(account)
                ]
                try:
                    await self._store.keep_memories(records)
                except BaseException:
                    self._changed = dict.fromkeys((*accounts, *self._changed))
                    self._wake.set()
                    raise

    def _note_change(self, account: str) -> None:
        self._changed[account] = None
        self._wake.set()

    def _forget_spare(self) -> None:
        """Forget the memories of members who have gone, but for the last few."""
        gone = [it for it in self._memories if it not in self._changed and not self._is_here(it)]
        for account in gone[: max(0, len(gone) - SPARE_MAX)]:
            del self._memories[account]


def _memory_of(record: MemoryRecord) -> AccountMemory:
    return AccountMemory(
        record.rooms, record.ignored, {mark.room: RoomMark(mark.id, mark.time) for mark in record.marks}
    )


def _record_of(account: str, memory: AccountMemory) -> MemoryRecord:
    marks = tuple(MarkRecord(room, mark.id, mark.time) for room, mark in memory.marks.items())
    return MemoryRecord(account, memory.rooms, memory.ignored, marks)
