"""The view of `trio-chat join` at a terminal: the full screen where that can be shown, unless somebody wants lines."""

from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import joined_at

ALTERNATE_SCREEN = b"\x1b[?1049h"


async def is_full_screen(peer: Any, screen: Any, home: Path, *options: str, **variables: str) -> bool:
    """Join, and look at what the terminal was sent."""
    with joined_at(screen, home, "127.0.0.1", str(peer.port), "--nick", "me", *options, **variables):
        await peer.welcome()
        await peer.receive()
        await screen.receives(b"nothing was said here yet" if await _begins(screen) else b"1 in #lobby")
        return ALTERNATE_SCREEN in screen.received


async def _begins(screen: Any) -> bool:
    """Wait for the first that the view shows. -> whether that is a screen of its own"""
    while ALTERNATE_SCREEN not in screen.received and b"you are" not in screen.received:
        await screen.receives_more()
    return ALTERNATE_SCREEN in screen.received


@pytest.mark.parametrize(
    ("options", "variables", "is_full"),
    [
        ((), {}, True),
        (("--view", "lines"), {}, False),
        ((), {"TRIO_CHAT_VIEW": "lines"}, False),
        (("--view", "screen"), {"TRIO_CHAT_VIEW": "lines"}, True),
        ((), {"TERM": "vt100"}, False),
        (("--view", "screen"), {"TERM": "vt100"}, True),
        (("--view", "screen"), {"TERM": "dumb"}, False),
        ((), {"LC_ALL": "C"}, False),
    ],
)
async def test_the_view_suits_the_terminal_and_the_person(
    peer: Any, make_screen: Any, tmp_path: Path, options: tuple[str, ...], variables: dict[str, str], is_full: bool
) -> None:
    screen = make_screen(80, 24)
    assert await is_full_screen(peer, screen, tmp_path, *options, **variables) is is_full
    told = b"this is the line view" in screen.received
    assert told == (not is_full and "lines" not in (*options, *variables.values()))
    screen.hang_up()


async def test_a_dumb_terminal_is_told_nothing_that_its_owner_knows(
    peer: Any, make_screen: Any, tmp_path: Path
) -> None:
    screen = make_screen(80, 24)
    assert not await is_full_screen(peer, screen, tmp_path, TERM="dumb")
    assert b"line view" not in screen.received
    screen.hang_up()
