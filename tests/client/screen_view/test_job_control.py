"""Ctrl-Z and `fg`, in a real shell: the terminal is the shell's meanwhile, and ours again afterwards."""

import fcntl
import os
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.client.screen_view.conftest import CTRL_C, ENTER

CTRL_Z = "\x1a"
ALTERNATE, NORMAL = b"\x1b[?1049h", b"\x1b[?1049l"


@contextmanager
def shell_at(screen: Any, home: Path) -> Iterator[None]:
    """A shell whose terminal this is; it changes no modes of that itself."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    process = subprocess.Popen(
        ["bash", "--norc", "--noediting", "-i"],
        stdin=screen.stdin,
        stdout=screen.stdin,
        stderr=screen.stdin,
        env=environment | {"PS1": "shell: "},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it(peer: Any, make_screen: Any, tmp_path: Path) -> None:
    screen = make_screen(60, 12)
    with shell_at(screen, tmp_path):
        await screen.shows("shell:")
        screen.type(f"{sys.executable} -m trio_chat join me@127.0.0.1 {peer.port} --view screen --history 0\n")
        await peer.welcome()
        asked = await peer.frame()
        await peer.send(type="members", room="lobby", count=1, labels=["me"], key=asked["key"])
        screen.type("half a draft")
        await screen.shows_when(lambda lines: lines[-1:] == ["> half a draft"])
        modes = screen.modes

        screen.type(CTRL_Z)
        await screen.receives(b"Stopped")
        assert screen.modes == screen.modes_before
        assert screen.received.rfind(NORMAL) > screen.received.rfind(ALTERNATE)
        await peer.tell(1, "said meanwhile")
        screen.resize(70, 14)

        screen.type("fg\n")
        await screen.shows_when(lambda lines: lines[-1:] == ["> half a draft"] and "said meanwhile" in "".join(lines))
        assert screen.modes == modes
        assert screen.received.rfind(ALTERNATE) > screen.received.rfind(NORMAL)
        assert screen.lines[-2].endswith("F1 keys")
        screen.type(f" goes on{ENTER}")
        assert await peer.keep(2) == "half a draft goes on"

        screen.type(CTRL_C)
        await peer.part()
        await screen.receives(b"Disconnected from the server")
        assert screen.modes == screen.modes_before
