"""The reading side of a chat in Redis: pages of entries, rooms, accounts. It must not know the writing side."""

import logging
from collections.abc import Callable, Mapping, Sequence
from heapq import merge
from operator import attrgetter
from typing import Any, TypeVar, cast

import trio

from trio_chat.chat.events import MAILBOX_MARK, PRESENCE, Entry
from trio_chat.journal.records import (
    AccountRecord,
    Damaged,
    JournalError,
    MemoryRecord,
    NameRecord,
    Past,
    RoomRecord,
    Unknown,
    WaitingRecord,
)
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.record_codec import NAMED_MAX, RecordCodec
from trio_chat.journal.redis.replies import read_whole, shown
from trio_chat.journal.redis.rows import ID_MAX, ROW_LENGTH, chunks_of, digest_of, to_entry, to_micros, to_past
from trio_chat.journal.redis.scripts import script
from trio_chat.journal.waiting_senders import waiting_in

T = TypeVar("T")

logger = logging.getLogger(__name__)

PAGE = 500
"""Entries that one script reads at most: 1 ms of Redis, in which nobody else is served."""


SORT_CHUNK = 2000
"""Records that are sorted at once, in some 2 ms."""

ROOM_BYTES_MAX = 1000
"""Far more than the name of any room takes."""

MAILBOXES_AT_ONCE = 200
"""Mailboxes whose news one script counts: 1 ms of Redis."""


async def read_records(
    link: RedisLink, codec: RecordCodec, table: str, kind: type[T], by: str, *then_by: str
) -> list[T]:
    """Return the records in a hash, in the order of some of their fields. Raises JournalError.

    They may be very many: they are decoded and sorted in a thread.
    """
    found = await link.fields(table)
    return await trio.to_thread.run_sync(
        lambda: sort_in_chunks(codec.decode(table, found, kind), attrgetter(by, *then_by))
    )


async def past_in(rows: Sequence[Any]) -> list[Past]:
    """Decode entries, oldest first; others have their turn meanwhile where they are long."""
    past: list[Past] = []
    for number, chunk in enumerate(chunks_of(rows, lambda row: len(row[-1]) if len(row) == ROW_LENGTH else 0)):
        if number:
            await trio.lowlevel.checkpoint()
        past += to_past(chunk)
    past.sort(key=attrgetter("id"))
    return past


def sort_in_chunks(records: list[T], key: Callable[[T], Any]) -> list[T]:
    """Sort records in chunks: one call of `sorted` lets no other thread run until it is done."""
    chunks = [sorted(records[start : start + SORT_CHUNK], key=key) for start in range(0, len(records), SORT_CHUNK)]
    return list(merge(*chunks, key=key))


