"""Job control: reading a terminal only while the server is in its foreground.

A process in the background that reads its terminal is stopped by SIGTTIN, and the whole chat with it. SIGTTIN and
SIGTTOU are ignored besides: between the look and the read the shell may have taken the terminal back, and then the read
fails with EIO instead.
"""

import os
import signal

import trio

BACKGROUND_POLL_S = 0.5
"""Between two looks whether the server is in the foreground again. A shell also sends SIGCONT, but not every one."""


def ignore_stops() -> None:
    """Let neither reading nor writing the terminal stop the server."""
    for number in (signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)


def is_in_foreground(fd: int) -> bool:
    """Tell whether a read from `fd` is ours to make. What is not our controlling terminal stops nobody."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return True


async def wait_for_foreground(fd: int) -> None:
    """Return at once in the foreground, and later in the background."""
    while not is_in_foreground(fd):  # noqa: ASYNC110  # the kernel has no event for it
        await trio.sleep(BACKGROUND_POLL_S)
