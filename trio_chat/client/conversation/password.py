"""Asking for a password at a terminal, before there is a prompt."""

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from trio_chat.client.fatal_signals import before_fatal_signal

_READ_BYTES = 4096
"""Bytes of a line that a terminal takes."""


async def read_password(question: str = "password: ", fd: int = 0) -> str | None:
    """Read a line that the terminal does not show. -> None at the end of the input

    It can be cancelled, as by Ctrl-C: the terminal shows again what is typed. Raises OSError where it is gone.
    """
    with _hidden_input(fd):
        print(question, end="", file=sys.stderr, flush=True)
        try:
            await trio.lowlevel.wait_readable(fd)
            line = os.read(fd, _READ_BYTES)
        finally:
            print(file=sys.stderr)
    return line.decode(errors="replace").rstrip("\r\n") if line else None


@contextmanager
def _hidden_input(fd: int) -> Iterator[None]:
    """Let the terminal take whole lines, show none, and forget what was typed ahead of the question."""
    before = termios.tcgetattr(fd)
    modes = list(before)
    modes[3] = (modes[3] | termios.ICANON | termios.ISIG) & ~termios.ECHO

    def restore() -> None:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)

    with before_fatal_signal(restore):
        termios.tcsetattr(fd, termios.TCSAFLUSH, modes)
        try:
            yield
        finally:
            restore()
