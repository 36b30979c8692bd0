"""Signals that end a client: the terminal is as it was, and the signal does what it does by default."""

import signal
import termios
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import joined_at
from tests.conftest import PATIENCE_S

NUMBERS = [signal.SIGQUIT, signal.SIGUSR1, signal.SIGALRM, signal.SIGABRT, signal.SIGRTMIN]
ENDS = {"lines": [b"\x1b[?2004l"], "screen": [b"\x1b[?2004l", b"\x1b[?1049l", b"\x1b[23;0t"]}
"""The sequences by which a view leaves bracketed paste, the alternate screen and its title."""


def is_ended_by(process: Any, number: int) -> bool:
    """Send a signal. -> whether the process ends by it"""
    process.send_signal(number)
    return bool(process.wait(PATIENCE_S) == -number)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("view", ENDS)
async def test_a_client_that_a_signal_ends_gives_the_terminal_back(
    peer: Any, make_screen: Any, tmp_path: Path, view: str, number: int
) -> None:
    screen = make_screen(60, 12)
    arguments = (f"me@127.0.0.1:{peer.port}", "--view", view, "--history", "0")
    with joined_at(screen, tmp_path, *arguments) as process:
        await peer.welcome()
        screen.type("half a draft")
        await screen.shows_when(lambda lines: lines[-1:] != [] and lines[-1].endswith("> half a draft"))
        assert screen.modes != screen.modes_before

        sent_before = len(screen.received)

        assert is_ended_by(process, number)

        assert screen.modes == screen.modes_before
        while not all(end in screen.received[sent_before:] for end in ENDS[view]):
            await screen.receives_more()


@pytest.mark.parametrize("number", NUMBERS[:2])
async def test_a_client_that_a_signal_ends_while_it_asks_for_a_password_leaves_a_terminal_that_echoes(
    peer: Any, make_screen: Any, tmp_path: Path, number: int
) -> None:
    screen = make_screen(60, 12)
    with joined_at(screen, tmp_path, f"me@127.0.0.1:{peer.port}") as process:
        await peer.accept()
        await peer.frame()
        await peer.send(type="error", code="password", text="no")
        await screen.shows("password:")
        assert not screen.modes[3] & termios.ECHO

        assert is_ended_by(process, number)

        assert screen.modes == screen.modes_before


async def test_a_terminal_that_takes_nothing_keeps_no_signal_from_ending_the_client(
    peer: Any, make_screen: Any, tmp_path: Path
) -> None:
    screen = make_screen(60, 12)
    with joined_at(screen, tmp_path, f"me@127.0.0.1:{peer.port}", "--view", "lines", "--history", "0") as process:
        await peer.welcome()
        await screen.shows_when(lambda lines: lines[-1:] == ["[me] #lobby>"])
        for number in range(1, 200):  # which nobody reads, until the kernel takes no more
            await peer.tell(number, "x" * 1000)

        assert is_ended_by(process, signal.SIGQUIT)

        assert screen.modes == screen.modes_before
