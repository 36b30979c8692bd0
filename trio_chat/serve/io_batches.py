"""A bound on the number of sockets that Trio serves in one turn of its loop.

Trio (0.35) asks epoll for all sockets that are ready, and runs every task that waits for one before it asks again: when
thousands of connections break or speak at once, nobody else is served until the last of them was. Sockets that epoll
does not return at once come next time, those that have waited longest first.
"""

import select
from typing import Any

EVENTS_PER_TURN = 150
"""Maximum number of sockets in one turn. Each costs 20 to 60 microseconds, up to the next wait of its task, and more
beside others."""


class BoundedEpoll:
    """An epoll object that returns a bounded number of events at once."""

    def __init__(self, epoll: "select.epoll") -> None:
        self._epoll = epoll
        self.modify = epoll.modify  # called for each wait of a task: `__getattr__` would cost as much again

    def __getattr__(self, name: str) -> Any:
        return getattr(self._epoll, name)

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """Wait for events. -> file descriptors with their events: at most EVENTS_PER_TURN, and at most `maxevents`"""
        return self._epoll.poll(timeout, EVENTS_PER_TURN if maxevents < 0 else min(maxevents, EVENTS_PER_TURN))


def bound_io_batches() -> None:
    """Bound the turns of the running loop. Does nothing where Trio does not use epoll, or keeps it elsewhere."""
    from trio._core._run import GLOBAL_RUN_CONTEXT  # there is no public access to it

    manager: Any = GLOBAL_RUN_CONTEXT.runner.io_manager
    if hasattr(select, "epoll") and isinstance(getattr(manager, "_epoll", None), select.epoll):
        manager._epoll = BoundedEpoll(manager._epoll)
