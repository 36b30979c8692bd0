"""Telnet commands among the lines that a running server is sent."""

import socket
import time
from pathlib import Path

import pytest

CTRL_C = b"\xff\xf4\xff\xfd\x06"
BREAK = b"\xff\xf3\xff\xfd\x06"


def test_a_telnet_that_negotiates_is_refused_everything_and_heard(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(b"\xff\xfb\x01hello\r\n" + BREAK + b"quit()\r\n")

    assert alice.line() == f"[127.0.0.1:{bob.port}]> hello"
    assert bob.rest() == b"\xff\xfe\x01" + b"\xff\xfb\x06" + b"*** you have left ***\r\n"


def test_ctrl_c_in_telnet_leaves(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(b"hello\r\n" + CTRL_C)

    assert alice.line() == f"[127.0.0.1:{bob.port}]> hello"
    assert alice.line() == f"*** [127.0.0.1:{bob.port}] left the chat ***"
    bob.rest()
    server.console(rf"^Client \[127\.0\.0\.1:{bob.port}\] disconnected$")


def test_urgent_telnet_data_stays_in_its_place(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(BREAK)
    bob.socket.send(b"\xff", socket.MSG_OOB)  # inetutils-telnet does so after `toggle autosynch`
    bob.send(b"\xf2hello\r\n")

    assert alice.line() == f"[127.0.0.1:{bob.port}]> hello"


def test_a_flood_of_commands_is_slowed_down(start) -> None:
    slow = start("--rate", "2", "--burst", "1").join()
    begin = time.monotonic()

    for _ in range(3):
        slow.send(b"\xff\xf6")
        assert slow.line() == "*** yes, the chat is here ***\r"

    assert time.monotonic() - begin > 0.4


@pytest.mark.parametrize("ahead", [b"\xff\xfb\x1f\xff\xfd\x03", b""])
def test_a_telnet_is_asked_for_the_password_too(start, tmp_path: Path, ahead: bytes) -> None:
    (tmp_path / "password").write_text("geheim\n")
    server = start("--password-file", str(tmp_path / "password"))
    alice, bob, carol = server.connect(), server.connect(), server.connect()

    alice.send(ahead + b"geheim\r\n/who\r\nquit()\r\n")
    bob.send(CTRL_C)
    carol.send(b"geheim\r\n" + CTRL_C)

    assert alice.rest().count(b"\xff") == ahead.count(b"\xff")
    assert bob.rest() == b"*** password: ***\n"
    assert carol.rest().startswith(b"*** password: ***\n")
    server.type("list")
    server.console("No clients")
    assert not any(str(bob.port) in line for line in server._output.seen)
