"""News of stickers, for many clients."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import trio
import trio.testing

from tests.chat.conftest import HeldOutlet
from tests.server.conftest import RunningServer
from trio_chat.chat.log import Mode
from trio_chat.server.sessions.sticker_news import PAUSE_S, TOLD_AT_ONCE, share_stickers
from trio_chat.stickers.shared_catalogue import SharedCatalogue


class Noting(HeldOutlet):
    """An outlet that notes when it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.told_at: list[float] = []

    def write(self, data: bytes) -> None:
        self.told_at.append(trio.current_time())


async def test_clients_are_told_some_at_a_time_so_that_not_all_ask_at_once(
    open_server: Callable[..., AbstractAsyncContextManager[RunningServer]], autojump_clock: trio.testing.MockClock
) -> None:
    async with open_server() as server:
        outlets = [Noting() for _ in range(2 * TOLD_AT_ONCE + 2)]
        clients = [
            server.chat.connect("192.0.2.1", number, mode=Mode.FRAMES, outlet=outlet)
            for number, outlet in enumerate(outlets)
        ]
        began = trio.current_time()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(share_stickers, server.context, SharedCatalogue(hash="a" * 64))
            await trio.testing.wait_all_tasks_blocked()
            server.chat.disconnect(clients[-1])  # which is not told

        told = [round((at - began) / PAUSE_S) for outlet in outlets for at in outlet.told_at]
        assert told == [0] * TOLD_AT_ONCE + [1] * TOLD_AT_ONCE + [2]
