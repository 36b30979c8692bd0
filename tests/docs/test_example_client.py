"""The example of the documentation, against a server that follows a script."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE_S

EXAMPLE = Path(__file__).parents[2] / "docs/example_client.py"
LOBBY = {"name": "lobby", "topic": "", "members": 1, "last_id": 41}


class ScriptedServer:
    """Takes one connection after the other and does what the test says."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self._connection: socket.socket | None = None
        self.port = self._listener.getsockname()[1]

    def accept(self) -> None:
        self.hang_up()
        self._connection = self._listener.accept()[0]
        self._connection.settimeout(PATIENCE_S)
        self._lines = self._connection.makefile("rb")

    def receive(self) -> dict[str, Any]:
        frame = json.loads(self._lines.readline())
        assert isinstance(frame, dict)
        return frame

    def send(self, **frame: object) -> None:
        assert self._connection
        self._connection.sendall(json.dumps(frame).encode() + b"\n")

    def welcome(self, epoch: str = "e1") -> None:
        self.send(type="welcome", epoch=epoch, rooms=[LOBBY], last_id=40, resumed=False)

    def entry(self, number: int, text: str, **fields: object) -> None:
        self.send(type="entry", id=number, room="lobby", kind="said", author="bob", text=text, time=1.5, **fields)

    def hang_up(self) -> None:
        if self._connection:
            self._lines.close()
            self._connection.close()

    def close(self) -> None:
        self.hang_up()
        self._listener.close()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


@pytest.fixture
def start(server: ScriptedServer) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    running = []

    def start_example() -> subprocess.Popen[str]:
        command = [sys.executable, str(EXAMPLE), "127.0.0.1", str(server.port), "alice"]
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return running[-1]

    yield start_example
    for process in running:
        process.kill()
        process.communicate()


def type_line(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin
    process.stdin.write(line)
    process.stdin.flush()


def test_it_repeats_unacknowledged_lines_and_goes_on_from_its_positions(server, start) -> None:
    client = start()
    server.accept()
    hello = server.receive()
    server.welcome()
    server.entry(42, "one")
    server.send(type="ping", key="p")
    pong = server.receive()
    type_line(client, "hello @smile\n")
    say = server.receive()

    server.accept()  # the first connection breaks before it is acknowledged
    hello_again, say_again = server.receive(), server.receive()
    server.welcome()
    server.entry(44, "hello @smile", key=say["key"], again=True)
    server.entry(43, "two")
    type_line(client, "bye\n")
    server.entry(45, "bye", key=server.receive()["key"])
    output, _ = client.communicate(timeout=PATIENCE_S)

    assert (hello["type"], hello["protocol"], hello["nick"], hello["since"]) == ("hello", 1, "alice", {})
    assert pong == {"type": "pong", "key": "p"}
    assert (say["type"], say["room"], say["text"]) == ("say", "lobby", "hello @smile")
    assert hello_again == {**hello, "since": {"lobby": 42, "@": 40}, "epoch": "e1"}
    assert say_again == say
    assert output.splitlines() == ["[bob] said one", "[bob] said two", "[bob] said bye"]
    assert server.receive() == {"type": "bye"}
    assert client.returncode == 0


def test_it_begins_anew_where_the_epoch_is_another(server, start) -> None:
    start()
    server.accept()
    server.receive()
    server.welcome()
    server.entry(99, "one")

    server.accept()
    server.receive()
    server.welcome(epoch="e2")
    server.accept()

    assert server.receive()["since"] == {"lobby": LOBBY["last_id"], "@": 40}


def test_it_does_not_come_back_when_it_is_told_to_go(server, start) -> None:
    client = start()
    server.accept()
    server.welcome()

    server.send(type="bye", reason="kicked", text="you were kicked")

    assert client.wait(PATIENCE_S) == 1
    assert client.stderr.read() == "you were kicked\n"


def test_it_is_some_forty_lines() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").partition("import json\n")[2].splitlines()

    assert sum(1 for line in lines if line.strip()) <= 44


def test_an_unkept_message_is_sent_again_before_any_later_one(server, start) -> None:
    client = start()
    server.accept()
    server.receive()
    server.welcome()
    type_line(client, "one\n")
    one = server.receive()
    type_line(client, "two\n")
    two = server.receive()
    server.send(type="error", code="not-kept", text="the disk is full", key=one["key"])

    server.accept()
    server.receive()

    assert [server.receive(), server.receive()] == [one, two]
