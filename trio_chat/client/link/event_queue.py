"""The queue of events between a link and its reader."""

from collections import deque
from collections.abc import Iterable
from typing import Self

import trio

from trio_chat.client.link.events import Ended, LinkEvent


class EventQueue:
    """An async iterator for one reader. Each step yields all events so far; Ended is the last."""

    HIGH_WATER = 1024
    """Events in the queue above which nothing more is read from the server: a flood waits in the kernel, and there."""

    def __init__(self) -> None:
        self._waiting: deque[LinkEvent] = deque()
        self._is_not_empty = trio.Event()
        self._space_waiters = trio.lowlevel.ParkingLot()
        self._has_ended = False

    def put(self, events: Iterable[LinkEvent]) -> None:
        """Add to the end."""
        self._waiting.extend(events)
        if self._waiting:
            self._is_not_empty.set()

    def take_nowait(self) -> list[LinkEvent]:
        """Return all events in the queue, without waiting."""
        batch = list(self._waiting)
        if batch:
            self._waiting.clear()
            self._is_not_empty = trio.Event()
            self._space_waiters.unpark_all()
        return batch

    async def wait_for_space(self) -> None:
        """Return when there are fewer than HIGH_WATER events."""
        while len(self._waiting) >= self.HIGH_WATER:
            await self._space_waiters.park()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[LinkEvent]:
        if self._has_ended:
            raise StopAsyncIteration
        await self._is_not_empty.wait()
        batch = self.take_nowait()
        self._has_ended = isinstance(batch[-1], Ended)
        return batch
