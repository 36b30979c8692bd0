"""Calling the person who looks elsewhere: bell, notification, and the title of the window."""

from typing import Any

import pytest
import trio.testing

from tests.client.screen_view.conftest import alt
from trio_chat.client.screen_view.notifier import CALL_INTERVAL_S, Notifier


@pytest.mark.parametrize(
    ("environment", "written"),
    [
        ({"TERM": "xterm-256color"}, "\a\x1b]9;#ops: ann: look, here\x1b\\"),
        ({"TERM": "foot"}, "\a\x1b]777;notify;#ops;ann: look, here\x1b\\"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "\a\x1b]777;notify;#ops;ann: look, here\x1b\\"),
        ({"TERM": "linux"}, "\a"),
    ],
)
async def test_a_notification_is_in_the_form_that_the_terminal_knows(environment: dict[str, str], written: str) -> None:
    output: list[str] = []

    Notifier(output.append, has_bell=True, environment=environment).call("#ops", "ann: look; here")

    assert "".join(output) == written


async def test_it_calls_at_most_once_in_three_seconds_and_not_at_all_without_bell(
    mock_clock: trio.testing.MockClock,
) -> None:
    output: list[str] = []
    notifier = Notifier(output.append, has_bell=True, environment={"TERM": "linux"})

    for _ in range(3):
        notifier.call("#ops", "look")
        notifier.call("#ops", "look")
        mock_clock.jump(CALL_INTERVAL_S)
    Notifier(output.append, has_bell=False).call("#ops", "look")

    assert output == ["\a"] * 3


async def test_a_mention_is_called_out_and_counted_in_the_title_until_it_is_read(stage_at: Any) -> None:
    async with stage_at(60, 8, rooms=("ops", "lobby"), has_bell=True) as stage:
        await stage.tell("nobody is called", room="ops")
        await stage.screen.receives(b"]2;(1) #lobby 127.0.0.1")
        await stage.tell("me: look", room="ops")
        await stage.screen.receives(b"\x1b]9;#ops: ann: me: look\x1b\\")
        await stage.screen.receives(b"]2;(1!) #lobby 127.0.0.1")

        stage.type(alt("2"))

        await stage.screen.receives(b"]2;#ops 127.0.0.1")
        assert stage.screen.received.count(b"]9;") == 1
