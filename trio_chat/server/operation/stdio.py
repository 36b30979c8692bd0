"""The server's own stdin and stdout, neither of which may ever block the server.

Neither is made non-blocking: that flag is shared with every process that has the terminal or pipe open. Each read and
write is preceded by a wait for readiness instead, and a write is small enough for a ready pipe to take it whole; a
terminal, which may take less, is reopened. Files that epoll refuses (regular files, /dev/null) never block and are used
directly.
"""

import os
import select
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

import trio

from trio_chat.chat.text import clean
from trio_chat.server.operation.foreground import ignore_stops, is_in_foreground, wait_for_foreground

BACKLOG_LINES_MAX = 10_000
"""Lines queued for a stdout that nobody reads; the oldest are dropped first."""

FULL_RETRY_S = 0.05
"""Between two attempts to write to a terminal that took nothing although it was ready."""

ERASE_ROW = b"\r\x1b[K"

_LINE_BYTES = 64 * 1024


class Printer:
    """Prints lines to a file descriptor. `print` queues and never blocks."""

    def __init__(self, fd: int) -> None:
        self._fd = _reopen_terminal(fd)
        self._lines: deque[bytes] = deque(maxlen=BACKLOG_LINES_MAX)
        self._held: deque[bytes] | None = None
        self._unwritten = b""
        """The rest of a line that was begun: it is written before anything else."""
        self._row: Callable[[], str] | None = None
        self._is_row_drawn = False
        self._is_row_stale = False
        self._wake = trio.Event()

    def print(self, line: str) -> None:
        """Queue a line, cleaned of control characters and line breaks."""
        lines = self._lines if self._held is None else self._held
        lines.append(f"{clean(line)}\n".encode(errors="replace"))
        self._wake.set()

    def hold(self) -> None:
        """Hold back lines from now on: others have to be printed before them."""
        self._held = deque(maxlen=BACKLOG_LINES_MAX)

    def release(self, first: Iterable[str] = ()) -> None:
        """Print the lines in `first`, then those held back."""
        held, self._held = self._held, None
        for line in first:
            self.print(line)
        self._lines += held or ()

    def show_row(self, row: Callable[[], str]) -> None:
        """Draw a row below the lines of a terminal from now on. `row` returns it, beginning with its own erasure."""
        self._row = row
        self.redraw()

    def redraw(self) -> None:
        """Draw the row anew, if there is one: it has changed."""
        self._is_row_stale = self._row is not None
        self._wake.set()

    def hide_row(self) -> None:
        """Erase the row, as far as the terminal accepts that now."""
        self._row = None
        self._is_row_stale = False
        if self._is_row_drawn:
            self._write_ready()

    async def run(self) -> None:
        """Write queued lines until cancelled, or until the reader is gone."""
        ready = _readiness(self._fd, trio.lowlevel.wait_writable)
        try:
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                while self._is_behind:
                    await ready()
                    if not self._write():
                        await trio.sleep(FULL_RETRY_S)
        except OSError:  # the reader of the pipe is gone, or there never was a stdout
            self._lines, self._unwritten, self._row = deque(maxlen=0), b"", None

    def flush_nowait(self) -> None:
        """Write as much of the queue as possible without blocking, as the last step of a shutdown."""
        self.release()
        self._write_ready()

    @property
    def _is_behind(self) -> bool:
        return bool(self._unwritten or self._lines or self._is_row_stale or (self._is_row_drawn and not self._row))

    def _write_ready(self) -> None:
        try:
            while self._is_behind and select.select([], [self._fd], [], 0)[1] and self._write():
                pass
        except (OSError, ValueError):  # closed
            return

    def _write(self) -> bool:
        """Write one line, and as many more as a ready pipe takes at once.

        -> whether anything was written: a terminal with little space may report readiness and take nothing.
        """
        # Lines leave the queue only when they can be written, so a cancelled wait loses none.
        data = self._unwritten or self._next()
        try:
            written = os.write(self._fd, data[: select.PIPE_BUF])
        except BlockingIOError:
            written = 0
        self._unwritten = data[written:]
        return written > 0

    def _next(self) -> bytes:
        """Take lines from the queue. The row is erased before them and drawn again after them."""
        data = self._lines.popleft() if self._lines else b""
        while self._lines and len(data) + len(self._lines[0]) <= select.PIPE_BUF:
            data += self._lines.popleft()
        if self._is_row_drawn and data:
            data = ERASE_ROW + data
        return data + self._take_row()

    def _take_row(self) -> bytes:
        was_drawn, self._is_row_drawn, self._is_row_stale = self._is_row_drawn, self._row is not None, False
        if self._row:
            return self._row().encode(errors="replace")
        return ERASE_ROW if was_drawn else b""


def _reopen_terminal(fd: int) -> int:
    """Reopen a terminal as non-blocking, so that a stopped one (Ctrl-S, a dead line) blocks nobody. -> descriptor

    A terminal may take half a line, and a blocking write would wait then. The flag belongs to our own descriptor, so no
    other process is affected. Anything but a terminal is returned as it is.
    """
    try:
        return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no terminal, or one that is not ours to open
        return fd


async def read_lines(fd: int) -> AsyncGenerator[str]:
    """Yield the lines of a file descriptor until its end. A line longer than 64 KiB is cut there."""
    rest = b""
    try:
        fd = os.dup(fd)
    except OSError:  # there is no stdin
        return
    try:
        ready = _readable_in_foreground(fd) if os.isatty(fd) else _readiness(fd, trio.lowlevel.wait_readable)
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
    while True:
        await ready()
        try:
            return os.read(fd, 4096)
        except OSError:  # a terminal that hung up, or that the shell has just taken back
            if is_in_foreground(fd):
                return b""


def _readable_in_foreground(fd: int) -> Callable[[], Awaitable[None]]:
    ignore_stops()

    async def ready() -> None:
        while True:
            await wait_for_foreground(fd)
            await trio.lowlevel.wait_readable(fd)
            if is_in_foreground(fd):
                return

    return ready


def _readiness(fd: int, wait: Callable[[int], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Return an async function that waits until `fd` is ready, if epoll can tell."""
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
