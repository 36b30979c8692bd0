"""A running server that all tests share, one after the other, and the command line in this process."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest

from tests.protocol.conftest import Peer, Server, running_server, start
from trio_chat.cli import run

__all__ = ["start"]


class Outcome(NamedTuple):
    """The outcome of a command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The object that it printed."""
        assert self.status == 0, self.err
        return json.loads(self.out)

    @property
    def rows(self) -> list[list[str]]:
        """The cells of a table, without its head. None of them may have two blanks in a row."""
        return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in self.out.splitlines()[1:]]


Operate = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is found in the environment or in the home folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    for name in ("TRIO_CHAT_ADMIN", "TRIO_CHAT_ADMIN_TOKEN", "TRIO_CHAT_DATA", "TRIO_CHAT_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """The server, with nobody on it, no name, ban, mute or hook. Rooms and the audit are of earlier tests, too."""
    yield shared_server
    shared_server.disconnect_all()
    while b'"total":0,' not in shared_server.http("GET /clients"):
        pass
    for kind, key in (("names", "name"), ("bans", "network"), ("mutes", "id"), ("hooks", "name")):
        address = f"http://localhost:{shared_server.admin_port}/{kind}"
        with urlopen(address) as answer:
            left = json.load(answer)[kind]
        for one in left:
            urlopen(Request(f"{address}/{one[key]}", method="DELETE")).close()


@pytest.fixture
def trio_chat(capsys: pytest.CaptureFixture[str]) -> Operate:
    """Runs a command line. -> its outcome"""

    def run_command(*arguments: str) -> Outcome:
        capsys.readouterr()
        status = run([*arguments])
        return Outcome(status, *capsys.readouterr())

    return run_command


@pytest.fixture
def operate(server: Server, trio_chat: Operate) -> Operate:
    """Runs a command about the server that all share."""

    def run_command(command: str, *arguments: str) -> Outcome:
        name, _, subcommand = command.partition(" ")
        words = [name, subcommand] if subcommand else [name]
        return trio_chat(*words, "--data", str(server.data), *arguments)

    return run_command


def join_as(server: Server, nick: str, *lines: str) -> Peer:
    """Join as `nc` would, under a nick; returns when the server has dealt with the lines."""
    peer = server.join()
    peer.send("".join(f"{line}\n" for line in (f"/nick {nick}", *lines, "/who")).encode())
    assert any(f"[{nick}] (you)" in line for line in peer.until("(you) ***"))
    return peer
