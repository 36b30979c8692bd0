"""Opening a chat in Redis for reading only, and checking that it could be opened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread

import trio

from trio_chat.journal.durability import Durability
from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.address import RedisAddress, read_url
from trio_chat.journal.redis.claim import FORMAT, newer_format
from trio_chat.journal.redis.history import RedisReader
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.opening import check_redis
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
async def linked(address: RedisAddress) -> AsyncIterator[RedisLink]:
    """Hold a connection. What is raised inside is raised as it is, and not in a group."""
    error: Exception | None = None
    async with trio.open_nursery() as nursery:
        try:
            link = RedisLink(address)
            await nursery.start(link.run)
            yield link
        except Exception as raised:
            error = raised
        nursery.cancel_scope.cancel()
    if error:
        raise error


@asynccontextmanager
async def open_redis_history(address: RedisAddress) -> AsyncIterator[RedisHistory]:
    """Open a chat for reading only. Raises JournalError."""
    async with linked(address) as link:
        history = RedisHistory(link)
        try:
            await history.start()
        except JournalError as error:
            raise JournalError(f"cannot read the journal {address}: {error}") from error
        yield history


async def remove_chat(url: str) -> None:
    """Remove all keys of the chat that a URL names. Raises JournalError."""
    address = read_url(url)
    async with linked(address) as link:
        cursor = b"0"
        while True:
            cursor, names = await link.ask(b"SCAN", cursor, "MATCH", f"{address.prefix}*", "COUNT", 1000)
            if names:
                await link.ask(b"UNLINK", *names)
            if cursor == b"0":
                return


async def look_at(url: str, durability: Durability) -> tuple[str, int]:
    """Check that a chat could be opened. Returns the promise and the number of replicas. Raises JournalError."""
    async with linked(read_url(url)) as link:
        promise = await check_redis(link, durability)
        return promise, int((await link.info()).get("connected_slaves", 0))


def check_address_in_thread(address: RedisAddress, durability: Durability) -> None:
    """Check that a chat could be opened, where the caller may be inside of Trio. Blocks. Raises JournalError."""
    errors: list[JournalError] = []

    def check() -> None:
        try:
            trio.run(check_address, address, durability)
        except JournalError as error:
            errors.append(error)

    thread = Thread(target=check, name="check of the journal")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


async def check_address(address: RedisAddress, durability: Durability) -> None:
    """Check that a chat could be opened, and change nothing. Raises JournalError."""
    async with linked(address) as link:
        try:
            await check_redis(link, durability)
        except JournalError as error:
            raise JournalError(f"cannot use the journal {address}: {error}") from error
