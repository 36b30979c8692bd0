"""Shutdown: the signals that ask for it, and the one deadline by which everything has to be over.

A stop may take 5 s, whatever clients, operators and the disk do. So nothing that is waited for then has a time of its
own that would only add up: all of it ends by one deadline, and each part leaves the next one its share.
"""

import math
import os
import signal
from collections.abc import Callable
from typing import TypeVar

import trio

STOPPING = (signal.SIGINT, signal.SIGTERM)

STOP_S = 4.0
"""From the request until the journal is closed. The rest of the 5 s is for the log and for Python itself to end."""

JOURNAL_S = 1.0
"""What the journal has of these in any case; and whatever the others have not used."""

T = TypeVar("T")


class Stop:
    """A request to stop that may come at any time. `deadline` is a time of Trio's clock."""

    def __init__(self) -> None:
        self.deadline = math.inf
        self._requested = trio.Event()

    def request(self) -> None:
        """Ask for it. Asking again changes nothing."""
        if not self._requested.is_set():
            self.deadline = trio.current_time() + STOP_S
            self._requested.set()

    async def requested(self) -> None:
        """Return when it has been asked for."""
        await self._requested.wait()

    async def unless_requested(self, work: Callable[[], T]) -> T | None:
        """Do in a thread what may never end; a stop leaves it to itself. -> what `work` returned; None at a stop"""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cancel_then, nursery.cancel_scope)
            done = await trio.to_thread.run_sync(work, abandon_on_cancel=True)
            nursery.cancel_scope.cancel()
            return done
        return None

    async def _cancel_then(self, scope: trio.CancelScope) -> None:
        await self.requested()
        scope.cancel()

    def leaving_time_for_the_journal(self, seconds: float) -> trio.CancelScope:
        """Make a scope for what may still take so many seconds, if there are as many."""
        return trio.CancelScope(deadline=min(trio.current_time() + seconds, self.deadline - JOURNAL_S))


async def watch_for_stop(
    stop: Callable[[], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Call `stop` at the first signal that asks for it, and return; a second one ends the process at once."""
    for number in STOPPING:  # in force again after the block, which hands over what it has not seen
        signal.signal(number, _exit_at_once)
    with trio.open_signal_receiver(*STOPPING) as signals:
        task_status.started()
        async for _ in signals:
            break
    stop()


async def watch_for_reload(reload: Callable[[], object], stop: Callable[[], None], terminal: int) -> None:
    """Call `reload` at each SIGHUP, until cancelled.

    SIGHUP also comes when the terminal of a server was closed: that ends it, as it ends any program.
    """
    had_terminal = os.isatty(terminal)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # in force again after the block: nothing is to be reloaded then
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        async for _ in signals:
            (stop if had_terminal and not os.isatty(terminal) else reload)()


def _exit_at_once(number: int, _frame: object) -> None:
    """Exit as a signal would make us. The default action will not do: the first process of a container has none."""
    os._exit(128 + number)
