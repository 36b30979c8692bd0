import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import PATIENCE_S
from trio_chat.server.operation.logs import REPEATS_MAX, QueuedLog, TextFormatter, logging_to, visible

logger = logging.getLogger("trio_chat.test")

DROPPED = re.compile(rb"(\d+) lines were dropped: nobody was reading the log")

FORGERY = "x\n2026-11-24T08:00:00.000+00:00 ERROR all is lost\r\x1b[2J\x7f\x85\u2028\u202e\udc80"


def record_of(message: str, *args: object, line: int = 1, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("trio_chat.test", level, __file__, line, message, args, None)


def raised(message: str) -> logging.LogRecord:
    record = record_of("a session failed")
    try:
        raise ExceptionGroup("two of them", [ValueError(message), OSError()])
    except ExceptionGroup:
        record.exc_info = sys.exc_info()
    return record


@pytest.fixture
def written() -> Callable[..., AbstractContextManager[list[str]]]:
    """A log on a pipe; afterwards the lines that came out of it."""

    @contextmanager
    def written_with(**options: Any) -> Iterator[list[str]]:
        lines: list[str] = []
        readable, writable = os.pipe()
        root = logging.getLogger()
        handlers, root.handlers = root.handlers, []  # a report of pytest's can't hold half a character
        try:
            with logging_to(writable, **options):
                yield lines
        finally:
            root.handlers = handlers
            os.close(writable)
            with os.fdopen(readable) as pipe:
                lines += pipe.read().splitlines()

    return written_with


@pytest.mark.parametrize("style", ["text", "json"])
def test_text_of_a_peer_forges_no_line_and_controls_no_terminal(written, style) -> None:
    with written(style=style) as lines:
        logger.warning("refused %s", FORGERY)

    (line,) = lines
    assert line.isprintable()
    assert not line.startswith("2026-11-24T08:00:00.000+00:00 ERROR")


def test_a_traceback_stays_readable_and_no_line_of_it_looks_like_a_record(written) -> None:
    with written() as lines:
        logger.handle(raised(FORGERY))

    assert lines[0].endswith("WARNING a session failed")
    assert len(lines) > 5
    assert all(line.startswith("    ") and line.isprintable() for line in lines[1:])
    assert any("ValueError: x" in line for line in lines)


def test_a_record_in_json_is_one_object_on_one_line_with_its_traceback(written) -> None:
    with written(style="json") as lines:
        logger.handle(raised(FORGERY))

    (line,) = lines
    record = json.loads(line)
    assert record.keys() == {"time", "level", "logger", "message", "traceback"}
    assert (record["level"], record["logger"], record["message"]) == ("warning", "trio_chat.test", "a session failed")
    assert "ValueError: x\n" in record["traceback"]


@given(st.text(alphabet=st.characters()))
def test_every_record_is_printable(text: str) -> None:
    shown = visible(text)

    assert shown.isprintable()
    assert TextFormatter().format(record_of("%s", text)).endswith(f" WARNING {shown}")


def test_records_below_the_level_are_not_logged(written) -> None:
    with written(level="warning") as lines:
        logger.info("no")
        logger.warning("yes")

    assert [line.split(" ", 1)[1] for line in lines] == ["WARNING yes"]


def test_the_level_is_as_before_afterwards(written) -> None:
    before = logging.getLogger().level

    with written(level="debug"):
        pass

    assert logging.getLogger().level == before


def test_a_fault_that_repeats_is_logged_a_few_times_and_other_faults_still_are(written) -> None:
    with written() as lines:
        for number in range(1000):
            logger.warning("refused %d", number)
        logger.warning("something else")

    assert len(lines) == REPEATS_MAX + 1
    assert lines[-1].endswith("something else")


def test_dropped_records_are_counted_when_the_message_comes_again(written) -> None:
    with written() as lines:
        log = next(handler for handler in logging.getLogger().handlers if isinstance(handler, QueuedLog))
        (repeats,) = log.filters
        for _ in range(REPEATS_MAX + 7):
            log.handle(record_of("refused"))
        for fault in repeats._counts.values():
            fault.since -= 3600
        log.handle(record_of("refused"))

    assert lines[-1].endswith("refused (and 7 more like it were dropped)")


def test_a_pipe_that_nobody_reads_blocks_nothing_and_dropped_records_are_counted() -> None:
    readable, writable = os.pipe()
    log = QueuedLog(writable, queued_lines_max=10)

    for number in range(1000):  # 100 KB; the pipe takes 64 KiB
        log.handle(record_of("%d %s", number, "x" * 100))
    taken = b""
    while sum(map(int, DROPPED.findall(taken))) < log.dropped:
        taken += os.read(readable, 65536)

    assert log.dropped > 0
    log.close()
    os.close(readable)
    os.close(writable)


def test_a_log_that_nobody_reads_is_closed_soon() -> None:
    readable, writable = os.pipe()
    log = QueuedLog(writable, queued_lines_max=10)
    for _ in range(1000):
        log.handle(record_of("x" * 100))

    began = time.monotonic()
    log.close()

    assert time.monotonic() - began < PATIENCE_S  # and not for as long as nobody reads
    os.close(readable)
    os.close(writable)


def test_a_closed_pipe_is_no_fault(written) -> None:
    readable, writable = os.pipe()
    os.close(readable)

    with logging_to(writable):
        logger.warning("nobody hears this")
        logger.warning("nor this")

    os.close(writable)


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, "<7>"), (logging.INFO, "<6>"), (logging.WARNING, "<4>"), (logging.ERROR, "<3>")],
)
@pytest.mark.parametrize("style", ["text", "json"])
def test_each_line_for_journald_begins_with_its_priority_and_text_has_no_time(
    monkeypatch: pytest.MonkeyPatch, level: int, priority: str, style: Any
) -> None:
    reading, writing = os.pipe()
    end = os.fstat(writing)
    monkeypatch.setenv("JOURNAL_STREAM", f"{end.st_dev}:{end.st_ino}")

    with logging_to(writing, style=style, level="debug"):
        try:
            raise ValueError("a reason")
        except ValueError:
            logger.log(level, "a session failed", exc_info=True)
    os.close(writing)

    with open(reading) as file:
        lines = file.read().splitlines()
    assert all(line.startswith(priority) for line in lines)
    if style == "text":
        assert lines[0] == f"{priority}{logging.getLevelName(level)} a session failed"
        assert len(lines) > 2
    else:
        assert json.loads(lines[0].removeprefix(priority))["message"] == "a session failed"


def test_a_stream_that_is_not_journalds_has_times_and_no_priorities(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    end = os.fstat(writing)
    monkeypatch.setenv("JOURNAL_STREAM", f"{end.st_dev}:{end.st_ino + 1}")

    with logging_to(writing):
        logger.warning("as ever")
    os.close(writing)

    with open(reading) as file:
        assert re.fullmatch(r"\d{4}-\S+ WARNING as ever\n", file.read())
