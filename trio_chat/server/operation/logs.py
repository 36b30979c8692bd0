"""The log on stderr: its lines cannot be forged, and logging never blocks.

A record is formatted and queued by the caller; a thread writes it. When stderr is a pipe that nobody reads, the queue
fills up, and lines are dropped and counted. The text of messages is never logged.
"""

import json
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from queue import Full, Queue
from typing import Literal

from trio_chat.server.shutdown_timeouts import LOG_S

STDERR = 2

QUEUED_LINES_MAX = 10_000

REPEATS_MAX = 10
REPEATS_WITHIN_S = 10.0
"""The same message is logged at most this often within that time: what a peer can cause at will must not fill the
disk."""

KNOWN_MESSAGES_MAX = 1000

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""The least level of each priority of syslog, the highest first."""

logger = logging.getLogger(__name__)


@contextmanager
def logging_to(
    fd: int = STDERR, *, style: Literal["text", "json"] = "text", level: str = "info"
) -> Iterator["QueuedLog"]:
    """Log to a file descriptor inside this context. At its end the queue is written, as far as its timeout allows."""
    log = QueuedLog(fd)
    formatter = TextFormatter() if style == "text" else JsonFormatter()
    log.setFormatter(JournaldFormatter(formatter) if is_journald(fd, os.environ) else formatter)
    log.addFilter(RepeatFilter())
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
    """Log records of at least this level: debug, info, warning or error."""
    logging.getLogger().setLevel(level.upper())


@contextmanager
def diverted(print_rows: Callable[[str], None]) -> Iterator[None]:
    """Print the log by another function inside this context, in the log's thread. It raises where it no longer can."""
    logs = [handler for handler in logging.getLogger().handlers if isinstance(handler, QueuedLog)]
    for log in logs:
        log.divert = print_rows
    try:
        yield
    finally:
        for log in logs:
            log.divert = None


class QueuedLog(logging.Handler):
    """Writes records to a file descriptor, in a thread of its own."""

    def __init__(self, fd: int, queued_lines_max: int = QUEUED_LINES_MAX) -> None:
        self.dropped = 0
        self.divert: Callable[[str], None] | None = None
        """Prints a record in place of a write to the file descriptor; raises RuntimeError once it cannot."""
        self._fd = fd
        self._lines: Queue[str | None] = Queue(queued_lines_max)
        # A daemon, since a full pipe must not keep the process alive. It uses no file object: holding the lock of one
        # when the interpreter ends is fatal.
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()
        super().__init__()  # last: `logging` closes what is one of its handlers, and a thread may fail to start

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record, or count it as dropped. Never blocks."""
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
        reported = 0
        while (line := self._lines.get()) is not None:
            self._write(line)
            if (dropped := self.dropped) > reported:
                self._write(
                    self.format(_record("%d lines were dropped: nobody was reading the log", dropped - reported))
                )
                reported = dropped

    def _write(self, line: str) -> None:
        if divert := self.divert:
            with suppress(RuntimeError):
                divert(line)
                return
        data = f"{line}\n".encode(errors="backslashreplace")
        with suppress(OSError):  # the reader of the pipe is gone, or the disk is full
            while data:
                try:
                    data = data[os.write(self._fd, data) :]
                except BlockingIOError:  # another process made the shared terminal non-blocking
                    select.select([], [self._fd], [])


def _record(message: str, *args: object) -> logging.LogRecord:
    return logger.makeRecord(logger.name, logging.WARNING, __file__, 0, message, args, None)


@dataclass(slots=True)
class _Count:
    since: float
    count: int = 0


class RepeatFilter(logging.Filter):
    """Lets the same message through REPEATS_MAX times within REPEATS_WITHIN_S; the next one says how many were dropped.

    Messages are the same if they come from the same line of code.
    """

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[tuple[str, int], _Count] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a record."""
        if record.levelno < logging.INFO:
            return True
        with self._lock:
            return self._passes(record)

    def _passes(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        source = (record.pathname, record.lineno)
        known = self._counts.get(source)
        if known is None or now - known.since >= REPEATS_WITHIN_S:
            if len(self._counts) >= KNOWN_MESSAGES_MAX:
                self._counts.clear()
            self._counts[source] = _Count(now, 1)
            if known and known.count > REPEATS_MAX:
                record.msg = f"{record.msg} (and {known.count - REPEATS_MAX} more like it were dropped)"
            return True
        known.count += 1
        return known.count <= REPEATS_MAX


def is_journald(fd: int, environment: Mapping[str, str]) -> bool:
    """Tell whether a file descriptor is the stream to journald that JOURNAL_STREAM names (systemd.exec(5))."""
    try:
        found = os.fstat(fd)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def priority_of(level: int) -> str:
    """Return the priority of a level as journald reads it at the beginning of a line, such as `<4>` (sd-daemon(3))."""
    return next((f"<{priority}>" for least, priority in _PRIORITIES if level >= least), "<7>")


class JournaldFormatter(logging.Formatter):
    """Each line begins with its priority. journald adds the time itself."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner
        if isinstance(inner, TextFormatter):
            inner.is_dated = False

    def format(self, record: logging.LogRecord) -> str:
        """Format a record. journald takes each line of a traceback for a record of its own."""
        priority = priority_of(record.levelno)
        return "\n".join(f"{priority}{line}" for line in self._inner.format(record).split("\n"))


class TextFormatter(logging.Formatter):
    """One line per record. A traceback follows indented, so that none of its lines looks like a record."""

    is_dated = True

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        line = f"{record.levelname} {visible(record.getMessage())}"
        if self.is_dated:
            line = f"{_time_of(record)} {line}"
        trace = _trace_of(self, record)
        return "\n".join([line, *(f"    {visible(row)}" for row in trace.split("\n") if row)])


class JsonFormatter(logging.Formatter):
    """One JSON object per record, on one line of ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
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
    """Escape characters that control a terminal, reorder a line or begin another, as `\\n` and `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")


def _trace_of(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""
