"""Following the log in Redis: every node hears all entries from it, its own among them, and so all hear one order."""

import logging
from collections.abc import Callable, Iterable, Sequence

import trio

from trio_chat.chat.events import Entry
from trio_chat.journal.records import Damaged, JournalError, Past, Unknown
from trio_chat.journal.redis.claim import Newest
from trio_chat.journal.redis.history import PAGE, RedisReader
from trio_chat.journal.redis.link import NoAnswerError, RedisLink, Row, row_of
from trio_chat.journal.redis.rows import to_entry, to_micros, turns_of
from trio_chat.journal.redis.scripts import script
from trio_chat.journal.redis.times import TIMES, RedisTimes

ENTRIES_MAX = 1000
"""Entries in one answer."""

PARTS = 7
"""Parts of a row: see prelude.lua."""

DEAF = "what is said cannot be heard"

logger = logging.getLogger(__name__)


class LogReader:
    """Reads the log from an id on. Nothing is left out: what the log does not have any more is read from the rooms."""

    def __init__(
        self,
        link: RedisLink,
        reader: RedisReader,
        after_id: int,
        *,
        on_heard: Callable[[Sequence[Entry], Newest], None],
        on_trouble: Callable[[], None],
        times: RedisTimes = TIMES,
    ) -> None:
        """`on_heard` gets entries, each tombstone ahead of its notice, and the newest of them.

        `on_trouble` is called whenever nothing can be heard, and when that has changed.
        """
        self.heard_to = after_id
        self.failure: str | None = None
        """The reason why nothing can be heard though Redis answers; None where all is well."""
        self._link, self._reader, self._times = link, reader, times
        self._on_heard, self._on_trouble = on_heard, on_trouble

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            try:
                if self._link.address.replicas:
                    await self._follow_marks()
                else:
                    await self._hear_rows(await self._wait("log", ENTRIES_MAX))
            except JournalError as error:
                self.failure = None if isinstance(error, NoAnswerError) else f"{DEAF}: {error}"
                self._on_trouble()
                await trio.sleep(self._times.retry_s)
            else:
                if self.failure:
                    self.failure = None
                    self._on_trouble()

    async def _wait(self, stream: str, count: int) -> Sequence[Row]:
        return await self._link.follow(stream, self.heard_to, count=count, block_s=self._times.block_s)

    async def _follow_marks(self) -> None:
        """Read on when replicas have more. What they do not have is not read, as another Redis may take over."""
        if not await self._wait("replicated", 1):
            return
        marked, found = await self._link.call(script("follow"), self.heard_to, ENTRIES_MAX)
        if marked <= self.heard_to:  # what was waited for is not there: another Redis has taken over
            await trio.sleep(self._times.retry_s)
            return
        self._reader.readable_to = marked
        await self._hear_rows([row_of(entry) for entry in found])
        if len(found) < ENTRIES_MAX:
            await self._hear_missing(marked + 1)
            self.heard_to = max(self.heard_to, marked)

    async def _hear_rows(self, rows: Sequence[Row]) -> None:
        for stretch in _stretches(rows):
            await self._hear_missing(stretch[0][0])
            for number, turn in enumerate(turns_of(stretch, _size_of)):
                if number:
                    await trio.lowlevel.checkpoint()
                self._hear([past for row in turn for past in _past_of(row)])
        if rows and self.heard_to < rows[-1][0]:
            # The newest is damaged, or was written by hand with whatever id: entries may come below it yet
            await trio.sleep(self._times.retry_s)

    async def _hear_missing(self, before: int) -> None:
        """Read from the rooms what lies between the last entry heard and one in the log: it was trimmed, or removed."""
        after = self.heard_to
        while after < before - 1:
            past = await self._reader.read(None, limit=PAGE, after=after, before=before)
            if not past:
                return
            after = past[-1].id
            self._hear(past)

    def _hear(self, past: list[Past]) -> None:
        """Hand entries on. Those that are damaged, or of a newer version, are left out."""
        entries = [it for it in self._reader.checked(past) if isinstance(it, Entry)]
        self.heard_to = max((it.id for it in past if isinstance(it, Entry | Unknown)), default=self.heard_to)
        if entries:
            self._on_heard(entries, Newest(entries[-1].id, str(to_micros(entries[-1].time))))


def _stretches(rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
    """Split rows where ids are missing."""
    start = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or rows[end][0] != rows[end - 1][0] + 1:
            yield rows[start:end]
            start = end


def _size_of(row: Row) -> int:
    return sum(map(len, row[1].values()))


def _past_of(row: Row) -> Iterable[Past]:
    """Yield the entry in a row of the log, behind the tombstone of the entry that it removed."""
    number, fields = row
    words = fields.get(b"e", b"").split(b"\n", PARTS - 1)
    if len(words) < PARTS:
        yield Damaged(number)
        return
    micros, client, payload, target, former, tombstone_payload, room = words
    past = to_entry(number, room, micros, payload, client)
    if target.isdigit() and isinstance(past, Entry):
        tombstone = to_entry(int(target), room, former, tombstone_payload)
        if isinstance(tombstone, Entry):
            yield tombstone
    yield past
