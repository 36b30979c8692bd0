"""The bound on what Trio serves in one turn of its loop, in a loop of its own."""

import select
import socket
from contextlib import ExitStack

import pytest
import trio

from trio_chat.serve.io_batches import EVENTS_PER_TURN, bound_io_batches

COUNT = EVENTS_PER_TURN + 100


class Passes(trio.abc.Instrument):
    """The number of steps in each pass of the loop."""

    def __init__(self) -> None:
        self.steps = [0]

    def after_io_wait(self, timeout: float) -> None:
        self.steps.append(0)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.steps[-1] += 1


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="only epoll is bounded")
@pytest.mark.parametrize("is_bounded", [True, False])
def test_thousands_of_sockets_that_are_ready_at_once_are_served_in_several_turns(*, is_bounded: bool) -> None:
    passes, received = Passes(), []

    async def receive(sock: socket.socket) -> None:
        await trio.lowlevel.wait_readable(sock)
        received.append(sock.recv(1))

    async def main() -> None:
        if is_bounded:
            bound_io_batches()
        with ExitStack() as stack:
            pairs = [socket.socketpair() for _ in range(COUNT)]
            for sock in (sock for pair in pairs for sock in pair):
                stack.enter_context(sock)
            async with trio.open_nursery() as nursery:
                for ours, _ in pairs:
                    nursery.start_soon(receive, ours)
                await trio.testing.wait_all_tasks_blocked()
                passes.steps = [0]
                for _, theirs in pairs:
                    theirs.send(b"x")

    trio.run(main, instruments=[passes])

    assert received == [b"x"] * COUNT
    assert (max(passes.steps) <= EVENTS_PER_TURN + 10) is is_bounded
