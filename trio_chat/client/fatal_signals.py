"""Signals whose default action ends the process: the terminal is given back before it is taken."""

import faulthandler
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_OTHERS = ("KILL", "STOP", "TSTP", "TTIN", "TTOU", "CONT", "CHLD", "URG", "WINCH", "INFO")
"""Signals that no handler gets, or whose default action is to stop, to go on, or nothing."""

_FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
"""Signals of a faulty instruction, which would be run again before Python calls a handler."""


class _Handler:
    """A handler that calls a function, and then ends the process as the signal would have without it."""

    def __init__(self, callback: Callable[[], None], outer: "_Handler | None") -> None:
        """`outer` is the handler of the block around this one, which is called next."""
        self._callback = callback
        self._outer = outer

    def __call__(self, number: int, frame: FrameType | None) -> None:
        try:
            if not is_in_background():  # another job has the terminal, and changing it would stop this one
                self._callback()
        finally:
            if self._outer:
                self._outer(number, frame)
            else:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)


@contextmanager
def before_fatal_signal(callback: Callable[[], None]) -> Iterator[None]:
    """Until the end of the block, call a function before a signal ends the process: that of an inner block first.

    Signals that are handled otherwise, or ignored, are left alone. To be used in the main thread.
    """
    before = {number: signal.getsignal(number) for number in _fatal_signals()}
    ours = {number: handler for number, handler in before.items() if _is_default(handler)}
    for number, handler in ours.items():
        signal.signal(number, _Handler(callback, handler if isinstance(handler, _Handler) else None))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)


def is_in_background() -> bool:
    """Tell whether another job has the terminal that is stdin."""
    try:
        return os.tcgetpgrp(0) != os.getpgrp()
    except OSError:  # it is no terminal of ours, and stops nobody
        return False


def _is_default(handler: object) -> bool:
    return handler is signal.SIG_DFL or isinstance(handler, _Handler)


def _fatal_signals() -> set[int]:
    others = {getattr(signal, f"SIG{name}", None) for name in _OTHERS}
    debugged = {signal.SIGABRT} if faulthandler.is_enabled() else set()
    return {int(number) for number in signal.valid_signals() - others - {*_FAULTS} - debugged}
