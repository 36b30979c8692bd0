"""Turns of the event loop that other tasks have while something is done."""

from collections.abc import Awaitable, Callable

import trio


async def turns_during(what: Callable[[], Awaitable[object]]) -> int:
    """Return how often other tasks run while something is done."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        await trio.lowlevel.checkpoint()
        turns = 0
        await what()
        nursery.cancel_scope.cancel()
    return turns
