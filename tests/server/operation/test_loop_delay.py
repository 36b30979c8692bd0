"""The delay of the event loop."""

from functools import partial

import trio
from trio.testing import MockClock

from trio_chat.chat.histogram import Histogram
from trio_chat.server.operation.loop_delay import SAMPLE_INTERVAL_S, watch_delay


async def test_a_loop_that_is_held_up_is_seen(mock_clock: MockClock, nursery: trio.Nursery) -> None:
    delays = Histogram((0.1, 1.0))
    nursery.start_soon(partial(watch_delay, delays, clock=trio.current_time))
    await trio.testing.wait_all_tasks_blocked()

    mock_clock.jump(SAMPLE_INTERVAL_S)
    await trio.testing.wait_all_tasks_blocked()
    mock_clock.jump(SAMPLE_INTERVAL_S + 0.5)  # as a loop that does nothing else for so long
    await trio.testing.wait_all_tasks_blocked()

    assert delays.counts == [1, 1, 0]
    assert delays.total_s == 0.5
