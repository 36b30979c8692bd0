"""Programs that nobody here wrote, at a running server: what a person in front of them sees."""

import os
import pty
import select
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S
from tests.protocol.conftest import Peer, Server

WITH_CR_LF = ["telnet 127.0.0.1 {port}", "telnet -- 127.0.0.1 -{port}", "plink -telnet -P {port} 127.0.0.1"]
WITH_LF = ["nc 127.0.0.1 {port}", "ncat 127.0.0.1 {port}", "socat - TCP:127.0.0.1:{port}"]
BY_TLS = [
    "openssl s_client -quiet -connect 127.0.0.1:{port}",
    "gnutls-cli --insecure --port {port} 127.0.0.1",
    "ncat --ssl 127.0.0.1 {port}",
    "socat - OPENSSL:127.0.0.1:{port},verify=0",
]
RAW = "plink -raw -P {port} 127.0.0.1"
WAITING = {WITH_LF[0], WITH_LF[1], RAW, BY_TLS[2]}
"""Those that notice the end only when Enter is pressed."""

KERMIT = "kermit -C 'set telnet wait off, set host 127.0.0.1 {port}, connect, exit'"


class Terminal:
    """A program on a terminal of its own, in which a person types."""

    def __init__(self, command: str) -> None:
        self._screen, slave = pty.openpty()
        self.process = subprocess.Popen(
            shlex.split(command), stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.seen = b""

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._screen, keys)

    def until(self, text: bytes) -> bytes:
        """Wait until something is shown. -> all that was shown up to its end"""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.seen:
            assert select.select([self._screen], [], [], max(0.0, deadline - time.monotonic()))[0], self.seen
            self.seen += os.read(self._screen, 65536)
        shown, _, self.seen = self.seen.partition(text)
        return shown + text

    def end(self, *, presses_enter: bool) -> None:
        """Wait until the program has ended by itself; where it `presses_enter`, by that."""
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline
            if presses_enter:
                self.type(b"\r")
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.2)
            with suppress(OSError):  # what it says at its end; else it might wait for somebody to read that
                while select.select([self._screen], [], [], 0)[0]:
                    os.read(self._screen, 65536)

    def close(self) -> None:
        """End the program."""
        self.process.kill()
        self.process.wait()
        os.close(self._screen)


@contextmanager
def terminal(command: str) -> Iterator[Terminal]:
    opened = Terminal(command)
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize("command", [*WITH_CR_LF, *WITH_LF, RAW, KERMIT])
def test_a_person_talks_reads_from_the_left_margin_and_is_told_to_have_left(server, command: str) -> None:
    talk(server, command)


@pytest.mark.parametrize("command", BY_TLS)
def test_a_person_does_so_by_tls_too(start, certificate: Path, command: str) -> None:
    talk(start("--tls-cert", str(certificate)), command)


def talk(server: Server, command: str) -> None:
    """Say and hear a line by a program on a terminal, and leave."""
    (alice,) = server.join_all(1)
    with terminal(command.format(port=server.port)) as bob:
        name = alice.line().split("[")[1].split("]")[0]
        alice.send(b"ready\n")
        bob.until(b"ready")

        bob.type(b"hello\r")
        assert alice.line().rstrip("\r") == f"[{name}]> hello"
        alice.send(b"one\n")
        alice.send(b"two\n")
        shown = bob.until(b"> two")
        bob.type(b"quit()\r")

        assert b"> one\r\n" in shown.replace(b"\r\r\n", b"\r\n")
        bob.until(b"*** you have left ***\r")
        bob.end(presses_enter=command in WAITING)


def test_debians_telnet_shows_why_a_line_was_not_sent_and_the_cure(server) -> None:
    alice = server.join()
    with terminal(f"telnet 127.0.0.1 {server.port}") as bob:
        alice.line()

        bob.type("日本\r".encode())

        bob.until(b"it was not sent: with `telnet -8 -- HOST -PORT`")
    with terminal(f"telnet -8 -- 127.0.0.1 -{server.port}") as bob:
        alice.until("joined the chat ***")
        bob.type("日本\r".encode())
        assert alice.line().endswith("]> 日本")


def _received(peer: Peer, size: int) -> bytes:
    """The next bytes. MSG_WAITALL waits for none behind the first on a socket with a timeout."""
    return b"".join(peer.socket.recv(1) for _ in range(size))


def test_a_password_is_kept_off_the_screen_of_a_telnet_that_negotiates(start, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("geheim\n")
    bob = start("--password-file", str(tmp_path / "password")).connect()
    assert bob.line() == "*** password: ***"

    bob.send(b"\xff\xfb\x1f")
    assert _received(bob, 6) == b"\xff\xfe\x1f" + b"\xff\xfb\x01"
    bob.send(b"\xff\xfd\x01wrong\r\n")
    assert bob.line() == "*** wrong password: try again ***\r"
    bob.send(b"geheim\r\n")
    assert _received(bob, 3) == b"\xff\xfc\x01"
    assert bob.line() == f"*** you are [127.0.0.1:{bob.port}]; /nick NAME changes that ***\r"
    bob.send(b"\xff\xfe\x01quit()\r\n")

    assert bob.rest() == b"*** you have left ***\r\n"


@pytest.mark.parametrize(
    ("first", "ending"),
    [(b"\xff\xf1/who\n", b"\r\n"), (b"/who\r\n", b"\r\n"), (b"/who\r", b"\r\n"), (b"/who\n", b"\n")],
)
def test_lines_end_as_the_terminal_of_their_reader_needs_it(server, first: bytes, ending: bytes) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(first)
    assert bob.line().startswith("*** 2 in #lobby")
    for _ in range(100):
        alice.send(b"x" * 4000 + b"\n")
    alice.send(b"end\n")
    alice.send(b"/who\n")
    alice.until("***")
    bob.send(b"/nick robert\n/quit\n")

    data = bob.rest()
    assert data.count(ending) == data.count(b"\n") == 103
    assert data.count(b"x") == 400_000
    assert data.endswith(b"*** you have left ***" + ending)
