"""The console on a terminal: one edited line at the bottom, and printed lines above it.

Trio has the loop to itself: the terminal is read and written on non-blocking descriptors of our own, and the printer
draws the line whenever the terminal takes something. With prompt_toolkit, the whole server would be a guest of asyncio,
or its end would wait for a thread that may be blocked in a write.
"""

import os
import signal
import termios
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import trio

from trio_chat.server.operation.foreground import ignore_stops, is_in_foreground, wait_for_foreground
from trio_chat.server.operation.line_editor import Complete, Entered, Keys, LineEditor, Offered
from trio_chat.server.operation.stdio import Printer

Handle = Callable[[str], Awaitable[None]]

_SUSPEND = "\x1a"

_LFLAG, _CC = 3, 6
"""Indices into what `tcgetattr` returns."""


class ConsoleTerminal:
    """Edits lines on a terminal that is both `stdin` and `stdout`, and draws them with the printer."""

    def __init__(self, fd: int, printer: Printer, complete: Complete) -> None:
        self._fd = os.open(os.ttyname(fd), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._printer = printer
        self._editor = LineEditor(complete)
        self._keys = Keys()
        self._modes_before: list[Any] | None = None
        """The modes to be restored; None while the terminal is not ours."""

    async def run(self, handle: Handle) -> None:
        """Edit lines and hand over each until the terminal is gone. However it ends, the terminal is as it was."""
        ignore_stops()
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self._watch_signals)
                while data := await self._read():
                    for key in self._keys.feed(data):
                        await self._press(key, handle)
                    self._printer.redraw()
                nursery.cancel_scope.cancel()
        finally:
            self._leave()
            os.close(self._fd)

    async def _read(self) -> bytes:
        """Wait for keys. -> b"" at the end of the terminal"""
        while True:
            if not is_in_foreground(self._fd):
                self._leave()
                await wait_for_foreground(self._fd)
            self._enter()
            await trio.lowlevel.wait_readable(self._fd)
            if is_in_foreground(self._fd):
                with suppress(BlockingIOError):
                    return _read_or_end(self._fd)

    async def _press(self, key: str, handle: Handle) -> None:
        if key == _SUSPEND:
            self._suspend()
            return
        match self._editor.press(key):
            case Entered(line):
                self._printer.print(line)
                await handle(line)
            case Offered(rows):
                for row in rows:
                    self._printer.print(row)

    async def _watch_signals(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Draw the line anew when the terminal changes its size, and when somebody has continued the server."""
        with trio.open_signal_receiver(signal.SIGWINCH, signal.SIGCONT) as signals:
            task_status.started()
            async for _ in signals:
                if is_in_foreground(self._fd):
                    self._enter()
                else:
                    self._leave()

    def _suspend(self) -> None:
        """Stop as Ctrl-Z does, with the terminal as it was. Returns when continued."""
        self._leave()
        os.killpg(os.getpgrp(), signal.SIGTSTP)

    def _enter(self) -> None:
        """Take the terminal: keys come one by one, and the line is drawn. Ctrl-C and Ctrl-S do what they did."""
        try:
            modes = termios.tcgetattr(self._fd)
            ours = _edited_modes(modes)
            if modes != ours:  # else they are ours already
                self._modes_before = modes
                termios.tcsetattr(self._fd, termios.TCSANOW, ours)  # the others wait where Ctrl-S has stopped it
        except termios.error:  # it is gone, as the next read will report
            return
        self._printer.show_row(self._row)

    def _leave(self) -> None:
        """Give the terminal back. In the background its modes are the shell's."""
        self._printer.hide_row()
        before, self._modes_before = self._modes_before, None
        if before is not None and is_in_foreground(self._fd):
            with suppress(termios.error):
                termios.tcsetattr(self._fd, termios.TCSANOW, before)

    def _row(self) -> str:
        try:
            columns = os.get_terminal_size(self._fd).columns
        except OSError:
            columns = 0
        return self._editor.row(columns or 80)


def _read_or_end(fd: int) -> bytes:
    try:
        return os.read(fd, 1024)
    except BlockingIOError:
        raise
    except OSError:  # the terminal has hung up, or the shell has just taken it back
        if not is_in_foreground(fd):
            raise BlockingIOError from None
        return b""


def _edited_modes(modes: list[Any]) -> list[Any]:
    """Return modes in which keys come one by one, without echo. Ctrl-Z comes as a key: modes are restored before."""
    ours = list(modes)
    ours[_LFLAG] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
    ours[_CC] = cc = list(ours[_CC])
    cc[termios.VSUSP] = b"\0"
    cc[termios.VMIN], cc[termios.VTIME] = 1, 0
    return ours
