"""Job control: reading a terminal only while the server is in its foreground.

A process in the background that reads its terminal is stopped by SIGTTIN, and the whole chat with it. SIGTTIN and
SIGTTOU are ignored as well: the shell may take the terminal back between the check and the read, which then fails with
EIO instead.
"""

import os
import signal

import trio

BACKGROUND_POLL_S = 0.5
"""Between two checks whether the server is in the foreground again. Not every shell sends SIGCONT."""


def ignore_stops() -> None:
    """Keep reads and writes of the terminal from stopping the server."""
    for number in (signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)


def is_in_foreground(fd: int) -> bool:
    """Tell whether we may read `fd`: always, unless it is our controlling terminal and we are in the background."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return True


async def wait_for_foreground(fd: int) -> None:
    """Return at once in the foreground, and later in the background."""
    while not is_in_foreground(fd):  # noqa: ASYNC110  # the kernel has no event for it
        await trio.sleep(BACKGROUND_POLL_S)
