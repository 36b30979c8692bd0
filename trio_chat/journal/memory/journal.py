"""A journal that lasts as long as the process: for trying things out, and for tests."""

import secrets
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from operator import attrgetter

import msgspec
import trio

from trio_chat.chat.events import MAILBOX_MARK, PRESENCE, Entry, Kind
from trio_chat.chat.histogram import Histogram
from trio_chat.chat.removal import target_of, tombstone_for
from trio_chat.chat.session_record import SessionChange, SessionRecord
from trio_chat.journal.age import AgeCut, vote
from trio_chat.journal.batch import COMMIT_BOUNDS_S, Batch
from trio_chat.journal.intake import Intake
from trio_chat.journal.memory.accounts import MemoryAccounts
from trio_chat.journal.prune_marks import PruneMarks
from trio_chat.journal.records import (
    TOO_MUCH,
    WHOLE_AUDIT,
    AccountRecord,
    AuditFilter,
    AuditRecord,
    BanRecord,
    HookRecord,
    InviteRecord,
    MemoryRecord,
    MuteRecord,
    Origin,
    RoomRecord,
    SearchError,
)
from trio_chat.journal.renumbering import Renumbering
from trio_chat.journal.search_words import SearchCriteria, phrases

ENTRIES_MAX = 100_000
"""About 40 MB of short lines; older ones are forgotten."""

SEARCH_MAX_S = 1.5
"""CPU time of one search at most, in all its turns on the loop."""

SEARCHES_MAX = 2
"""Searches that take turns on the loop."""

TURN_S = 0.001
"""Time of a search in one turn of the loop. It is checked after each entry."""

VOTES_PER_TURN = 2000
"""Entries whose age is judged in one turn of the loop, in about a millisecond."""

FORGOTTEN_PER_TURN = 1000
"""Entries that are removed in one turn of the loop, in about a millisecond."""

_id_of = attrgetter("id")
_time_of = attrgetter("time")


@asynccontextmanager
async def open_memory(
    *, clock: Callable[[], float] = time.time, entries_max: int = ENTRIES_MAX, search_max_s: float = SEARCH_MAX_S
) -> AsyncIterator["MemoryJournal"]:
    """Open an empty journal. Leaving the context publishes what was posted."""
    journal = MemoryJournal(clock, entries_max, search_max_s)
    try:
        yield journal
    finally:
        journal.close()


class _Turns:
    """The turns of one search on the loop, and their sum."""

    def __init__(self, search_max_s: float) -> None:
        self._left_s = search_max_s
        self._began = time.perf_counter()

    @property
    def is_over(self) -> bool:
        """True if the time of this turn is used up."""
        return time.perf_counter() - self._began > TURN_S

    async def next(self) -> None:
        """Let other tasks run. Raises SearchError when the sum is used up."""
        self._left_s -= time.perf_counter() - self._began
        if self._left_s < 0:
            raise SearchError(TOO_MUCH)
        await trio.lowlevel.checkpoint()
        self._began = time.perf_counter()


