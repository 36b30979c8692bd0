"""Signals: two of them stop the server, one makes it reload."""

import os
import signal
from collections.abc import Callable

import trio

STOPPING = (signal.SIGINT, signal.SIGTERM)


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
