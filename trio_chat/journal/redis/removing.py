"""Removal of a whole chat from Redis."""

from trio_chat.journal.redis.address import read_url
from trio_chat.journal.redis.link import open_link


async def remove_chat(url: str) -> None:
    """Remove all keys of the chat that a URL names. Raises JournalError."""
    address = read_url(url)
    async with open_link(address) as link:
        cursor = b"0"
        while True:
            cursor, names = await link.ask(b"SCAN", cursor, "MATCH", f"{address.prefix}*", "COUNT", 1000)
            if names:
                await link.ask(b"UNLINK", *names)
            if cursor == b"0":
                return