class MemoryJournal(Intake, MemoryAccounts):
    """A journal in lists. A batch is everything posted in one turn of the loop."""

    damage: str | None = None
    promise: str = "entries are kept in memory, and end with the server"
    is_indexing: bool = False

    def __init__(self, clock: Callable[[], float], entries_max: int, search_max_s: float) -> None:
        super().__init__(self._keep, last_id=0, name="memory:")
        self.epoch = secrets.token_hex(8)
        self.pruned_to = 0
        self._prune_marks = PruneMarks()
        self.commits = Histogram(COMMIT_BOUNDS_S)  # stays empty: nothing is made durable here
        self._clock = clock
        self._entries_max = entries_max
        self._search_max_s = search_max_s
        self._searches = trio.CapacityLimiter(SEARCHES_MAX)
        self._entries: list[Entry] = []
        self._rooms: defaultdict[str, list[Entry]] = defaultdict(list)
        self._said: defaultdict[str, list[Entry]] = defaultdict(list)
        """Of the entries of each room, those of no kind in PRESENCE."""
        self._topics: dict[str, Entry] = {}
        self._keyed: dict[tuple[str, str], Entry] = {}
        self._audit: list[AuditRecord] = []
        self._bans: dict[str, BanRecord] = {}
        self._hooks: dict[str, HookRecord] = {}
        self._mutes: dict[int, MuteRecord] = {}
        self._loaded_to: dict[str, int] = {}
        self._sessions: dict[str, SessionRecord] = {}
        self._accounts: dict[str, AccountRecord] = {}
        self._invites: dict[str, InviteRecord] = {}
        self._memories: dict[str, MemoryRecord] = {}

    async def read(
        self,
        room: str | None,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
        without_presence: bool = False,
    ) -> list[Entry]:
        """Return up to `limit` entries of `room`, oldest first."""
        await trio.lowlevel.checkpoint()
        if room is not None:
            entries = (self._said if without_presence else self._rooms).get(room, [])
        else:
            entries = (
                [it for it in self._entries if it.draft.kind not in PRESENCE] if without_presence else self._entries
            )
        first = 0 if after is None else bisect_right(entries, after, key=_id_of)
        end = len(entries) if before is None else bisect_left(entries, before, key=_id_of)
        if after is None:
            return entries[max(first, end - limit) : end]
        return entries[first : min(end, first + limit)]

    async def first_id_since(self, time: float) -> int:
        """Return the id that separates the entries kept before a time from those kept since."""
        await trio.lowlevel.checkpoint()
        index = bisect_left(self._entries, time, key=_time_of)
        return self._entries[index].id if index < len(self._entries) else self.last_id + 1

    async def rooms(self) -> list[RoomRecord]:
        """Return all rooms that have entries, but no mailboxes."""
        await trio.lowlevel.checkpoint()
        return [
            RoomRecord(name, self._topics[name].draft.text if name in self._topics else "", entries[-1].id)
            for name, entries in sorted(self._rooms.items())
            if not name.startswith(MAILBOX_MARK)
        ]

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
    ) -> list[Entry]:
        """Return the newest entries that contain all words, oldest first."""
        criteria = SearchCriteria(tuple(rooms), phrases(words), author, after)
        async with self._searches:
            entries = await self.read(None, limit=len(self._entries), before=before)
            found: list[Entry] = []
            turns = _Turns(self._search_max_s)
            for entry in () if criteria.is_empty else reversed(entries):
                if len(found) >= limit or (after and entry.id <= after):
                    break
                if criteria.matches(entry.draft):
                    found.append(entry)
                if turns.is_over:
                    await turns.next()
            return found[::-1]

    async def find(self, session: str, key: str) -> Entry | None:
        """Return the entry kept under this session and key."""
        await trio.lowlevel.checkpoint()
        return self._keyed.get((session, key))

    async def pruned_in(self, room: str) -> int:
        """Return the highest id of an entry of a room that was pruned."""
        await trio.lowlevel.checkpoint()
        return self._prune_marks.of(room)

    async def prune(self, *, older_than: float | None = None, more_than: int | None = None) -> None:
        """Remove entries."""
        await trio.lowlevel.checkpoint()
        target = 0 if more_than is None else self.last_id - more_than
        if older_than is not None:
            target = max(target, await self._old_to(older_than))
        target = min(target, self.last_id - 1)
        while self.pruned_to < target:
            end = bisect_right(self._entries, self.pruned_to, key=_id_of) + FORGOTTEN_PER_TURN
            self._forget(min(target, self._entries[min(end, len(self._entries)) - 1].id))
            await trio.lowlevel.checkpoint()

    async def _old_to(self, older_than: float) -> int:
        """Return the id up to which entries are old."""
        now = self._clock()
        cut = AgeCut(self.pruned_to)
        entries = self._entries[bisect_right(self._entries, cut.id, key=_id_of) :]
        for count, entry in enumerate(entries, 1):
            if cut.is_settled:
                break
            cut.add(entry.id, vote(entry.time, cutoff=now - older_than, now=now))
            if count % VOTES_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
        return cut.id

    async def load(self, entries: Iterable[Entry], origin: Origin) -> int:
        """Keep entries of another journal, all or none."""
        await trio.lowlevel.checkpoint()
        entries = tuple(entries)  # first: what the iterable raises must change nothing
        keeps_ids = self.last_id == 0 or origin.epoch == self.epoch
        if self.last_id == 0:
            self.epoch, self.pruned_to = origin.epoch, origin.pruned_to
            self._prune_marks = PruneMarks(origin.pruned_to)
        loaded_to = self.last_id if keeps_ids else self._loaded_to.get(origin.epoch, 0)
        count, new_ids = 0, Renumbering()
        for entry in entries:
            if entry.id <= loaded_to:
                continue
            self._loaded_to[origin.epoch] = entry.id
            new = entry if keeps_ids else new_ids.renumber(entry, self.last_id + 1)
            if known := self._keyed.get((new.draft.session, new.draft.key)):
                new_ids.add(entry.id, known.id)
                continue
            new_ids.add(entry.id, new.id)
            self._store([new])
            self._remove([new])
            count += 1
        return count

    async def record_audit(self, record: AuditRecord) -> None:
        """Append to the audit log."""
        await trio.lowlevel.checkpoint()
        self._audit.append(msgspec.structs.replace(record, id=len(self._audit) + 1))

    async def read_audit(self, limit: int, wanted: AuditFilter = WHOLE_AUDIT) -> list[AuditRecord]:
        """Return the newest records that match the filter, at most `limit`, oldest first."""
        await trio.lowlevel.checkpoint()
        return list(islice(filter(wanted.matches, reversed(self._audit)), max(limit, 0)))[::-1]

    async def add_ban(self, ban: BanRecord) -> None:
        """Keep a ban, in place of an earlier one of the same network."""
        await trio.lowlevel.checkpoint()
        self._bans[ban.network] = ban

    async def remove_ban(self, network: str) -> None:
        """Delete a ban, if there is one."""
        await trio.lowlevel.checkpoint()
        self._bans.pop(network, None)

    async def add_hook(self, hook: HookRecord) -> None:
        """Keep a hook, in place of an earlier one of the same name."""
        await trio.lowlevel.checkpoint()
        self._hooks[hook.name] = hook

    async def remove_hook(self, name: str) -> None:
        """Delete the hook of a name, if there is one."""
        await trio.lowlevel.checkpoint()
        self._hooks.pop(name, None)

    async def read_hooks(self) -> list[HookRecord]:
        """Return all hooks, oldest first."""
        await trio.lowlevel.checkpoint()
        return sorted(self._hooks.values(), key=attrgetter("since", "name"))

    async def read_bans(self) -> list[BanRecord]:
        """Return all bans, oldest first."""
        await trio.lowlevel.checkpoint()
        return sorted(self._bans.values(), key=attrgetter("since", "network"))

    async def add_mute(self, mute: MuteRecord) -> None:
        """Keep a mute, in place of an earlier one with its number."""
        await trio.lowlevel.checkpoint()
        self._mutes[mute.number] = mute

    async def remove_mute(self, number: int) -> None:
        """Delete a mute, if there is one."""
        await trio.lowlevel.checkpoint()
        self._mutes.pop(number, None)

    async def read_mutes(self) -> list[MuteRecord]:
        """Return all mutes, oldest first."""
        await trio.lowlevel.checkpoint()
        return sorted(self._mutes.values(), key=attrgetter("since", "number"))

    async def read_sessions(self) -> list[SessionRecord]:
        """Return all session records, by owner."""
        await trio.lowlevel.checkpoint()
        return sorted(self._sessions.values(), key=attrgetter("owner"))

    def close(self) -> None:
        """Publish what was posted, and take no more."""
        self._is_closing = True
        self.submit_now()
        self.end_following()

    def _keep(self, batch: Batch) -> None:
        self.begin(batch)
        batch.assign_ids_skipping_repeats(
            self.last_id + 1, self._clock(), lambda session, key: self._keyed.get((session, key))
        )
        self._store(batch.entries)
        batch.tombstones = self._remove(batch.entries)
        self._change_sessions(batch.sessions.values())
        self.record_outcome(batch)
        self.finish(batch)

    def _change_sessions(self, changes: Iterable[SessionChange]) -> None:
        for change in changes:
            if isinstance(change, SessionRecord):
                self._sessions[change.owner] = change
            else:
                self._sessions.pop(change.owner, None)

    def _store(self, entries: Sequence[Entry]) -> None:
        self._entries += entries
        for entry in entries:
            draft = entry.draft
            self._rooms[draft.room].append(entry)
            if draft.kind not in PRESENCE:
                self._said[draft.room].append(entry)
            if draft.kind is Kind.TOPIC:
                self._topics[draft.room] = entry
            if draft.key:
                self._keyed[draft.session, draft.key] = entry
        if entries:
            self.last_id = entries[-1].id
        # A hundredth at a time, since removing from the front of a list moves all that is behind it.
        if len(self._entries) > self._entries_max * 1.01:
            self._forget(self._entries[-self._entries_max].id - 1)

    def _remove(self, news: Iterable[Entry]) -> list[Entry]:
        """Make tombstones of the entries that notices name, and return them."""
        found: list[Entry] = []
        for notice in news:
            target = target_of(notice.draft)
            entry = target and self._at(self._entries, target)
            if isinstance(entry, Entry) and (tombstone := tombstone_for(notice.draft, entry)):
                self._replace(entry, tombstone)
                found.append(tombstone)
        return found

    @staticmethod
    def _at(entries: Sequence[Entry], entry_id: int) -> Entry | None:
        index = bisect_left(entries, entry_id, key=_id_of)
        return entries[index] if index < len(entries) and entries[index].id == entry_id else None

    def _replace(self, entry: Entry, tombstone: Entry) -> None:
        draft = entry.draft
        for entries in (self._entries, self._rooms[draft.room], self._said[draft.room]):
            entries[bisect_left(entries, entry.id, key=_id_of)] = tombstone
        if draft.key:
            self._keyed[draft.session, draft.key] = tombstone
        if self._topics.get(draft.room) is entry:
            topics = (it for it in reversed(self._said[draft.room]) if it.draft.kind is Kind.TOPIC)
            if topic := next(topics, None):
                self._topics[draft.room] = topic
            else:
                del self._topics[draft.room]

    def _forget(self, target: int) -> None:
        """Remove all entries up to an id, except the current topic of each room."""
        if target <= self.pruned_to:
            return
        self.pruned_to = target
        gone = self._entries[: bisect_right(self._entries, target, key=_id_of)]
        for entry in gone:
            if entry.draft.key:
                self._keyed.pop((entry.draft.session, entry.draft.key), None)
        topics = self._topics
        newest_gone = {it.draft.room: it.id for it in gone if topics.get(it.draft.room) is not it}
        for room, entry_id in newest_gone.items():
            self._prune_marks.raise_to(room, entry_id)
        self._shorten(self._entries)
        for room in newest_gone:
            for entries in (self._rooms, self._said):
                self._shorten(entries[room])
                if not entries[room]:
                    del entries[room]

    def _shorten(self, entries: list[Entry]) -> None:
        """Remove the entries that are pruned, except current topics, from the front of a list."""
        end, topics = bisect_right(entries, self.pruned_to, key=_id_of), self._topics
        entries[:end] = [entry for entry in entries[:end] if topics.get(entry.draft.room) is entry]
