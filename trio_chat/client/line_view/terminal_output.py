"""Output to a terminal: whole frames, even to one that may be stopped.

It is stopped by Ctrl-S, or because nobody reads its other end. A write to it blocks in the kernel, and nothing else
runs meanwhile, except Python's signal handlers. The system call is repeated after them, so they can redirect the
descriptor.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from select import select
from types import FrameType

from prompt_toolkit.output.vt100 import Vt100_Output

from trio_chat.client.line_view.clusters import Clusters, width_of
from trio_chat.client.synchronized_output import BEGIN_FRAME, END_FRAME

_END_OF_PROMPT = f"\x18{END_FRAME}\x1b[?2004l\x1b[0m\x1b[?25h\r\n\x1b[J"
"""CAN, which ends a sequence that was cut off, then the end of the frame and of bracketed paste, plain text and the
cursor, and the line below, with nothing on it."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class TerminalOutput(Vt100_Output):
    """Output that is discarded from the second signal on, if the terminal takes nothing then."""

    clusters: Clusters | None = None
    """The clusters whose stand-ins are written by the editor."""
    _is_writing = False
    _is_held = False
    _signals = 0

    def write(self, data: str) -> None:
        """Write text, with a cluster in the place of its stand-in.

        Terminals differ in the width of a cluster. So the columns that the editor counts for it are emptied first, and
        the cursor is put after them.
        """
        cluster = self.clusters.cluster_of(data) if self.clusters and not data.isascii() else ""
        if not cluster:
            super().write(data)
            return
        width = width_of(cluster)
        super().write_raw(f"\x1b7{' ' * width}\x1b8\x1b7")
        super().write(cluster)
        super().write_raw(f"\x1b8\x1b[{width}C")

    def erase_down(self) -> None:
        """Erase from the cursor to the end of the screen.

        tmux puts a screen that is erased from its first cell into the scrollback, and with it the draft, or rows that
        wait: so the first cell is erased by itself.
        """
        super().write_raw("\x1b7\x1b[K\x1b[C\x1b[J\x1b8")

    def flush(self) -> None:
        """Write the buffer, as one frame."""
        if self._is_held or not self._buffer:
            return
        self._buffer = [BEGIN_FRAME, *self._buffer, END_FRAME]
        self._is_writing = True
        try:
            super().flush()
        finally:
            self._is_writing = False

    @contextmanager
    def one_frame(self) -> Iterator[None]:
        """Write all output of the block at its end, at once."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
            self.flush()

    def end_prompt(self) -> None:
        """Leave a prompt that stays on the screen, at once: a terminal that takes nothing is not waited for."""
        if select([], [self.fileno()], [], 0)[1]:
            os.write(self.fileno(), _END_OF_PROMPT.encode())

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
        """Discard all output from now on, including errors that would go to the same terminal."""
        terminal = os.fstat(self.fileno()).st_rdev
        with open(os.devnull, "wb") as nobody:
            for fd in (self.fileno(), 2):
                if os.fstat(fd).st_rdev == terminal:
                    os.dup2(nobody.fileno(), fd)
