"""Work that is too long for one turn of the loop: done in steps, it goes on when whoever asked for it is gone."""

from collections.abc import Awaitable, Callable, Iterator

import trio

PAUSE_TIMEOUT_S = 1.0


class Turns:
    """Does work in steps, each in a turn of its own."""

    def __init__(self, nursery: trio.Nursery, pause: Callable[[], Awaitable[None]]) -> None:
        """The work is done in `nursery`. `pause` returns when the effects of a step are over: after PAUSE_TIMEOUT_S at
        most, the next one is taken anyway."""
        self._nursery = nursery
        self._pause = pause

    async def finish(self, steps: Iterator[int]) -> int:
        """Take all steps, the first one at once. -> what the last one yields, 0 where there is none"""
        result, is_done = [next(steps, 0)], trio.Event()

        async def go_on() -> None:
            while True:
                with trio.move_on_after(PAUSE_TIMEOUT_S):
                    await self._pause()
                if (step := next(steps, None)) is None:
                    break
                result[0] = step
            is_done.set()

        self._nursery.start_soon(go_on)
        await is_done.wait()
        return result[0]
