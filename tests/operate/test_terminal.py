"""Commands on a terminal: widths, colours and questions."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.operate.conftest import Operate, join_as
from tests.protocol.conftest import Server

QUESTION = b"? [y/N]: "


def on_terminal(
    data: Path, *arguments: str, answer: bytes = b"", columns: int = 80, **variables: str
) -> tuple[int, str]:
    """Run a command on a terminal, and answer its question. -> exit status and output"""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "trio_chat", *arguments, "--data", str(data)]
    environment = {**os.environ, "TERM": "xterm", **variables}
    for name in ("COLUMNS", "NO_COLOR"):
        if name not in variables:
            environment.pop(name, None)
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        shown = b""
        while more := _read(master):
            shown += more
            if answer and shown.endswith(QUESTION):
                os.write(master, answer)
        status = process.wait()
    os.close(master)
    return status, shown.decode().replace("\r\n", "\n")


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:  # EIO: the other end is closed
        return b""


@pytest.mark.parametrize(("answer", "status", "ending"), [(b"y\n", 0, "kicked ["), (b"\n", 1, "nobody was kicked\n")])
def test_a_filter_shows_whom_it_fits_and_asks(
    server: Server, operate: Operate, answer: bytes, status: int, ending: str
) -> None:
    join_as(server, "stays")
    nick = "goes" if status == 0 else "waits"
    join_as(server, nick, f"/join {nick}")

    done, shown = on_terminal(server.data, "kick", "--room", nick, answer=answer)

    assert done == status
    assert re.search(rf"^{nick} +127\.0\.0\.1 ", shown, re.MULTILINE)
    assert "Kick 1 client? [y/N]: " in shown
    assert ending in shown.partition("[y/N]: ")[2]
    assert operate("clients", nick).status == (3 if status == 0 else 0)


@pytest.mark.parametrize("columns", [30, 60, 80, 120])
def test_a_table_is_no_wider_than_the_terminal(server: Server, columns: int) -> None:
    join_as(server, f"wide{columns}", "/topic " + "a long topic " * 20)

    _, shown = on_terminal(server.data, "rooms", columns=columns, NO_COLOR="1")

    lines = shown.splitlines()
    assert max(map(len, lines)) <= columns
    assert lines[1].endswith("…")


def test_colours_are_for_terminals_that_want_them(server: Server, operate: Operate) -> None:
    join_as(server, "colour")

    assert "\x1b[1m" in on_terminal(server.data, "clients")[1]
    assert "\x1b" not in on_terminal(server.data, "clients", NO_COLOR="1")[1]
    assert "\x1b" not in on_terminal(server.data, "clients", TERM="dumb")[1]
    assert "\x1b" not in operate("clients").out
