"""The log on stderr: lines that nobody can forge, and that nobody has to wait for.

A record is formatted where it is made and queued; a thread writes. When stderr is a pipe that nobody reads, the queue
fills up, and from then on lines are dropped and counted. What is said in the chat is never logged.
"""

import json
import logging
import os
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from queue import Full, Queue
from typing import Literal

from trio_chat.server.shutdown_timeouts import LOG_S

STDERR = 2

QUEUED_LINES = 10_000

REPEATS = 10
REPEATS_WITHIN_S = 10.0
"""A fault is logged this often in that time. What a peer can cause at will must not fill the disk."""

KNOWN_FAULTS = 1000

logger = logging.getLogger(__name__)


@contextmanager
def logging_to(
    fd: int = STDERR, *, style: Literal["text", "json"] = "text", level: str = "info"
) -> Iterator["QueuedLog"]:
    """Log to a file descriptor inside this context. At its end what is queued is written, if that is possible soon."""
    log = QueuedLog(fd)
    log.setFormatter(TextFormatter() if style == "text" else JsonFormatter())
    log.addFilter(Repeats())
    root = logging.getLogger()
    before = root.level
    root.addHandler(log)
    set_level(level)
    try:
        yield log
    finally:
        root.removeHandler(log)
        root.setLevel(before)
        log.close()


def set_level(level: str) -> None:
    """Log what is at least as grave as `level` (debug, info, warning or error)."""
    logging.getLogger().setLevel(level.upper())


class QueuedLog(logging.Handler):
    """Writes lines to a file descriptor from a thread of its own."""

    def __init__(self, fd: int, queued_lines: int = QUEUED_LINES) -> None:
        super().__init__()
        self.dropped = 0
        self._fd = fd
        self._lines: Queue[str | None] = Queue(queued_lines)
        # A daemon, since a full pipe must not keep the process alive. It uses no file object: a lock of one that is
        # held at the end of the interpreter is fatal.
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record, or count it as dropped. Never waits."""
        try:
            self._lines.put_nowait(self.format(record))
        except Full:
            self.dropped += 1
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Write what is queued, for `shutdown_timeouts.LOG_S` at most."""
        with suppress(Full):
            self._lines.put_nowait(None)
            self._thread.join(LOG_S)
        super().close()

    def _write_all(self) -> None:
        told = 0
        while (line := self._lines.get()) is not None:
            self._write(line)
            if (dropped := self.dropped) > told:
                self._write(self.format(_record("%d lines were dropped: nobody read the log", dropped - told)))
                told = dropped

    def _write(self, line: str) -> None:
        data = f"{line}\n".encode(errors="backslashreplace")
        with suppress(OSError):  # the reader of the pipe is gone, or the disk is full
            while data:
                try:
                    data = data[os.write(self._fd, data) :]
                except BlockingIOError:  # whoever shares the terminal has made it non-blocking
                    select.select([], [self._fd], [])


def _record(message: str, *args: object) -> logging.LogRecord:
    return logger.makeRecord(logger.name, logging.WARNING, __file__, 0, message, args, None)


@dataclass(slots=True)
class _Fault:
    since: float
    count: int = 0


class Repeats(logging.Filter):
    """Lets the same fault through REPEATS times within REPEATS_WITHIN_S; then tells how many were left out.

    Faults are the same that come from the same place in the code.
    """

    def __init__(self) -> None:
        super().__init__()
        self._faults: dict[tuple[str, int], _Fault] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is to be logged."""
        if record.levelno < logging.INFO:
            return True
        with self._lock:
            return self._is_let_through(record)

    def _is_let_through(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        place = (record.pathname, record.lineno)
        fault = self._faults.get(place)
        if fault is None or now - fault.since >= REPEATS_WITHIN_S:
            if len(self._faults) >= KNOWN_FAULTS:
                self._faults.clear()
            self._faults[place] = _Fault(now, 1)
            if fault and fault.count > REPEATS:
                record.msg = f"{record.msg} (and {fault.count - REPEATS} more like it before)"
            return True
        fault.count += 1
        return fault.count <= REPEATS


class TextFormatter(logging.Formatter):
    """A line a record. A traceback follows indented, so that no line of it can be taken for a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line = f"{_time_of(record)} {record.levelname} {visible(record.getMessage())}"
        trace = _trace_of(self, record)
        return "\n".join([line, *(f"    {visible(row)}" for row in trace.split("\n") if row)])


class JsonFormatter(logging.Formatter):
    """A JSON object a record, on one line of ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        body = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace := _trace_of(self, record):
            body["traceback"] = trace
        return json.dumps(body).replace("\x7f", "\\u007f")


def visible(text: str) -> str:
    """Write what would drive a terminal, reorder a line or begin another as escapes, such as `\\n` and `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")


def _trace_of(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""
