"""Completion in real shells, by the server that runs; quick and silent where there is none."""

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import HTTPServer
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S
from tests.http_server import Handler, http_server
from tests.operate.conftest import Operate, join_as
from tests.protocol.conftest import Server

ROOT = Path(__file__).parents[2]


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """A folder with the command trio-chat in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "trio-chat"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m trio_chat "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return folder


def in_shell(shell: list[str], script: str, command: Path, data: Path) -> list[str]:
    """Run a script in a shell. -> its output; nothing may be on stderr"""
    variables = {**os.environ, "PATH": f"{command}:{os.environ['PATH']}", "TRIO_CHAT_DATA": str(data)}
    done = subprocess.run([*shell, script], env=variables, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


def complete_in_bash(line: str, command: Path, data: Path) -> list[str]:
    words = f"{line}_".split()
    words[-1] = words[-1].removesuffix("_")
    quoted = " ".join(f"'{word}'" for word in words)
    script = f"""
        source <(trio-chat completion bash)
        COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1} COMP_LINE='{line}'
        _trio_chat_completion trio-chat
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return in_shell(["bash", "--norc", "-c"], script, command, data)


def complete_in_fish(line: str, command: Path, data: Path) -> list[str]:
    script = f"trio-chat completion fish | source; complete -C '{line}'"
    return [found.split("\t")[0] for found in in_shell(["fish", "--no-config", "-c"], script, command, data)]


def answered(ask: Callable[[], list[str]]) -> list[str]:
    """Ask until there is an answer, as one presses Tab again: on a busy machine the first may come too late."""
    deadline = time.monotonic() + PATIENCE_S
    while not any(found := ask()) and time.monotonic() < deadline:
        pass
    return found


@pytest.mark.parametrize("complete", [complete_in_bash, complete_in_fish])
def test_nicks_ports_and_rooms_are_completed(server: Server, command: Path, complete) -> None:
    alice = join_as(server, "alice", "/join alpha")

    def completed(line: str) -> list[str]:
        return answered(partial(complete, line, command, server.data))

    assert completed("trio-chat kick al") == ["alice"]
    assert completed(f"trio-chat kick {str(alice.port)[:-1]}")[:1] == [str(alice.port)]
    assert completed("trio-chat tail al") == ["alpha"]
    assert completed("trio-chat unb") == ["unban"]


def test_the_script_of_zsh_is_one_and_its_answers_have_explanations(server: Server, command: Path) -> None:
    join_as(server, "zoe")
    file = command / "_trio-chat"

    file.write_text("\n".join(in_shell(["sh", "-c"], "trio-chat completion zsh", command, server.data)))
    asked = "_TRIO_CHAT_COMPLETE=zsh_complete COMP_WORDS='trio-chat kick zo' COMP_CWORD=2 trio-chat"

    assert in_shell(["zsh", "-f", "-n"], str(file), command, server.data) == []
    kind, word, explanation = answered(partial(in_shell, ["sh", "-c"], asked, command, server.data))
    assert (kind, word) == ("plain", "zoe")
    assert explanation.startswith("127.0.0.1")


def test_it_is_silent_without_a_server(command: Path, tmp_path: Path) -> None:
    assert complete_in_bash("trio-chat kick a", command, tmp_path) in ([], [""])


class Hostile(Handler):
    """A server with nicks that a shell would take for something else."""

    def respond(self) -> tuple[int, bytes]:
        nicks = ["$(reboot)", "a;b", "`id`", "a b", "-rf", "fine", "a\nplain,b", "a'b", "a\x1b[2J"]
        client = {"address": "127.0.0.1", "port": 5, "label": "x"}
        return 200, json.dumps({"clients": [client | {"nick": nick} for nick in nicks]}).encode()


@pytest.fixture
def hostile() -> Iterator[HTTPServer]:
    with http_server(Hostile) as running:
        yield running


def test_words_that_a_shell_would_take_for_something_else_are_left_out(hostile: HTTPServer, command: Path) -> None:
    line = f"trio-chat kick --admin 127.0.0.1:{hostile.server_port} "

    assert set(complete_in_bash(line, command, Path("/no/such"))) == {"fine", "5"}


def test_a_script_for_an_unknown_shell_is_status_2(trio_chat: Operate) -> None:
    assert trio_chat("completion", "tcsh").status == 2
