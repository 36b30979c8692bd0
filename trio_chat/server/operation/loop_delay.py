"""Loop delay: the time for which a task that is due waits for the event loop, and with it everyone in the chat."""

import time
from collections.abc import Callable

import trio

from trio_chat.chat.histogram import Histogram

SAMPLE_INTERVAL_S = 0.25
BUCKET_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the histogram's buckets."""


async def watch_delay(delays: Histogram, *, clock: Callable[[], float] = time.monotonic) -> None:
    """Measure the delay at the end of a sleep, four times a second, until cancelled.

    `clock` also counts the time for which the process stands still, which that of Trio may not.
    """
    while True:
        due = clock() + SAMPLE_INTERVAL_S
        await trio.sleep(SAMPLE_INTERVAL_S)
        delays.observe(max(0.0, clock() - due))
