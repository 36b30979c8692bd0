"""Work in threads that give way to all others of the server."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

import trio

T = TypeVar("T")

NICENESS = 10
"""Above that of the server. No more, and not SCHED_IDLE: on a busy machine, a thread that gets no time while it holds
the interpreter makes everybody wait for it (6 s were seen)."""

OWN_CORES = 2
"""Cores that such threads leave to the event loop and to the journal, where there are more."""


def threads_at_once(most: int) -> int:
    """Return how many such threads may run at once: `most`, or fewer on a machine with few cores, but one."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(most, cores - OWN_CORES))


class BackgroundThreads:
    """Threads of low priority, a bounded number at once.

    Each is started for one piece of work: Trio's threads serve the journal too, and a lowered priority cannot be raised
    again.
    """

    def __init__(self, most: int) -> None:
        self._slots = trio.CapacityLimiter(most)

    async def run(self, work: Callable[[], T]) -> T:
        """Run work in a thread, once one may run. -> what it returns. Raises what it raises, and MemoryError.

        Where the caller is cancelled, the thread is left alone and keeps its slot until it ends. It does not keep the
        process from ending.
        """
        token, done, outcome = trio.lowlevel.current_trio_token(), trio.Event(), Future[T]()
        await self._slots.acquire_on_behalf_of(outcome)

        def finish() -> None:
            self._slots.release_on_behalf_of(outcome)
            done.set()

        def run() -> None:
            _lower_priority()
            try:
                outcome.set_result(work())
            except BaseException as error:
                outcome.set_exception(error)
            with suppress(trio.RunFinishedError):  # nobody waits any more
                token.run_sync_soon(finish)

        try:
            threading.Thread(target=run, name="background work", daemon=True).start()
        except RuntimeError as error:
            self._slots.release_on_behalf_of(outcome)
            raise MemoryError("no thread can be started") from error
        await done.wait()
        return outcome.result()


def _lower_priority() -> None:
    """Lower the priority of this thread on Linux. Elsewhere only a whole process has one."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
