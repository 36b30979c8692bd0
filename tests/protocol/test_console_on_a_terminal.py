"""The server's console on a real terminal: an edited line, and what happens is printed above it."""

import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import sys
import termios
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pyte
import pytest

from tests.conftest import PATIENCE_S
from tests.fork_server import ROOT, ForkingPopen

COLUMNS, ROWS = 72, 16


class Console:
    """A server whose terminal is this test: keys go in, and pyte shows what a person would see."""

    def __init__(self, data: Path, *flags: str, term: str = "xterm-256color", background: bool = False) -> None:
        self.screen = pyte.HistoryScreen(COLUMNS, ROWS, history=10_000)
        self._stream = pyte.ByteStream(self.screen)
        self.frames: list[str] = []
        """The bottom row of each frame with one."""
        command = [sys.executable, "-m", "tests.at_a_terminal", "serve", "--host", "127.0.0.1", "--port", "0"]
        command += ["--admin-port", "0", "--data", str(data), *flags]
        environment = {**os.environ, "TERM": term}
        self._process: ForkingPopen | None = None
        if background:
            self._begin_in_the_background(command, environment)
        else:
            self.fd, terminal = pty.openpty()
            streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
            self._process = ForkingPopen(command, cwd=ROOT, env=environment, start_new_session=True, **streams)
            self.pid = self._job = self._process.pid
            os.close(terminal)
        self.resize(COLUMNS, ROWS)
        self.modes_before = termios.tcgetattr(self.fd)
        self.port = int(self.until(r"Chat Server started on port: (\d+)")[1])
        self.admin = self.until(r"Admin API started on: (\S+)")[1]

    def _begin_in_the_background(self, command: list[str], environment: dict[str, str]) -> None:
        """Begin as a job of a shell that is in the foreground; this process has the terminal already."""
        told, tell = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if job := os.fork():
                os.write(tell, b"%d" % job)
                os.waitpid(job, 0)  # plays the shell
                os._exit(0)
            os.setpgid(0, 0)
            os.execve(sys.executable, [*command[:2], "trio_chat", *command[3:]], environment)
        os.close(tell)
        with open(told, "rb") as pipe:
            self._job = int(pipe.read1(16))

    def wait(self) -> int:
        """Wait for the end. -> exit status"""
        return self._process.wait() if self._process else os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def keys(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def read(self) -> bool:
        """Read what is shown. -> whether there was anything"""
        if not select.select([self.fd], [], [], PATIENCE_S)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the server has ended
            return False
        self._stream.feed(data)
        self.frames += [row for row in self.shown() if row.startswith("> ")]
        return bool(data)

    def shown(self) -> list[str]:
        """All rows, also those that have left the screen."""
        history = ["".join(row[x].data for x in range(self.screen.columns)) for row in self.screen.history.top]
        return [row.rstrip() for row in [*history, *self.screen.display]]

    def until(self, pattern: str) -> re.Match[str]:
        """Read until a row matches."""
        while True:
            for row in self.shown():
                if found := re.search(pattern, row):
                    return found
            assert self.read(), f"no {pattern!r} in {self.shown()}"

    def line_is(self, line: str) -> None:
        """Read until this is the line that is being typed, with the cursor in its row."""
        while self.screen.display[self.screen.cursor.y].rstrip() != f"> {line}".rstrip():
            assert self.read(), f"no {line!r} in {self.shown()}"

    def wait_for_modes(self, are_right: Callable[[list[object]], bool]) -> None:
        while not are_right(termios.tcgetattr(self.fd)):
            select.select([self.fd], [], [], 0.01)

    def ended(self) -> int:
        """Read up to the end. -> the exit status"""
        while self.read():
            pass
        return self.wait()

    def close(self) -> None:
        for pid in (self._job, self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            self.wait()
        os.close(self.fd)


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with closing(Console(tmp_path)) as it:
        yield it


def join(console: Console, first: bytes = b"hi\n") -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", console.port), PATIENCE_S)
    peer.sendall(first)
    console.until(rf"^Client \[127\.0\.0\.1, {peer.getsockname()[1]}\] connected$")
    return peer


def test_the_line_being_typed_is_whole_while_others_come_and_go(console: Console) -> None:
    console.keys("say to be edix\x7fted\x1b[D\x1b[D")
    console.line_is("say to be edited")
    before = len(console.frames)

    for _ in range(20):
        join(console).close()
        console.until(r"disconnected$")
    console.keys("!")
    console.line_is("say to be edit!ed")

    assert set(console.frames[before:]) <= {"> say to be edited", "> say to be edit!ed"}
    assert not [row for row in console.shown() if "say" in row and not row.startswith("> ")]


def test_commands_ports_and_nicks_are_completed_and_the_history_is_kept(console: Console) -> None:
    with join(console, b"/nick alice\n") as alice, alice.makefile("rb") as heard:
        assert heard.readline() == b"*** you are [alice] now ***\n"
        port = alice.getsockname()[1]
        console.keys("li\t\r")
        console.until(rf"^{port} +127\.0\.0\.1 +alice")
        console.keys("kill al\t")
        console.line_is(f"kill {port}")
        console.keys("\x15kill " + str(port)[:-1] + "\t")
        console.line_is(f"kill {port}")
        console.keys("\x15\x1b[A")
        console.line_is("list")
        console.keys("\x15\t")
        console.until(r"^unban$")
        console.keys("mute al\t")
        console.line_is(f"mute {port}")
        console.keys("\r")
        console.until(r"^Muted \[alice\]; unmute m1 lifts that$")
        console.keys("unmute al\t")
        console.line_is("unmute m1")
        console.keys("\r")
        console.until(r"^Unmuted \[alice\]$")
        console.keys(f"kill {port}\r")
        console.until(rf"^kill {port}$")
        console.until(rf"^Client \[127\.0\.0\.1:{port}\] kicked$")
        console.line_is("")


def test_a_line_longer_than_the_terminal_is_scrolled_and_survives_a_resize(console: Console) -> None:
    console.keys("say " + "0123456789" * 12)
    console.line_is(("0123456789" * 12)[-(COLUMNS - 3) :])

    console.resize(40, 10)
    console.line_is(("0123456789" * 12)[-37:])
    console.resize(140, 20)
    console.line_is("say " + "0123456789" * 12)


def test_the_log_does_not_tear_the_line(console: Console) -> None:
    console.keys("say half")
    console.line_is("say half")

    with socket.create_connection(("127.0.0.1", console.port), PATIENCE_S) as web:
        web.sendall(b"GET / HTTP/1.1\r\n\r\n")
        console.until(r" INFO refused HTTP from 127\.0\.0\.1")
        console.line_is("say half")


@pytest.mark.parametrize("end", ["quit()\r", "\x03", signal.SIGTERM, "two signals"])
def test_the_terminal_is_restored_however_the_server_ends(console: Console, end: str | signal.Signals) -> None:
    console.keys("x")
    console.line_is("x")
    assert termios.tcgetattr(console.fd) != console.modes_before

    if end == "two signals":
        os.kill(console.pid, signal.SIGSTOP)
        os.kill(console.pid, signal.SIGTERM)
        os.kill(console.pid, signal.SIGCONT)
        console.wait_for_modes(lambda modes: modes == console.modes_before)
        os.kill(console.pid, signal.SIGTERM)
    elif isinstance(end, signal.Signals):
        os.kill(console.pid, end)
    else:
        console.keys("\x7f" + end)

    console.wait_for_modes(lambda modes: modes == console.modes_before)
    # The second signal may come before the end of the server, or while Python ends, when it has its default action.
    statuses = (0, 128 + signal.SIGTERM, -signal.SIGTERM) if end == "two signals" else (0,)
    assert console.ended() in statuses
    assert not [row for row in console.shown() if row.startswith(">")]


def test_a_terminal_that_stands_still_holds_up_neither_the_chat_nor_its_end(console: Console) -> None:
    console.keys("abc")
    console.line_is("abc")
    console.keys("\x13")  # Ctrl-S
    console.keys("def")

    with ExitStack() as stack:
        address = "127.0.0.1", console.port
        peers = [stack.enter_context(socket.create_connection(address, PATIENCE_S)) for _ in range(50)]
        for peer in peers:
            peer.sendall(b"/who\n")
        for peer in peers:
            answer = b""
            while b" in #lobby" not in answer:
                answer += (more := peer.recv(1000))
                assert more
    with urllib.request.urlopen(f"{console.admin}/health", timeout=PATIENCE_S) as health:
        assert health.status == 200
    began = time.monotonic()
    os.kill(console.pid, signal.SIGTERM)
    status = console.wait()

    assert status == 0
    assert time.monotonic() - began < PATIENCE_S
    assert termios.tcgetattr(console.fd) == console.modes_before


def test_m13_a_server_in_the_background_of_a_shell_goes_on_while_somebody_types(tmp_path: Path) -> None:
    with closing(Console(tmp_path, background=True)) as console:
        with join(console) as alice, join(console) as bob:
            console.keys("ls\n")
            alice.sendall(b"still there?\n")
            heard = b""
            while b"still there?" not in heard:
                heard += (more := bob.recv(1000))
                assert more

        assert not [row for row in console.shown() if row.startswith(">")]
        assert termios.tcgetattr(console.fd) == console.modes_before


def test_a_dumb_terminal_has_no_edited_line(tmp_path: Path) -> None:
    with closing(Console(tmp_path, term="dumb")) as console:
        console.keys("list\n")

        console.until(r"^No clients$")
        assert termios.tcgetattr(console.fd) == console.modes_before
        assert not console.frames
