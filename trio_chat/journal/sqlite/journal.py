"""The embedded journal: one SQLite file, one thread that writes, groups as large as the load makes them.

This is the Trio side: while one batch is being committed, everything that is posted collects in the next one. It must
not know how anything is stored; the thread that stores is in `writer`.
"""

import logging
import math
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, assert_never

import trio

from trio_chat.chat.events import Entry
from trio_chat.chat.session_record import SessionRecord
from trio_chat.journal.batch import Batch
from trio_chat.journal.intake import CLOSED, Intake
from trio_chat.journal.records import (
    TOO_MUCH,
    WHOLE_AUDIT,
    AccountRecord,
    AuditFilter,
    AuditRecord,
    BanRecord,
    HookRecord,
    InviteRecord,
    JournalError,
    MemoryRecord,
    MuteRecord,
    NameRecord,
    Origin,
    Past,
    RoomRecord,
    SearchError,
    UnavailableError,
    WaitingRecord,
)
from trio_chat.journal.search_words import SearchCriteria, phrases
from trio_chat.journal.sqlite import accounts, operator_records
from trio_chat.journal.sqlite.connection import opening_error
from trio_chat.journal.sqlite.integrity import IntegrityCheck
from trio_chat.journal.sqlite.opening import lock_and_prepare
from trio_chat.journal.sqlite.pages import first_id_since, read_page
from trio_chat.journal.sqlite.pruning import prunable_to, pruned_in
from trio_chat.journal.sqlite.readers import Readers
from trio_chat.journal.sqlite.rows import find_keyed
from trio_chat.journal.sqlite.search_lanes import SearchLanes
from trio_chat.journal.sqlite.searching import UNINDEXED_MAX
from trio_chat.journal.sqlite.sessions import read_sessions
from trio_chat.journal.sqlite.slices import PAUSE_RATIO
from trio_chat.journal.sqlite.store import Store
from trio_chat.journal.sqlite.time_limit import TimeLimit
from trio_chat.journal.sqlite.writer import Job, ProbeResult, Report, Writer

READERS_MAX = 4
"""Threads that read at the same time, besides those that search."""

