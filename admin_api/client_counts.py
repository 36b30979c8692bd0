"""Numbers of clients by what they do. Needs no Quart."""

from collections import Counter
from dataclasses import dataclass, field

from admin_api.http.turns import in_turns
from trio_chat.chat.chat import Chat
from trio_chat.chat.log import Mode


@dataclass(slots=True)
class ClientCounts:
    """Numbers of connected clients, by mode, and of those that have not been sent all entries."""

    by_mode: Counter[Mode] = field(default_factory=lambda: Counter(dict.fromkeys(Mode, 0)))
    behind: int = 0


async def count_clients(chat: Chat) -> ClientCounts:
    """Count the clients, in turns of the event loop."""
    counts = ClientCounts()
    async for turn in in_turns(tuple(chat.clients)):
        for client in turn:
            counts.by_mode[client.mode] += 1
            counts.behind += client.behind[0] > 0
    return counts
