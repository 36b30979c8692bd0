"""The line view without a terminal, or on one that can only print: a filter from stdin to stdout.

Reads and writes are in threads, since either may block for any time: regular files cannot be polled, and a pipe that is
made non-blocking is so for every process that has it open.
"""

import os
import select
import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Self

import trio

from trio_chat.client.startup_terminal import is_dumb
from trio_chat.wire.lines import LineDecoder, LineFault

_READ_BYTES = 64 * 1024

_FIRST_INPUT_TIMEOUT_S = 0.3
"""Time in which an empty input is expected to end."""


class Pipe:
    """Iterates over the lines of one file descriptor and prints to another. It closes neither."""

    has_prompt = False
    keys: Sequence[tuple[str, str]] = ()
    draft = ""

    def __init__(self, stdin_fd: int, stdout_fd: int) -> None:
        self._stdin_fd = stdin_fd
        self._stdout_fd = stdout_fd
        self._decoder = LineDecoder()
        self._lines_read = 0
        self._reading = trio.CancelScope()
        self._has_ended = False
        self._first: list[str] | None = None
        self.stopped = trio.Event()
        self.is_typed = os.isatty(stdin_fd)
        self.has_person = os.isatty(stdin_fd) and os.isatty(stdout_fd)
        self.has_colours = os.isatty(stdout_fd) and not is_dumb()
        self.refused = 0
        """Number of lines that were not valid."""

    @property
    def last_key_at(self) -> float:
        """The time of now: keys are not seen."""
        return time.time()

    @property
    def columns(self) -> int | None:
        """Width of a terminal that a person reads; else None."""
        try:
            return (os.get_terminal_size(self._stdout_fd).columns or None) if self.has_person else None
        except OSError:  # it is gone
            return None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[str]:
        """Wait for the next lines. A thread that still waits for input when the pipe is stopped is abandoned."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        if self._has_ended:
            raise StopAsyncIteration
        data = b""
        with self._reading:
            stdin = ThreadDescriptor(self._stdin_fd)
            data = await trio.to_thread.run_sync(stdin.read, abandon_on_cancel=True)
            self._reading = trio.CancelScope()
        if data:
            return self._accept_valid(self._decoder.feed(data))
        self._has_ended = True
        return self._accept_valid(self._decoder.finish())

    async def has_input(self) -> bool:
        """Wait a moment for the first input. -> False if the input ends without any"""
        wait = partial(ThreadDescriptor(self._stdin_fd).wait_readable, _FIRST_INPUT_TIMEOUT_S)
        can_read = await trio.to_thread.run_sync(wait, abandon_on_cancel=True)
        if can_read and self._first is None:
            self._first = await anext(self, [])
        return bool(self._first) or not self._has_ended

    def stop(self) -> None:
        """Read no more."""
        self._has_ended = True
        self._reading.cancel()
        self.stopped.set()

    def refresh(self) -> None:
        """Do nothing: there is no prompt."""

    async def ask(self, text: str) -> str:
        """Answer nothing: there is nobody to ask."""
        await trio.lowlevel.checkpoint()
        return ""

    def restore(self, draft: str, _room: str = "", /) -> None:
        """Do nothing: there is no line to be edited."""

    def end_hold(self, draft: str, *, asks: bool = False) -> None:
        """Do nothing: a pipe asks for no password, so nothing is held back."""

    async def print(self, text: str) -> None:
        """Write, and return when that is done. Raises OSError when nobody can read it any more."""
        stdout = ThreadDescriptor(self._stdout_fd)
        await trio.to_thread.run_sync(stdout.write_all, text.encode(), abandon_on_cancel=True)

    def _accept_valid(self, inputs: Iterable[str | LineFault]) -> list[str]:
        """Return the valid lines; print an error with its number on stderr for each other one."""
        lines = []
        for line in inputs:
            self._lines_read += 1
            if isinstance(line, LineFault):
                self.refused += 1
                print(f"trio-chat: line {self._lines_read} of the input: {line.value}", file=sys.stderr)
            else:
                lines.append(line)
        return lines


class ThreadDescriptor:
    """A duplicate of a file descriptor, for one call in a thread that may be abandoned; closed with the last reference.

    An abandoned thread may make its call only after the owner has closed the descriptor, whose number may be that of
    another file by then.
    """

    def __init__(self, fd: int) -> None:
        """Duplicate the descriptor. Raises OSError where nothing is open."""
        self._fd = os.dup(fd)

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)

    def read(self) -> bytes:
        """Wait for input. -> at most _READ_BYTES; empty at the end"""
        return os.read(self._fd, _READ_BYTES)

    def wait_readable(self, timeout_s: float) -> bool:
        """Wait until `read` does not have to. -> False after `timeout_s`"""
        return bool(select.select([self._fd], [], [], timeout_s)[0])

    def write_all(self, data: bytes) -> None:
        """Write, and return when that is done."""
        while data:
            data = data[os.write(self._fd, data) :]