class RedisReader:
    """The part of a journal that reads. `epoch`, `last_id` and `pruned_to` are those that were last read."""

    epoch: str
    last_id: int
    pruned_to: int

    readable_to = ID_MAX
    """The highest id that may be read: what is above it has not reached as many replicas as were asked for."""

    _reads: RedisLink
    _codec: RecordCodec
    _damaged: set[int]

    @property
    def damage(self) -> str | None:
        """The damaged entries found so far."""
        if not self._damaged:
            return None
        count, first = len(self._damaged), min(self._damaged)
        return f"{count} damaged entries found in {self._reads.address}, the first with id {first}"

    async def read(
        self,
        room: str | None,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
        without_presence: bool = False,
    ) -> list[Past]:
        """Return up to `limit` entries of `room`, oldest first."""
        found: list[Past] = []
        pager = Pager(self, room, before=before, after=after, without_presence=without_presence)
        while len(found) < limit and (page := await pager.next_page(limit)):
            found = [*found, *page] if pager.is_upward else [*page, *found]
        if limit <= 0:
            return []
        return found[:limit] if pager.is_upward else found[-limit:]

    async def page(
        self, room: str | None, first: int, last: int, count: int, *, is_newest: bool, said_only: bool
    ) -> list[Past]:
        """Return the first or the newest entries in a range of ids, oldest first; of all rooms, with presence."""
        bounds = first, last, count, int(is_newest)
        if room is None:
            rows = await self._reads.call(script("read_all"), *bounds)
        else:
            rows = await self._reads.call(script("read"), room, "s" if said_only else "sp", *bounds)
        page = self.checked(await past_in(rows))
        return page[-count:] if is_newest else page[:count]

    def checked(self, past: list[Past]) -> list[Past]:
        """Return the entries, and log the damaged ones among them that were not known yet."""
        damaged = {it.id for it in past if isinstance(it, Damaged) and not isinstance(it, Unknown)} - self._damaged
        if damaged:
            self._damaged |= damaged
            named = ", ".join(map(str, sorted(damaged)[:NAMED_MAX]))
            more = f" and {len(damaged) - NAMED_MAX} others" if len(damaged) > NAMED_MAX else ""
            logger.error("entries in %s are damaged, and cannot be shown: %s%s", self._reads.address, named, more)
        return past

    async def first_id_since(self, time: float) -> int:
        """Return the id that separates the entries kept before a time from those kept since."""
        return read_whole(await self._reads.call(script("since"), to_micros(time)), "the times in order")

    async def rooms(self) -> list[RoomRecord]:
        """Return all rooms that have entries, but no mailboxes."""
        found: dict[str, RoomRecord] = {}
        cursor: bytes = b"0"
        while True:
            cursor, *page = await self._reads.call(script("rooms"), cursor)
            for row in page:
                if room := _room_in(row, self.readable_to):
                    found[room.name] = room
            if cursor == b"0":
                return sorted(found.values(), key=lambda room: room.name)

    async def find(self, session: str, key: str) -> Past | None:
        """Return the entry kept under this session and key."""
        if not key:
            return None
        found = self.checked(to_past(await self._reads.call(script("find"), digest_of(session, key))))
        return found[0] if found and found[0].id <= self.readable_to else None

    async def entries(self, ids: Sequence[int]) -> dict[int, Past]:
        """Return entries by their ids, those that there are."""
        return {it.id: it for it in self.checked(to_past(await self._reads.call(script("entries"), *ids)))}

    async def pruned_in(self, room: str) -> int:
        """Return the highest id of an entry of a room that was pruned."""
        floor = await self._reads.get_field("meta", "mark_floor")
        return max(read_whole(floor, "the field mark_floor of meta"), await self._reads.score("marks", room))

    async def read_names(self) -> list[NameRecord]:
        """Return all accounts with what is remembered of them, oldest first."""
        memories = await read_records(self._reads, self._codec, "memories", MemoryRecord, "account")
        by_account = {memory.account: memory for memory in memories}
        return [(account, by_account.get(account.id)) for account in await self.read_accounts()]

    async def read_accounts(self) -> list[AccountRecord]:
        """Return all accounts, oldest first."""
        return await read_records(self._reads, self._codec, "accounts", AccountRecord, "since", "id")

    async def count_news(self, marks: Mapping[str, int], *, most: int = 1000) -> dict[str, int]:
        """Count what was said in rooms and mailboxes above an id each."""
        arguments = [word for room, mark in marks.items() for word in (room, mark)]
        counts = cast("list[int]", await self._reads.call(script("news"), *arguments))
        return {room: max(0, min(most, count)) for room, count in zip(marks, counts, strict=True)}

    async def count_waiting(self, *, per_account: int, most: int) -> list[WaitingRecord]:
        """Count the private messages from others above the read mark of each account's mailbox, by sender."""
        marks = {it.id: memory.mailbox_mark if memory else 0 for it, memory in await self.read_names()}
        accounts, found = list(marks), list[WaitingRecord]()
        for start in range(0, len(accounts), MAILBOXES_AT_ONCE):
            some = {MAILBOX_MARK + it: marks[it] for it in accounts[start : start + MAILBOXES_AT_ONCE]}
            for mailbox, news in (await self.count_news(some)).items():
                limit = min(per_account, most, news)
                most -= limit
                past = await self.read(mailbox, limit=limit, after=some[mailbox], without_presence=True)
                found += waiting_in(mailbox.removeprefix(MAILBOX_MARK), past)
        return found


class Pager:
    """Reads the entries of one room, or of all, page by page: upwards from `after`, or else downwards."""

    def __init__(
        self,
        reader: RedisReader,
        room: str | None,
        *,
        before: int | None = None,
        after: int | None = None,
        without_presence: bool = False,
    ) -> None:
        self.is_upward = after is not None
        self._reader, self._room, self._without_presence = reader, room, without_presence
        self._first, self._last = (after or 0) + 1, reader.readable_to
        if before is not None:
            self._last = min(self._last, before - 1)

    async def next_page(self, size: int = PAGE) -> list[Past]:
        """Return the next entries, oldest first: none at the end only. Raises JournalError."""
        count = max(1, min(size, PAGE))
        while self._first <= self._last:
            page = await self._reader.page(
                self._room,
                self._first,
                self._last,
                count,
                is_newest=not self.is_upward,
                said_only=self._without_presence,
            )
            self._move_past(page, is_last=len(page) < count)
            if shown := [it for it in page if not (self._without_presence and _is_presence(it))]:
                return shown
        return []

    def _move_past(self, page: list[Past], *, is_last: bool) -> None:
        if is_last:
            self._first = self._last + 1
        elif self.is_upward:
            self._first = page[-1].id + 1
        else:
            self._last = page[0].id - 1


def _room_in(row: Sequence[Any], readable_to: int) -> RoomRecord | None:
    """Read a row of the script, without a topic above an id. A name that no room can have gives None, and is logged."""
    name, last_id, topic_id, time, payload = row
    try:
        if len(name) > ROOM_BYTES_MAX or not (room := name.decode()).isprintable():
            raise ValueError("no room can be called that")
        number = read_whole(last_id, "its newest id")
    except (ValueError, JournalError) as error:
        logger.error("the room %s in rooms cannot be read, and is left out: %s", shown(name), error)
        return None
    topic = to_entry(topic_id, name, time, payload) if 0 < topic_id <= readable_to else None
    return RoomRecord(room, topic.draft.text if isinstance(topic, Entry) else "", number)


def _is_presence(past: Past) -> bool:
    return isinstance(past, Entry) and past.draft.kind in PRESENCE
