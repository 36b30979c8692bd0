"""Commands whose output nobody reads any more, as with `| head -1`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.operate.conftest import join_as
from tests.protocol.conftest import Server
from trio_chat.closed_output import CLOSED_OUTPUT_STATUS


def run_unread(*arguments: str) -> tuple[int, bytes]:
    """Run a command line with a stdout that nobody reads. -> exit status, and what is on stderr"""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "trio_chat", *arguments], stdout=writer, stderr=subprocess.PIPE, timeout=50, check=False
    )
    os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", ["clients", "rooms --json", "tail lobby"])
def test_a_command_for_operators_ends_without_a_word(server: Server, command: str) -> None:
    join_as(server, "bob")

    assert run_unread(*command.split(), "--data", str(server.data)) == (CLOSED_OUTPUT_STATUS, b"")


@pytest.mark.parametrize(
    "command", ["--help", "--version", "serve --help", "help tail", "completion bash", "check-config"]
)
def test_so_does_any_other_command(tmp_path: Path, command: str) -> None:
    data = ["--data", str(tmp_path / "data")] if command == "check-config" else []

    assert run_unread(*command.split(), *data) == (CLOSED_OUTPUT_STATUS, b"")


def test_so_does_an_export_of_the_history(server: Server) -> None:
    join_as(server, "carol")

    assert run_unread("history", "export", "--data", str(server.data)) == (CLOSED_OUTPUT_STATUS, b"")
