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

LOOKED_AT_PER_TURN = 1000
"""Memories checked between two checkpoints for members who have gone, in some 1 ms."""

RECORDS_PER_TURN = 50
"""Records made between two checkpoints: in some 3 ms where each member has read as many rooms as may be."""

UNREAD_MAX = 1000
"""Members of whom changes are held until what was kept of them can be read, and changes of each."""

HELD_MAX = 50_000
"""Changes that are held of all of them: some 25 MB."""

_Change = Callable[[LiveMemory], bool]
"""A change of a memory. -> whether there is anything to be kept"""

logger = logging.getLogger(__name__)


class MemoryKeeping:
    """The memories of all members who are here."""

    def __init__(
        self,
        journal: Journal,
        *,
        is_here: Callable[[str], bool],
        is_known: Callable[[str], bool],
        keep_every_s: float = KEEP_EVERY_S,
    ) -> None:
        """`is_here` tells whether an account has places, `is_known` whether there still is one of that id."""
        self._journal = journal
        self._store = need(journal, AccountStore)
        self._keep_every_s = keep_every_s
        self._is_here = is_here
        self._is_known = is_known
        self._memories: dict[str, LiveMemory] = {}
        """By account, those read last at the end."""
        self._changed: dict[str, None] = {}
        """Accounts of which something is to be kept, in the order of changing."""
        self._unread: dict[str, dict[tuple[str, str], _Change]] = {}
        """Accounts whose memory could not be read, and their changes since, by what is changed."""
        self._held = 0
        """The number of these changes."""
        self._is_failing = False
        self._showing: set[str] = set()
        self._wake = trio.Event()
        self._keeping = trio.Lock()

    async def read(self, account: str) -> None:
        """Read what is remembered of a member who comes back. Where that fails, it is tried again later.

        Until then nothing is known of them, and what changes is held. Raises nothing: it keeps nobody out.
        """
        if account in self._memories or account in self._unread:
            return
        try:
            await self._read(account)
        except JournalError as error:
            logger.warning("what is remembered of a member cannot be read, and is tried again: %s", error)
            if len(self._unread) < UNREAD_MAX:
                self._unread.setdefault(account, {})
                self._wake.set()

    async def _read(self, account: str) -> None:
        """Read the memory of a member, unless that was done meanwhile, and apply what changed since. Raises
        JournalError."""
        kept = await self._store.read_memory(account)
        memory = self._memories.setdefault(account, LiveMemory(_memory_of(kept) if kept else AccountMemory()))
        held = self._unread.pop(account, {})
        self._held -= len(held)
        has_changed = [change(memory) for change in held.values()]
        if any(has_changed):
            self._note_change(account)

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
        mark = RoomMark(self._journal.last_id, time.time())
        self._change(account, ("room", room), lambda it: it.enter(room, mark) if is_in else it.leave(room))

    def note_read(self, account: str, room: str, entry_id: int) -> bool:
        """Move the read mark of a member in a room. -> whether it moved"""
        mark = RoomMark(min(entry_id, self._journal.last_id), time.time())
        return self._change(account, ("mark", room), lambda it: it.read(room, mark))

    def note_ignored(self, account: str, names: Iterable[str]) -> None:
        """Remember whom a member ignores."""
        ignored = tuple(names)
        self._change(account, ("ignored", ""), lambda it: it.ignore(ignored))

    async def run(self) -> None:
        """Keep memories until cancelled. A journal that fails is tried again, and that is logged once."""
        while True:
            await self._wake.wait()
            try:
                await self.keep()
            except JournalError as error:
                if not self._is_failing:
                    logger.warning("what members have read cannot be kept, and is tried again: %s", error)
                self._is_failing = True
            else:
                if self._is_failing:
                    logger.warning("what members have read can be kept again")
                self._is_failing = False
            await trio.sleep(self._keep_every_s)
            await self._forget_spare()

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
            try:
                while self._changed:
                    await self._keep_some()
                for account in tuple(self._unread):
                    await self._read(account)
                while self._changed:
                    await self._keep_some()
            except BaseException:
                self._wake.set()
                raise

    async def _keep_some(self) -> None:
        """Keep what changed first. Raises JournalError; then it is to be kept the next time."""
        accounts = list(self._changed)[:AT_ONCE]
        for account in accounts:
            del self._changed[account]
        records: list[MemoryRecord] = []
        try:
            for turn, account in enumerate(accounts, 1):
                if (memory := self.of(account)) and self._is_known(account):
                    records.append(_record_of(account, memory.now))
                if turn % RECORDS_PER_TURN == 0:
                    await trio.lowlevel.checkpoint()
            await self._store.keep_memories(records)
        except BaseException:
            self._changed = dict.fromkeys((*accounts, *self._changed))
            raise

    def _change(self, account: str, what: tuple[str, str], change: _Change) -> bool:
        """Change the memory of a member, or hold that until it was read. -> whether there is anything to be kept now"""
        if memory := self.of(account):
            is_changed = change(memory)
            if is_changed:
                self._note_change(account)
            return is_changed
        if (held := self._unread.get(account)) is not None:
            self._held += what not in held
            held.pop(what, None)  # it goes to the end
            held[what] = change
            if len(held) > UNREAD_MAX or self._held > HELD_MAX:
                del held[next(iter(held))]
                self._held -= 1
        return False

    def _note_change(self, account: str) -> None:
        self._changed[account] = None
        self._wake.set()

    async def _forget_spare(self) -> None:
        """Forget the memories of members who have gone, but for the last few."""
        async with self._keeping:  # until it is kept, what has changed is nowhere else
            spare = 0
            for turn, account in enumerate(reversed(tuple(self._memories)), 1):
                if account not in self._changed and not self._is_here(account):
                    spare += 1
                    if spare > SPARE_MAX:
                        del self._memories[account]
                if turn % LOOKED_AT_PER_TURN == 0:
                    await trio.lowlevel.checkpoint()


def _memory_of(record: MemoryRecord) -> AccountMemory:
    return AccountMemory(
        record.rooms, record.ignored, {mark.room: RoomMark(mark.id, mark.time) for mark in record.marks}
    )


def _record_of(account: str, memory: AccountMemory) -> MemoryRecord:
    marks = tuple(MarkRecord(room, mark.id, mark.time) for room, mark in memory.marks.items())
    return MemoryRecord(account, memory.rooms, memory.ignored, marks)
