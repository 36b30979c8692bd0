"""Admission seen from outside: limits, bans, passwords, TLS and proxies as an operator sets them by flags."""

import itertools
import re
import select
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S


def test_c18_ten_times_the_limit_from_one_address_leaves_room_for_others(start) -> None:
    server = start("--proxy", "127.0.0.1", "--max-per-address", "10", "--connect-rate", "0")
    header = "PROXY TCP4 192.0.2.1 127.0.0.1 {} 5555\r\n"
    for port in range(1, 11):
        server.connect(header.format(port).encode())
    for _ in range(10):
        server.console(r"^Client \[192\.0\.2\.1, \d+\] connected$")
    crowd = [server.connect() for _ in range(90)]
    for port, peer in enumerate(crowd, 11):
        peer.send(header.format(port).encode())

    refused = [peer.rest() for peer in crowd]
    alice = server.connect(b"PROXY TCP4 192.0.2.2 127.0.0.1 1 5555\r\n/who\n")

    assert refused == [b"*** there are too many connections from your address: close one first ***\n"] * 90
    assert alice.line().startswith("*** 11 in #lobby")
    server.process.terminate()
    _, errors = server.process.communicate(timeout=PATIENCE_S)
    assert errors.count(b"\n") == 10, errors


def test_a_ban_typed_on_the_console_kicks_and_keeps_out_until_it_is_lifted(server) -> None:
    alice = server.join()

    server.type("ban 127.0.0.1 5 too loud")

    server.console(r"^Client \[127\.0\.0\.1:\d+\] kicked$")
    server.console(r"^Banned 127\.0\.0\.1 until .* UTC; 1 kicked$")
    told = rb"\*\*\* you are banned until .* UTC: too loud \*\*\*\n"
    assert re.search(told + rb"\Z", alice.rest())
    assert re.fullmatch(told, server.connect().rest())
    server.type("unban 127.0.0.1")
    server.console(r"^Unbanned 127\.0\.0\.1$")
    server.join()


def test_a_denied_network_is_told_so(start) -> None:
    server = start("--allow", "127.0.0.0/8", "--deny", "127.0.0.2", "--deny", "127.0.0.3")

    assert server.connect(source=("127.0.0.3", 0)).rest() == b"*** your address is not welcome here ***\n"
    server.join()


def test_a_password_from_a_file_is_asked_for(start, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("geheim\n")
    server = start("--password-file", str(tmp_path / "password"))
    alice = server.connect(b"geheim\n/who\n")

    assert alice.line() == "*** password: ***"
    assert alice.line().startswith("*** 1 in #lobby")


@pytest.mark.parametrize("frame", [b'{"type":"hello","protocol":1,"password":"geheim"}', b'{"type":"challenge"}'])
def test_a_first_frame_that_comes_too_late_is_no_try_at_the_password(start, tmp_path: Path, frame: bytes) -> None:
    (tmp_path / "password").write_text("geheim\n")
    alice = start("--password-file", str(tmp_path / "password")).connect()
    assert alice.line() == "*** password: ***"

    alice.send(frame + b"\n")

    assert alice.line().startswith("*** that hello came too late")
    assert alice.rest() == b""


def test_tls_and_plain_share_a_port_and_a_stop_reaches_both(start, certificate: Path) -> None:
    server = start("--tls-cert", str(certificate))
    alice, bob = server.join(), server.connect_by_tls()
    server.console(rf"^Client \[127\.0\.0\.1, {bob.port}\] connected$")

    bob.send(b"hello\n")

    assert alice.until("]> hello")
    server.process.terminate()
    assert bob.rest().endswith(b"*** the server is shutting down ***\n")
    assert server.process.wait(PATIENCE_S) == 0


def test_a_tls_client_that_talks_while_the_server_stops_is_told_and_its_published_lines_are_kept(
    start, certificate: Path
) -> None:
    server = start("--tls-cert", str(certificate))
    alice, bob = server.join(), server.connect_by_tls()
    numbers, told = itertools.count(), b""
    bob.send(b"line 0\n")
    alice.until("]> line 0")

    server.process.terminate()
    while b"*** the server is shutting down ***\n" not in told:
        bob.send(b"line %d\n" % next(numbers))
        if select.select([bob.socket], [], [], 0.001)[0]:
            told += bob.socket.recv(65536)

    assert server.process.wait(PATIENCE_S) == 0
    heard = {"line 0", *(line.partition("]> ")[2] for line in alice.rest().decode().splitlines() if "]> " in line)}
    with closing(sqlite3.connect(server.data / "journal.db")) as journal:
        kept = {text for (text,) in journal.execute("SELECT text FROM entry WHERE kind = 'said'")}
    assert heard <= kept


def test_c15_a_flood_is_slowed_down(start) -> None:
    server = start("--rate", "100", "--burst", "1")
    alice, bob = server.join(), server.join()
    alice.line()

    began = time.monotonic()
    bob.send(b"line\n" * 30 + b"end\n")
    bob.send(b"/who\n")

    assert len(alice.until("]> end")) == 31
    assert time.monotonic() - began >= 0.25  # 30 of them at 100 a second
    assert bob.line().startswith("*** 2 in #lobby")


@pytest.mark.parametrize(
    "flags",
    [
        ["--tls-cert", "/nowhere.pem"],
        ["--tls-cert", __file__],
        ["--tls-required"],
        ["--tls-key", __file__],
        ["--password-file", "/nowhere"],
    ],
)
def test_m7_files_that_cannot_be_used_keep_it_from_starting_by_one_line(tmp_path: Path, flags: list[str]) -> None:
    command = [sys.executable, "-m", "trio_chat", "serve", "--port", "0", "--admin-port", "0", "--data", str(tmp_path)]

    done = subprocess.run([*command, *flags], capture_output=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1, done.stderr
    assert done.stderr.startswith(b"trio-chat: ")
    assert list(tmp_path.iterdir()) == []
