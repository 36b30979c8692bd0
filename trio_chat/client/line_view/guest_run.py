"""Trio as a guest of asyncio, in one thread: prompt_toolkit needs asyncio, the rest of the client Trio."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

T = TypeVar("T")


def run_on_asyncio(main: Callable[[], Awaitable[T]], *, clock: trio.abc.Clock | None = None) -> T:
    """Run `main` as `trio.run` does, inside asyncio as `open_terminal` needs it. The end of its loop cancels `main`."""
    return asyncio.run(_host(main, clock))


async def _host(main: Callable[[], Awaitable[T]], clock: trio.abc.Clock | None) -> T:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    scope = trio.CancelScope()

    async def run() -> T | None:
        with scope:
            return await main()
        return None

    trio.lowlevel.start_guest_run(
        run,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        run_sync_soon_not_threadsafe=loop.call_soon,
        done_callback=done.set_result,
        host_uses_signal_set_wakeup_fd=True,
        clock=clock,
    )
    try:
        result: T = (await asyncio.shield(done)).unwrap()
    except asyncio.CancelledError:
        # The loop is being closed; Trio left in the middle could never run in this thread again.
        scope.cancel()
        await done
        raise
    return result
