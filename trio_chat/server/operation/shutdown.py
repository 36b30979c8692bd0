"""Shutdown: the signals that request it, and the one deadline for all of its stages.

The stages of a shutdown and what each may take are in `server.shutdown_timeouts`.
"""

import math
import os
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from trio_chat.server.shutdown_timeouts import JOURNAL_S, STOP_S

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")


class Stop:
    """A request to stop, which may come at any time. The journal must be closed by `deadline`, of Trio's clock."""

    def __init__(self) -> None:
        self.deadline = math.inf
        self.drain_s = 0.0
        """The time for which the server is drained before that, where it is asked to."""
        self._announced = trio.Event()
        self._requested = trio.Event()

    def request(self) -> None:
        """Request a stop. A second request changes nothing."""
        self._announced.set()
        if not self._requested.is_set():
            self.deadline = trio.current_time() + STOP_S
            self._requested.set()

    def request_drain(self) -> bool:
        """Request that the server is drained, and then a stop. -> False where a stop is requested at once

        That is so where there is no time for draining, or the server is being drained already.
        """
        if not self.drain_s or self._announced.is_set():
            self.request()
            return False
        self._announced.set()
        return True

    @property
    def is_announced(self) -> bool:
        """True once a stop has been requested, or that the server is drained before it."""
        return self._announced.is_set()

    async def announced(self) -> None:
        """Return when the server is to be drained, or a stop has been requested."""
        await self._announced.wait()

    @property
    def is_requested(self) -> bool:
        """True once a stop has been requested."""
        return self._requested.is_set()

    async def requested(self) -> None:
        """Return when a stop has been requested."""
        await self._requested.wait()

    async def run_unless_requested(self, work: Callable[[], T]) -> T | None:
        """Run `work`, which may block for ever, in a thread; a stop abandons it. -> its result, or None at a stop"""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cancel_when_requested, nursery.cancel_scope)
            result = await trio.to_thread.run_sync(work, abandon_on_cancel=True)
            nursery.cancel_scope.cancel()
            return result
        return None

    async def run_until_requested(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work`; a stop cancels it."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cancel_when_requested, nursery.cancel_scope)
            await work()
            nursery.cancel_scope.cancel()

    async def _cancel_when_requested(self, scope: trio.CancelScope) -> None:
        await self.requested()
        scope.cancel()

    def stage(self, timeout_s: float) -> trio.CancelScope:
        """Make the cancel scope of a stage: it lasts for `timeout_s`, or until only the journal's time is left."""
        return trio.CancelScope(deadline=min(trio.current_time() + timeout_s, self.deadline - JOURNAL_S))


async def watch_for_stop(stop: Stop, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Request a stop at the first SIGINT or SIGTERM, and return; a second one ends the process at once.

    SIGTERM lets the server be drained first, until the next signal.
    """
    for number in STOP_SIGNALS:  # in force after the block, and for signals that it did not see
        signal.signal(number, _exit_at_once)
    with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
        task_status.started()
        async for received in signals:
            if received != signal.SIGTERM or not stop.request_drain():
                break
    stop.request()


async def watch_for_reload(reload: Callable[[], object], stop: Callable[[], None], terminal: int) -> None:
    """Call `reload` at each SIGHUP, until cancelled.

    SIGHUP also comes when the terminal of the server, file descriptor `terminal`, is closed: then `stop` is called.
    """
    had_terminal = os.isatty(terminal)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # in force after the block: nothing is reloaded then
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        async for _ in signals:
            (stop if had_terminal and not os.isatty(terminal) else reload)()


def _exit_at_once(number: int, _frame: object) -> None:
    """Exit with the status of a process that a signal killed.

    The signal's default action would not do: the first process of a container has none.
    """
    os._exit(128 + number)
