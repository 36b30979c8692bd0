"""The nicks of guests that a node has claimed, so that no two guests of a chat have the same."""

from collections.abc import Iterable

from trio_chat.chat.client import Client
from trio_chat.chat.nicks import fold_name
from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.fenced_calls import FencedCalls
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.scripts import script


class NickClaims:
    """Claims and releases nicks in Redis."""

    def __init__(self, link: RedisLink, calls: FencedCalls) -> None:
        self._link, self._calls = link, calls
        self._lost: list[Client] = []
        """Clients whose nicks Redis has lost."""

    async def claim(self, owner: str, nick: str) -> bool:
        """Claim a well-formed nick for the owner of a session record. Returns False where another node has it.

        Raises JournalError.
        """
        answer = await self._calls.call("claim_nick", owner, fold_name(nick))
        if answer == b"fenced":
            raise JournalError("this server lost its place among the others; try again")
        return bool(answer == b"ok")

    async def release(self, owner: str, nick: str) -> None:
        """Give up a nick that was claimed and is not used. Raises JournalError."""
        await self._link.call(script("release_nick"), owner, fold_name(nick))

    def note_loss(self, clients: Iterable[Client]) -> None:
        """Note that Redis has lost the nicks of the guests among these clients."""
        self._lost = [it for it in clients if it.nick and not it.account]

    async def claim_lost(self) -> bool:
        """Claim the lost nicks again. Returns False where some are left, since Redis cannot be reached."""
        try:
            while self._lost:
                client = self._lost[-1]
                if client.nick:
                    await self.claim(client.owner, client.nick)
                self._lost.pop()
        except JournalError:
            return False
        return True
