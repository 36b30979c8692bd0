"""How late the event loop is: everyone in the chat waits for that long before anything is done for them."""

import trio

from trio_chat.chat.histogram import Histogram

PERIOD_S = 0.25
BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


async def watch_delay(delays: Histogram) -> None:
    """Measure, four times a second, how much later than asked for a sleep ends; until cancelled."""
    while True:
        due = trio.current_time() + PERIOD_S
        await trio.sleep_until(due)
        delays.observe(trio.current_time() - due)
