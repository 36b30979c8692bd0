"""Following the log in Redis: every node reads all entries from it, its own among them, so all have one order."""

import logging
from collections.abc import Callable, Iterable, Sequence

import trio

from trio_chat.chat.events import Entry
from trio_chat.journal.records import Damaged, JournalError, Past, Unknown
from trio_chat.journal.redis.claim import NewestEntry
from trio_chat.journal.redis.errors import NoAnswerError
from trio_chat.journal.redis.link import RedisLink, Row, row_of
from trio_chat.journal.redis.reader import PAGE, RedisReader
from trio_chat.journal.redis.rows import chunks_of, to_entry, to_micros
from trio_chat.journal.redis.scripts import script
from trio_chat.journal.redis.times import TIMES, RedisTimes

ENTRIES_MAX = 1000
"""Entries in one answer."""

PARTS = 7
"""Parts of a row: see prelude.lua."""

UNREADABLE = "what is said cannot be heard"

logger = logging.getLogger(__name__)


class LogReader:
    """Reads the log from an id on. Nothing is left out: what the log does not have any more is read from the rooms."""

    def __init__(
        self,
        link: RedisLink,
        reader: RedisReader,
        after_id: int,
        *,
        on_entries: Callable[[Sequence[Entry], NewestEntry], None],
        on_failure: Callable[[], None],
        times: RedisTimes = TIMES,
    ) -> None:
        """Read the entries above `after_id`.

        `on_entries` gets entries, each tombstone ahead of its notice, and the newest of them. `on_failure` is called
        after each attempt to read that failed, and when `failure` is over.
        """
        self.read_to = after_id
        self.failure: str | None = None
        """The reason why the log cannot be read though Redis answers; None where all is well."""
        self._link, self._reader, self._times = link, reader, times
        self._waiting = trio.lowlevel.ParkingLot()
        self._on_entries, self._on_failure = on_entries, on_failure

    async def read(self, entry_id: int) -> None:
        """Return when everything up to an id has been read."""
        while self.read_to < entry_id:
            await self._waiting.park()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            try:
                if self._link.address.replicas:
                    await self._follow_replicated()
                else:
                    await self._publish_rows(await self._wait("log", ENTRIES_MAX))
            except JournalError as error:
                self.failure = None if isinstance(error, NoAnswerError) else f"{UNREADABLE}: {error}"
                self._on_failure()
                await trio.sleep(self._times.retry_s)
            else:
                self._waiting.unpark_all()
                if self.failure:
                    self.failure = None
                    self._on_failure()

    async def _wait(self, stream: str, count: int) -> Sequence[Row]:
        return await self._link.follow(stream, self.read_to, count=count, block_s=self._times.block_s)

    async def _follow_replicated(self) -> None:
        """Read the entries that replicas have by now, and no others: one of them may become the primary."""
        if not await self._wait("replicated", 1):
            return
        replicated_to, found = await self._link.call(script("follow"), self.read_to, ENTRIES_MAX)
        if replicated_to <= self.read_to:  # what was waited for is not there: another Redis has become the primary
            await trio.sleep(self._times.retry_s)
            return
        self._reader.readable_to = replicated_to
        await self._publish_rows([row_of(entry) for entry in found])
        if len(found) < ENTRIES_MAX:
            await self._publish_missing(replicated_to + 1)
            self.read_to = max(self.read_to, replicated_to)

    async def _publish_rows(self, rows: Sequence[Row]) -> None:
        for run in _runs(rows):
            await self._publish_missing(run[0][0])
            for number, chunk in enumerate(chunks_of(run, _size_of)):
                if number:
                    await trio.lowlevel.checkpoint()
                self._publish([past for row in chunk for past in _past_of(row)])
        if rows and self.read_to < rows[-1][0]:
            # The newest is damaged, or was written by hand with whatever id: entries may come below it yet
            await trio.sleep(self._times.retry_s)

    async def _publish_missing(self, before: int) -> None:
        """Read from the rooms the entries that are missing in the log before an id: they were trimmed, or removed."""
        after = self.read_to
        while after < before - 1:
            past = await self._reader.read(None, limit=PAGE, after=after, before=before)
            if not past:
                return
            after = past[-1].id
            self._publish(past)

    def _publish(self, past: list[Past]) -> None:
        """Hand entries on, without those that are damaged or of a newer version."""
        entries = [it for it in self._reader.checked(past) if isinstance(it, Entry)]
        self.read_to = max((it.id for it in past if isinstance(it, Entry | Unknown)), default=self.read_to)
        if entries:
            self._on_entries(entries, NewestEntry(entries[-1].id, str(to_micros(entries[-1].time))))


def _runs(rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
    """Split rows into runs of consecutive ids."""
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
