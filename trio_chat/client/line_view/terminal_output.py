"""Output to a terminal that may stand still.

It stands still by Ctrl-S, or because nobody reads what is behind it. A write to it waits in the kernel, and
nothing else goes on meanwhile. Python's signal handlers do run there, and the system call is made again after them; so
they can put something else behind the descriptor.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from prompt_toolkit.output.vt100 import Vt100_Output

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class TerminalOutput(Vt100_Output):
    """Output that is discarded from the second signal on if the terminal stands still then."""

    _is_writing = False
    _signals = 0

    def flush(self) -> None:
        """Write what has been buffered."""
        self._is_writing = True
        try:
            super().flush()
        finally:
            self._is_writing = False

    @contextmanager
    def counting_signals(self) -> Iterator[None]:
        """Count signals until the end of the block, and pass them on to their handlers."""
        before = {number: signal.getsignal(number) for number in _SIGNALS}

        def count(number: int, frame: FrameType | None) -> None:
            self._signals += 1
            if self._is_writing and self._signals > 1:
                self._discard_output()
            handler = before[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)

        ours = [number for number, handler in before.items() if callable(handler)]
        for number in ours:
            signal.signal(number, count)
        try:
            yield
        finally:
            for number in ours:
                signal.signal(number, before[number])

    def _discard_output(self) -> None:
        """Write to nobody from now on, also errors that would go to the same terminal."""
        terminal = os.fstat(self.fileno()).st_rdev
        with open(os.devnull, "wb") as nobody:
            for fd in (self.fileno(), 2):
                if os.fstat(fd).st_rdev == terminal:
                    os.dup2(nobody.fileno(), fd)
