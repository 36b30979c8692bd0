"""Closing the window of a client: however it hears of that it leaves, also where the server slows it down."""

import os
import pty
import re
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from itertools import product
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.conftest import PATIENCE_S
from tests.fork_server import ForkingPopen
from tests.protocol.conftest import Server

POLL_S = 0.05
"""Between two looks at who is here: without a pause they take a core from those who come and go."""

ROOT = Path(__file__).parents[2]


class Window:
    """A terminal with a client in it."""

    def __init__(self, port: int, nick: str, view: str, folder: Path) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        os.set_blocking(self._master, False)
        environment = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", "XDG_STATE_HOME": str(folder)}
        words = [sys.executable, "-m", "tests.at_a_terminal", "join", f"{nick}@127.0.0.1", str(port), "--view", view]
        streams = {"stdin": slave, "stdout": slave, "stderr": slave}
        self.process = ForkingPopen(words, cwd=ROOT, env=environment, start_new_session=True, **streams)
        os.close(slave)

    def read(self) -> None:
        """Take what there is to show."""
        with suppress(OSError):  # there is nothing, or nobody
            while self._master >= 0:
                os.read(self._master, 65536)

    def signal(self, number: int) -> None:
        """Send a signal to the client."""
        self.process.send_signal(number)

    def leave(self) -> None:
        """Type the command."""
        os.write(self._master, b"/quit\r")

    def close(self) -> None:
        """Close the window."""
        if self._master >= 0:
            os.close(self._master)
        self._master = -1


VIEWS = ("lines", "screen")

WAYS: Mapping[str, Callable[[Window], None]] = MappingProxyType(
    {
        "hup": lambda window: window.signal(signal.SIGHUP),
        "close": lambda window: window.close(),
        "quit-close": lambda window: (window.leave(), window.close())[-1],
        "term-close": lambda window: (window.signal(signal.SIGTERM), window.close())[-1],
    }
)
"""The ways in which a window is closed. A window manager sends SIGHUP to some, the kernel does when the pty is gone."""


@pytest.fixture
def open_window(tmp_path: Path) -> Iterator[Callable[..., Window]]:
    with ExitStack() as stack:

        def open_one(server: Server, nick: str, view: str) -> Window:
            window = Window(server.port, nick, view, tmp_path / nick)
            stack.callback(window.process.wait)
            stack.callback(window.process.kill)
            stack.callback(window.close)
            return window

        yield open_one


def here(server: Server) -> set[str]:
    """Return the nicks of all who are here, or whose place is held for them."""
    return set(re.findall('"nick":"([^"]+)"', server.http("GET /clients").decode()))


@pytest.mark.slow
@pytest.mark.parametrize("limits", [(), ("--rate", "3", "--burst", "1")], ids=["as-ever", "slowed-down"])
def test_m16_a_window_that_is_closed_leaves_nobody_behind(
    start: Callable[..., Server], open_window: Callable[..., Window], limits: tuple[str, ...]
) -> None:
    """A client that is slowed down has asked for more than its burst: the server does not read its `bye` in time."""
    server = start(*limits)
    windows = {f"{view}-{way}": open_window(server, f"{view}-{way}", view) for view, way in product(VIEWS, WAYS)}
    deadline = time.monotonic() + PATIENCE_S
    while here(server) != windows.keys():
        assert time.monotonic() < deadline, windows.keys() - here(server)
        time.sleep(POLL_S)
        for window in windows.values():
            window.read()

    for nick, window in windows.items():
        WAYS[nick.partition("-")[2]](window)

    deadline = time.monotonic() + PATIENCE_S
    while left := here(server):
        assert time.monotonic() < deadline, left
        time.sleep(POLL_S)
        for window in windows.values():
            window.read()
    for window in windows.values():
        window.process.wait(PATIENCE_S)
