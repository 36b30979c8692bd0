"""Kicking very many clients in steps, so that everybody else is served meanwhile."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError

CLIENTS_PER_STEP = 50
"""Clients kicked between two turns of the loop: some 5 ms, and as much again for the sessions that end."""


def kick_in_steps(
    chat: Chat,
    clients: Sequence[Client],
    text: str,
    *,
    kicked: set[str],
    is_meant: Callable[[Client], bool],
    everywhere: bool = False,
) -> Iterator[int]:
    """Kick those who are meant and still here, some in each step. -> the number so far; their ids are in `kicked`

    `text` is what they are told. With `everywhere`, all places of the members among them are kicked.
    """
    for start in range(0, len(clients), CLIENTS_PER_STEP):
        for client in filter(is_meant, clients[start : start + CLIENTS_PER_STEP]):
            with suppress(ChatError):  # it has gone since
                kicked.update(one.id for one in chat.kick(client, text, everywhere=everywhere))
        yield len(kicked)
