"""Numbers of clients by what they do. Needs no Quart."""

from collections import Counter
from dataclasses import dataclass, field

import trio

from admin_api.paging import PER_TURN
from trio_chat.chat.chat import Chat
from trio_chat.chat.log import Mode


@dataclass(slots=True)
class ClientCounts:
    """Numbers of connected clients, by mode, and of those that have not been sent all entries."""

    by_mode: Counter[Mode] = field(default_factory=lambda: Counter(dict.fromkeys(Mode, 0)))
    behind: int = 0


async def count_clients(chat: Chat) -> ClientCounts:
    """Count the clients, with a checkpoint every PER_TURN."""
    counts = ClientCounts()
    for number, client in enumerate(tuple(chat.clients), 1):
        counts.by_mode[client.mode] += 1
        counts.behind += client.behind[0] > 0
        if number % PER_TURN == 0:
            await trio.lowlevel.checkpoint()
    return counts
