"""The sum of the timeouts of a shutdown, and that there are no others."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from admin_api.event_log import LAST_CHUNK_S
from trio_chat.journal.sqlite.journal import SqliteTimes
from trio_chat.server import shutdown_timeouts
from trio_chat.server.shutdown_timeouts import (
    DELIVERY_S,
    EVENT_STREAMS_S,
    EXIT_S,
    FAREWELL_S,
    INTERPRETER_S,
    JOURNAL_S,
    LOG_S,
    RECORDS_S,
    STOP_S,
    TLS_CLOSE_S,
)

ROOT = Path(__file__).parents[2]


def test_the_stages_of_a_shutdown_add_up_to_the_5_s_that_are_promised() -> None:
    assert DELIVERY_S + FAREWELL_S + RECORDS_S + JOURNAL_S == STOP_S
    assert STOP_S + LOG_S + INTERPRETER_S <= EXIT_S == 5


def test_work_during_a_stage_takes_no_longer_than_the_stage() -> None:
    assert TLS_CLOSE_S <= FAREWELL_S
    assert LAST_CHUNK_S < EVENT_STREAMS_S <= RECORDS_S
    assert SqliteTimes().close_min_s <= JOURNAL_S


def shielded_timeouts(code: str) -> Iterator[str]:
    """The timeout of each wait that a cancelled nursery has to sit out."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="move_on_after" | "fail_after"),
                args=[timeout],
                keywords=[ast.keyword(arg="shield")],
            ):
                yield ast.unparse(timeout)


def test_a_shielded_wait_is_seen() -> None:
    assert list(shielded_timeouts("with trio.move_on_after(PARTING_S, shield=True), suppress(OSError): ...")) == [
        "PARTING_S"
    ]


@pytest.mark.parametrize("folder", ["trio_chat/server", "trio_chat/serve", "admin_api"])
def test_every_shielded_wait_of_a_server_takes_its_timeout_from_the_table(folder: str) -> None:
    found = {
        timeout
        for path in (ROOT / folder).rglob("*.py")
        for timeout in shielded_timeouts(path.read_text(encoding="utf-8"))
    }

    assert {timeout for timeout in found if not hasattr(shutdown_timeouts, timeout)} == set()
