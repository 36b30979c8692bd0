"""A request to stop, and the time that each stage of the shutdown has."""

import pytest
import trio
import trio.testing

from trio_chat.server.operation.shutdown import Stop
from trio_chat.server.shutdown_timeouts import JOURNAL_S, STOP_S


async def test_a_second_request_gives_no_more_time(autojump_clock: trio.testing.MockClock) -> None:
    stop = Stop()
    began = trio.current_time()
    stop.request()

    await trio.sleep(1)
    stop.request()

    assert stop.deadline == began + STOP_S


@pytest.mark.parametrize(
    ("gone_s", "ends_after_s"), [(0, 0.5), (STOP_S - JOURNAL_S - 0.2, STOP_S - JOURNAL_S), (STOP_S, STOP_S)]
)
async def test_a_stage_ends_in_time_for_the_journal(
    autojump_clock: trio.testing.MockClock, gone_s: float, ends_after_s: float
) -> None:
    stop = Stop()
    began = trio.current_time()
    stop.request()
    await trio.sleep(gone_s)

    with stop.stage(0.5):
        await trio.sleep_forever()

    assert trio.current_time() - began == pytest.approx(ends_after_s)


async def test_a_server_is_drained_once_and_then_stops(autojump_clock: trio.testing.MockClock) -> None:
    stop = Stop()
    stop.drain_s = 10.0

    assert stop.request_drain()
    assert (stop.is_announced, stop.is_requested) == (True, False)
    with trio.fail_after(1):
        await stop.announced()
    await trio.sleep(1)
    began = trio.current_time()
    assert not stop.request_drain()

    assert stop.is_requested
    assert stop.deadline == began + STOP_S


async def test_a_server_with_no_time_for_it_stops_at_once() -> None:
    stop = Stop()

    assert not stop.request_drain()

    assert stop.is_announced
    assert stop.is_requested


async def test_a_stop_ends_the_draining(autojump_clock: trio.testing.MockClock) -> None:
    stop = Stop()
    stop.drain_s = 10.0
    stop.request_drain()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stop.run_until_requested, trio.sleep_forever)
        await trio.sleep(1)
        stop.request()
