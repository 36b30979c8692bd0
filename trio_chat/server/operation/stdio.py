"""The server's own stdin and stdout, neither of which may ever stop the server.

Neither is made non-blocking: that flag is shared with whatever else has the terminal or pipe open. A wait for readiness
comes before each read and each write instead, and a write is small enough that a ready pipe takes it whole; a terminal,
which may take less, is opened anew. What epoll refuses to watch (regular files, /dev/null) never blocks and is used
directly.
"""

import os
import select
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

import trio

from trio_chat.chat.text import clean

BACKLOG_LINES = 10_000
"""Lines kept for a stdout that nobody reads; the oldest go first."""

FULL_RETRY_S = 0.05

_LINE_BYTES = 64 * 1024


class Printer:
    """Prints lines to a file descriptor without ever waiting in `print`."""

    def __init__(self, fd: int) -> None:
        self._fd = _opened_anew(fd)
        self._lines: deque[bytes] = deque(maxlen=BACKLOG_LINES)
        self._held: deque[bytes] | None = None
        self._wake = trio.Event()

    def print(self, line: str) -> None:
        """Queue a line. What could drive a terminal, or make two of it, does not come through."""
        lines = self._lines if self._held is None else self._held
        lines.append(f"{clean(line)}\n".encode(errors="replace"))
        self._wake.set()

    def hold(self) -> None:
        """Keep back what is printed from now on, for something else has to come first."""
        self._held = deque(maxlen=BACKLOG_LINES)

    def release(self, first: Iterable[str] = ()) -> None:
        """Print what has to come first, and then what was kept back."""
        held, self._held = self._held, None
        for line in first:
            self.print(line)
        self._lines += held or ()

    async def run(self) -> None:
        """Write until cancelled, or until there is nobody left to write to."""
        ready = _readiness(self._fd, trio.lowlevel.wait_writable)
        try:
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                while self._lines:
                    await ready()
                    if not self._write():
                        await trio.sleep(FULL_RETRY_S)
        except OSError:  # the reader of the pipe is gone, or there never was a stdout
            self._lines = deque(maxlen=0)

    def flush_nowait(self) -> None:
        """Write what is queued as far as that is possible at once: the last act of a server that stops."""
        self.release()
        try:
            while self._lines and select.select([], [self._fd], [], 0)[1] and self._write():
                pass
        except (OSError, ValueError):  # closed: there is nobody to tell
            return

    def _write(self) -> bool:
        """Write one line, and as many more as a pipe that is ready takes with it: in a storm of connections, all.

        -> whether any of it was taken: a terminal with hardly any room may be called ready.
        """
        # Nothing is taken out before it can be written: a wait that a stopping server cancels loses no line.
        data = self._lines.popleft()
        while self._lines and len(data) + len(self._lines[0]) <= select.PIPE_BUF:
            data += self._lines.popleft()
        try:
            written = os.write(self._fd, data[: select.PIPE_BUF])
        except BlockingIOError:
            written = 0
        if rest := data[written:]:
            self._lines.appendleft(rest)
        return written > 0


def _opened_anew(fd: int) -> int:
    """-> what to write to a terminal by, so that one that stands still (Ctrl-S, a dead line) holds up nobody.

    It takes half a line where there is room for no more, and a write that is not told otherwise waits then. The flag is
    that of a descriptor of our own; whoever else has the terminal open does not notice. What is no terminal stays.
    """
    try:
        return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no terminal, or one that is not ours to open
        return fd


async def read_lines(fd: int) -> AsyncGenerator[str]:
    """Yield the lines that arrive at a file descriptor, until its end. A line longer than 64 KiB is cut there."""
    rest = b""
    try:
        fd = os.dup(fd)
    except OSError:  # there is no stdin
        return
    try:
        ready = _readiness(fd, trio.lowlevel.wait_readable)
        while data := await _read(fd, ready):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")
            rest = rest[:_LINE_BYTES]
        if rest:
            yield rest.decode(errors="replace")
    finally:
        os.close(fd)


async def _read(fd: int, ready: Callable[[], Awaitable[None]]) -> bytes:
    await ready()
    try:
        return os.read(fd, 4096)
    except OSError:  # a terminal that hung up
        return b""


def _readiness(fd: int, wait: Callable[[int], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """-> what to await before touching `fd`."""
    can_poll = True

    async def ready() -> None:
        nonlocal can_poll
        if can_poll:
            try:
                await wait(fd)
            except PermissionError:
                can_poll = False
        if not can_poll:
            await trio.lowlevel.checkpoint()

    return ready
