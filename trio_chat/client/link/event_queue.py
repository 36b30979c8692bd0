"""What has happened on a link and nobody has looked at yet."""

from collections import deque
from collections.abc import Iterable
from typing import Self

import trio

from trio_chat.client.link.events import Ended, LinkEvent


class EventQueue:
    """An async iterator, for one reader, of all that there is at each step. Ended is the last."""

    ENOUGH = 1024
    """Whoever reads from a server waits while so much is here, so that a flood waits in the kernel and there."""

    def __init__(self) -> None:
        self._waiting: deque[LinkEvent] = deque()
        self._has_some = trio.Event()
        self._for_room = trio.lowlevel.ParkingLot()
        self._has_ended = False

    def put(self, happenings: Iterable[LinkEvent]) -> None:
        """Add to the end."""
        self._waiting.extend(happenings)
        if self._waiting:
            self._has_some.set()

    def take(self) -> list[LinkEvent]:
        """Return what there is, without waiting."""
        batch = list(self._waiting)
        if batch:
            self._waiting.clear()
            self._has_some = trio.Event()
            self._for_room.unpark_all()
        return batch

    async def room(self) -> None:
        """Return when it makes sense to read more of what a server sends."""
        while len(self._waiting) >= self.ENOUGH:
            await self._for_room.park()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[LinkEvent]:
        if self._has_ended:
            raise StopAsyncIteration
        await self._has_some.wait()
        batch = self.take()
        self._has_ended = isinstance(batch[-1], Ended)
        return batch
