"""A chat in Redis that is opened for reading only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.address import RedisAddress
from trio_chat.journal.redis.claim import FORMAT, newer_format
from trio_chat.journal.redis.link import RedisLink, open_link
from trio_chat.journal.redis.reader import RedisReader
from trio_chat.journal.redis.record_codec import RecordCodec
from trio_chat.journal.redis.replies import read_whole, read_word


class RedisHistory(RedisReader):
    """The history of a chat, for reading only, also while servers use it."""

    def __init__(self, link: RedisLink) -> None:
        self._reads, self._codec = link, RecordCodec()
        self._damaged: set[int] = set()
        self.epoch, self.last_id, self.pruned_to = "", 0, 0

    async def start(self) -> None:
        """Read the state of the chat. Raises JournalError."""
        meta = await self._reads.fields("meta")
        if b"epoch" not in meta:
            raise JournalError(f"there is no chat {self._reads.address.chat!r} in {self._reads.address}")
        if (number := read_whole(meta.get(b"format"), "the field format of meta")) > FORMAT:
            raise newer_format(self._reads.address.chat, number)
        self.epoch = read_word(meta[b"epoch"], "the epoch of the chat")
        self.last_id = read_whole(meta.get(b"last_id"), "the field last_id of meta")
        self.pruned_to = read_whole(meta.get(b"pruned_to"), "the field pruned_to of meta")


@asynccontextmanager
async def open_redis_history(address: RedisAddress) -> AsyncIterator[RedisHistory]:
    """Open a chat for reading only. Raises JournalError."""
    async with open_link(address) as link:
        history = RedisHistory(link)
        try:
            await history.start()
        except JournalError as error:
            raise JournalError(f"cannot read the journal {address}: {error}") from error
        yield history