LOG_PAGES_MAX = 4000
"""Pages in the write-ahead log, 16 MB, above which searches stop for a moment: while any runs, SQLite appends to it."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SqliteTimes:
    """The times of a SQLite journal, in seconds."""

    integrity_check_s: float = 0.4
    """Opening waits this long for the check of all pages: enough for nearly two million entries. A larger file is
    checked while the server is running."""
    lock_wait_s: float = 2.0
    """The longest wait for a lock of another program."""
    probe_every_s: float = 1.0
    """Between two checks that the file is in its place, or, while nothing can be kept, between two attempts."""
    close_max_s: float = 3.0
    """Closing takes no longer."""
    close_min_s: float = 0.2
    """Closing may take this long in any case."""
    index_within_s: float = 1.0
    """An idle journal indexes an entry within this time. It is found before that too, but more slowly."""
    query_max_s: float = 5.0
    """The longest time for a query other than a search: a page takes a millisecond."""
    quick_search_s: float = 0.5
    """The time for a search that others need not wait for."""
    slow_search_s: float = 1.5
    """The longest time for any search. Its snapshot keeps the write-ahead log from being reused meanwhile."""


@asynccontextmanager
async def open_sqlite(
    path: Path,
    *,
    clock: Callable[[], float] = time.time,
    times: SqliteTimes = SqliteTimes(),
    close_by: Callable[[], float] = lambda: math.inf,
) -> AsyncIterator["SqliteJournal"]:
    """Open the journal at `path`, or make one. Raises JournalError.

    Leaving the context keeps what was posted, as far as that can be done by `close_by`, a time of Trio's clock.
    """
    async with AsyncExitStack() as stack:
        stack.callback(os.close, await trio.to_thread.run_sync(lock_and_prepare, path))
        check = IntegrityCheck(path, times.lock_wait_s)
        stack.callback(check.stop)
        if damage := await check.result_within(times.integrity_check_s):
            check.remove_leftovers()
            raise opening_error(path, damage)
        open_store = partial(
            Store,
            path,
            lock_wait_s=times.lock_wait_s,
            index_within_s=times.index_within_s,
            is_cancelled=lambda: close_by() < math.inf,
        )
        journal = SqliteJournal(await trio.to_thread.run_sync(open_store), clock, times)
        stack.push_async_callback(journal.aclose, close_by)
        check.on_damage(journal.stop_writing)
        yield journal


class SqliteJournal(Intake):
    """A journal in one SQLite file, for the task that opened it and its children."""

    promise: str = "entries are on disk before anyone sees them"

    def __init__(self, store: Store, clock: Callable[[], float], times: SqliteTimes) -> None:
        super().__init__(
            lambda batch: self._writer.put(batch), last_id=store.last_id, name=str(store.path), sessions=store.sessions
        )
        self.epoch = store.epoch
        self._readers = Readers(store.path, times.lock_wait_s, store.file_identity)
        self._store = store
        self._clock = clock
        self._times = times
        self._reads = trio.CapacityLimiter(READERS_MAX)
        self._search_lanes = SearchLanes(times.quick_search_s, times.slow_search_s)
        self._token = trio.lowlevel.current_trio_token()
        self._closed = trio.Event()
        self._jobs: dict[Job[Any], None] = {}
        self._writer = Writer(store, clock, times.probe_every_s, self, report=self._report)
        self.commits = self._writer.commits
        self._writer.start()

    @property
    def pruned_to(self) -> int:
        """The highest id that was ever pruned."""
        return self._store.pruning.pruned_to

    @property
    def damage(self) -> str | None:
        """The damaged entries found so far."""
        return self._readers.damaged.text

    async def read(
        self,
        room: str | None,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
        without_presence: bool = False,
    ) -> list[Past]:
        """Return up to `limit` entries of `room`, oldest first. Some may not have reached `follow` yet."""
        return await self._read_entries(
            lambda db: read_page(db, room, limit, before, after, without_presence=without_presence)
        )

    async def first_id_since(self, time: float) -> int:
        """Return the id that separates the entries kept before a time from those kept since."""
        return await self._query(lambda db: first_id_since(db, time))

    async def rooms(self) -> list[RoomRecord]:
        """Return all rooms in which something was said, but no mailboxes."""
        return await self._run_query(self._readers.rooms, max_s=math.inf)  # asked once, at the start

    async def search(
        self,
        rooms: Sequence[str],
        words: str,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
        author: str = "",
        asker: Hashable = None,
    ) -> list[Past]:
        """Return the newest entries that contain all words, oldest first. Pages of history need not wait for it.

        A search that needs long is restarted in the slow lane: no number of slow searches delays a quick one.
        """
        criteria = SearchCriteria(tuple(rooms), phrases(words), author, after)
        if criteria.is_empty:
            await trio.lowlevel.checkpoint()
            return []
        query = partial(self._readers.search, criteria, limit, before)
        if self._store.log_pages >= LOG_PAGES_MAX:
            await self._search_lanes.pause(self._restart_long_log)
        with suppress(TimeoutError):
            return await self._search_lanes.run(partial(self._run_in_thread, query), asker)
        raise SearchError(TOO_MUCH)

    @property
    def is_indexing(self) -> bool:
        """True while older entries are being indexed, which searches do not find until then."""
        marks = self._store.indexing.marks
        return marks.has_gap or self.last_id - marks.indexed_to > UNINDEXED_MAX

    async def find(self, session: str, key: str) -> Past | None:
        """Return the entry kept under this session and key."""
        return await self._query(lambda db: find_keyed(db, session, key))

    async def pruned_in(self, room: str) -> int:
        """Return the highest id of an entry of a room that was pruned."""
        return await self._query(lambda db: pruned_in(db, room))

    async def prune(self, *, older_than: float | None = None, more_than: int | None = None) -> None:
        """Remove entries slice by slice, with pauses between."""
        now = self._clock()
        target = await self._query(lambda db: prunable_to(db, now, older_than, more_than), max_s=math.inf)
        while self.pruned_to < target:
            took_s = await self._write(partial(self._store.prune_some, target))
            await trio.sleep(took_s * PAUSE_RATIO)

    async def load(self, entries: Iterable[Entry], origin: Origin) -> int:
        """Append entries of another journal, all or none; the iterable runs in a thread."""
        count = await self._write(partial(self._store.load, entries, origin))
        self.epoch, self.last_id = self._store.epoch, self._store.last_id
        return count

    async def record_audit(self, record: AuditRecord) -> None:
        """Append to the audit log."""
        await self._change(lambda db: operator_records.record_audit(db, record))

    async def read_audit(self, limit: int, wanted: AuditFilter = WHOLE_AUDIT) -> list[AuditRecord]:
        """Return the newest records, oldest first."""
        return await self._query(lambda db: operator_records.read_audit(db, limit, wanted))

    async def add_ban(self, ban: BanRecord) -> None:
        """Keep a ban, in place of an earlier one of the same network."""
        await self._change(lambda db: operator_records.add_ban(db, ban))

    async def remove_ban(self, network: str) -> None:
        """Delete a ban, if there is one."""
        await self._change(lambda db: operator_records.remove_ban(db, network))

    async def add_hook(self, hook: HookRecord) -> None:
        """Keep a hook, in place of an earlier one of the same name."""
        await self._change(lambda db: operator_records.add_hook(db, hook))

    async def remove_hook(self, name: str) -> None:
        """Delete the hook of a name, if there is one."""
        await self._change(lambda db: operator_records.remove_hook(db, name))

    async def read_hooks(self) -> list[HookRecord]:
        """Return all hooks, oldest first."""
        return await self._query(operator_records.read_hooks)

    async def read_bans(self) -> list[BanRecord]:
        """Return all bans, oldest first."""
        return await self._query(operator_records.read_bans)

    async def add_mute(self, mute: MuteRecord) -> None:
        """Keep a mute, in place of an earlier one with its number."""
        await self._change(lambda db: operator_records.add_mute(db, mute))

    async def remove_mute(self, number: int) -> None:
        """Delete a mute, if there is one."""
        await self._change(lambda db: operator_records.remove_mute(db, number))

    async def read_mutes(self) -> list[MuteRecord]:
        """Return all mutes, oldest first."""
        return await self._query(operator_records.read_mutes)

    async def read_sessions(self) -> list[SessionRecord]:
        """Return all session records, by owner."""
        return await self._query(read_sessions)

    async def read_names(self) -> list[NameRecord]:
        """Return all accounts with what is remembered of them, oldest first."""
        return await self._query(accounts.read_names)

    async def load_names(self, names: Sequence[NameRecord], *, keeps_marks: bool) -> list[str]:
        """Add the accounts of another journal. Returns the names that were left out."""
        return await self._change(lambda db: accounts.load_names(db, names, keeps_marks=keeps_marks))

    async def read_accounts(self) -> list[AccountRecord]:
        """Return all accounts, oldest first."""
        return await self._query(accounts.read_accounts)

    async def keep_account(self, account: AccountRecord, *, invite: str = "") -> None:
        """Keep a new account, or a change of the one with its id, and take a use of an invite with it."""
        await self._change(lambda db: accounts.keep_account(db, account, invite))

    async def remove_account(self, account: str) -> None:
        """Delete an account, if there is one."""
        await self._change(lambda db: accounts.remove_account(db, account))

    async def read_invites(self) -> list[InviteRecord]:
        """Return all invites, oldest first."""
        return await self._query(accounts.read_invites)

    async def keep_invite(self, invite: InviteRecord) -> None:
        """Keep an invite, in place of an earlier one with its digest."""
        await self._change(lambda db: accounts.keep_invite(db, invite))

    async def remove_invite(self, digest: str) -> None:
        """Delete an invite, if there is one."""
        await self._change(lambda db: accounts.remove_invite(db, digest))

    async def read_memory(self, account: str) -> MemoryRecord | None:
        """Return what is remembered of an account."""
        return await self._query(lambda db: accounts.read_memory(db, account))

    async def keep_memories(self, records: Sequence[MemoryRecord]) -> None:
        """Keep what is remembered of accounts, all or none of it."""
        await self._change(lambda db: accounts.keep_memories(db, records))

    async def conversation(
        self,
        mailbox: str,
        *,
        account: str = "",
        name: str = "",
        limit: int,
        before: int | None = None,
        after: int | None = None,
    ) -> list[Past]:
        """Return the private messages in a mailbox to and from one other, oldest first."""
        past = await self._read_entries(
            lambda db: accounts.read_conversation(db, mailbox, account, name, limit, before, after)
        )
        return [it for it in past if isinstance(it, Entry)]

    async def count_news(self, marks: Mapping[str, int], *, most: int = 1000) -> dict[str, int]:
        """Count what was said in rooms and mailboxes above an id each."""
        return await self._query(lambda db: accounts.count_news(db, marks, most))

    async def count_waiting(self, *, per_account: int, most: int) -> list[WaitingRecord]:
        """Count the private messages from others above the read mark of each account's mailbox, by sender."""
        return await self._query(lambda db: accounts.count_waiting(db, per_account, most))

    def stop_writing(self, damage: str) -> None:
        """Keep nothing more, since the file was found to be damaged."""
        self._writer.damage = damage
        self.set_fault(damage)

    def set_fault(self, error: str | None) -> None:
        """Set the reason why nothing can be kept, or None; damage to the file stays."""
        super().set_fault(self._writer.damage or error or self._writer.failure)

    async def aclose(self, close_by: Callable[[], float] = lambda: math.inf) -> None:
        """Keep what was posted and close the file. What is not kept in time fails, which is logged."""
        self._is_closing = self._writer.is_closing = True
        self._readers.close()  # first: only a connection that writes can put the log into the file, and only the last
        self.submit_now()
        self._writer.put(None)
        left_s = close_by() - trio.current_time()
        with trio.move_on_after(min(self._times.close_max_s, max(self._times.close_min_s, left_s)), shield=True):
            await self._closed.wait()
        self._give_up_all()
        self.end_following()

    def _give_up_all(self) -> None:
        late = "the journal did not answer in time"
        if count := self.give_up(late):
            logger.error("%d entries may not be kept: %s: %s", count, late, self._store.path)
        for job in self._jobs:
            job.settle(late)
        self._jobs.clear()

    async def _query(self, query: Callable[[sqlite3.Connection], T], *, max_s: float | None = None) -> T:
        return await self._run_query(partial(self._readers.query, query), max_s=max_s)

    async def _read_entries(self, query: Callable[[sqlite3.Connection], list[Past]]) -> list[Past]:
        return await self._run_query(partial(self._readers.entries, query))

    async def _run_query(self, query: Callable[[TimeLimit], T], *, max_s: float | None = None) -> T:
        try:
            return await self._run_in_thread(query, self._reads, self._times.query_max_s if max_s is None else max_s)
        except TimeoutError as error:
            raise UnavailableError("the journal takes too long to answer") from error

    async def _run_in_thread(self, query: Callable[[TimeLimit], T], limiter: trio.CapacityLimiter, max_s: float) -> T:
        """Run a query in a thread. Raises TimeoutError. The query also ends when the caller is cancelled."""
        if self._is_closing:
            raise JournalError(CLOSED)
        time_limit = TimeLimit(max_s)
        try:
            # Abandoned, or a server would not stop at once; the thread holds its slot until it is done.
            return await trio.to_thread.run_sync(query, time_limit, limiter=limiter, abandon_on_cancel=True)
        finally:
            time_limit.cancel()

    async def _restart_long_log(self) -> None:
        """Restart the write-ahead log, unless that was done while others were waited for."""
        if self._store.log_pages >= LOG_PAGES_MAX:
            with suppress(JournalError):  # nothing can be written, so it does not grow either
                await self._write(self._store.restart_log)

    async def _change(self, change: Callable[[sqlite3.Connection], T]) -> T:
        return await self._write(partial(self._store.change, change))

    async def _write(self, work: Callable[[], T]) -> T:
        if why := CLOSED if self._is_closing else self._writer.damage:
            raise JournalError(why)
        job = Job(partial(self._store.if_in_place, work))
        self._jobs[job] = None
        self._writer.put(job)
        return await job.done()

    def _handle(self, report: Report) -> None:
        match report:
            case Batch():
                self.finish(report)
            case Job():
                if report in self._jobs:  # not given up while it was being done
                    del self._jobs[report]
                    report.settle()
            case ProbeResult(error):
                self.set_fault(error)
            case None:
                self._closed.set()
            case _:
                assert_never(report)

    def _report(self, report: Report) -> None:
        """Bring an outcome to the Trio thread. Called by the thread that writes."""
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._handle, report)
