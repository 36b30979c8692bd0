"""Draining: before a server stops, its clients are sent to other servers, a few at a time."""

from collections.abc import Callable, Collection

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.log import Mode

NOTICED_AFTER = 0.25
"""Share of the time after which load balancers have noticed that the server is not ready: a client that is hung up on
before that may be sent back to it."""

TURN_S = 0.1
"""Between two turns of clients that are sent away."""

HANG_UPS_PER_TURN = 250
"""Clients told of a stop between two checkpoints, in some 5 ms; ending their sessions takes some 10 more."""

TellClient = Callable[[Client], None]


async def drain(
    clients: Callable[[], Collection[Client]], seconds: float, *, warn: TellClient, hang_up: TellClient
) -> None:
    """Hang up on the clients in frames, evenly over `seconds`: they reconnect by themselves, to another server.

    A client in lines cannot do that: it is warned, and stays. Returns after that time, or once nobody is here.
    """
    ends_at = trio.current_time() + seconds
    await trio.sleep(NOTICED_AFTER * seconds)
    await _in_turns([it for it in clients() if it.mode is Mode.LINES], warn)
    due = 1.0
    while clients() and (left_s := ends_at - trio.current_time()) > 0:
        leaving = [it for it in clients() if it.mode is Mode.FRAMES]
        due += len(leaving) * min(1.0, TURN_S / left_s)
        await _in_turns(leaving[: int(due)], hang_up)
        due %= 1
        await trio.sleep(min(TURN_S, left_s))


async def _in_turns(clients: Collection[Client], tell: TellClient) -> None:
    for number, client in enumerate(clients, 1):
        tell(client)
        if number % HANG_UPS_PER_TURN == 0:
            await trio.lowlevel.checkpoint()
