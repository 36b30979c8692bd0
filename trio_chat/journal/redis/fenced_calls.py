"""Calls of scripts by which a node changes the state of its chat."""

from collections.abc import Callable
from typing import Any

from trio_chat.journal.redis.connection import Value
from trio_chat.journal.redis.errors import NoAnswerError
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.scripts import script


class FencedCalls:
    """Calls of scripts that Redis refuses once the claim of the node has ended."""

    def __init__(self, link: RedisLink, node: str, fence: Callable[[], int | None]) -> None:
        """`fence` returns the fencing number of the present claim, None where there is none."""
        self._link, self._node, self._fence = link, node, fence

    async def call(self, script_name: str, *arguments: Value) -> Any:
        """Execute a script whose first arguments are the node and its fencing number. Raises JournalError."""
        fence = self._fence()
        if fence is None:
            raise NoAnswerError("Redis cannot be reached")
        return await self._link.call(script(script_name), self._node, fence, *arguments)
