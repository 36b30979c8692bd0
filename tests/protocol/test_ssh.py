"""The recipe of docs/names.md: a chat over ssh, with a real sshd, and one person at two terminals."""

import getpass
import os
import re
import select
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S
from tests.protocol.conftest import Server

ROOT = Path(__file__).parents[2]
RECIPE = re.search(r'^ +(restrict,pty,command=".+") ssh-ed25519 ', (ROOT / "docs/names.md").read_text(), re.MULTILINE)
SSHD = "/usr/sbin/sshd"


class Terminal:
    """Somebody's terminal, in which `ssh chat@HOST` runs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._seen = b""

    def type(self, line: str) -> None:
        """Type a line."""
        assert self._process.stdin
        self._process.stdin.write(f"{line}\r".encode())
        self._process.stdin.flush()

    def shows(self, text: str) -> None:
        """Wait until it shows this, behind what was waited for before."""
        assert self._process.stdout
        deadline = time.monotonic() + PATIENCE_S
        while (at := self._seen.find(text.encode())) < 0:
            is_ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            data = os.read(self._process.stdout.fileno(), 65536) if is_ready else b""
            assert data, f"no {text!r} in {self._seen!r}"
            self._seen += data
        self._seen = self._seen[at + len(text.encode()) :]

    def close(self) -> None:
        """Close the window."""
        self._process.kill()


@pytest.fixture
def ssh(server: Server, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Runs `ssh chat@HOST` with a key, named by its file, and a command. -> the terminal

    The line of the recipe is as in the documentation, but for the home folder, the port and the place of the command.
    Two keys are alice's. The third is an impostor's: its line has a folder of its own, and asks for her name.
    """
    assert RECIPE
    command = tmp_path / "trio-chat"
    command.write_text(f'#!/bin/sh\nTRIO_CHAT_VIEW=lines PYTHONPATH={ROOT} exec {sys.executable} -m trio_chat "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    line = RECIPE[1].replace("$HOME", str(tmp_path)).replace("localhost", f"localhost:{server.port}")
    line = line.replace("exec trio-chat", f"exec {command}")
    lines = {"laptop": line, "phone": line, "impostor": line.replace("/alice ", "/impostors ")}
    for key in ("host", *lines):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / key], check=True)
    keys = [f"{line} {(tmp_path / f'{key}.pub').read_text()}" for key, line in lines.items()]
    (tmp_path / "authorized_keys").write_text("".join(keys))
    settings = {"HostKey": tmp_path / "host", "AuthorizedKeysFile": tmp_path / "authorized_keys", "StrictModes": "no"}
    config = tmp_path / "sshd_config"
    config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()) + "UsePAM no\nPidFile none\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd locks itself in, which its service makes elsewhere
    quiet = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes")
    options = [word for setting in (*quiet, f"ProxyCommand={SSHD} -i -f {config}") for word in ("-o", setting)]

    with ExitStack() as stack:

        def start(key: str, *command: str) -> Terminal:
            words = ["ssh", "-tt", "-F", "none", "-i", str(tmp_path / key), *options, f"{getpass.getuser()}@chat"]
            process = subprocess.Popen([*words, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            stack.enter_context(process)
            stack.callback(process.kill)
            return Terminal(process)

        yield start


def test_one_person_by_ssh_from_two_machines(server: Server, ssh: Callable[..., Terminal]) -> None:
    bob = server.join()
    bob.send(b"/nick bob\n/who\n")
    bob.until("[bob] (you) ***")
    laptop = ssh("laptop")
    laptop.shows("you are [alice] in #lobby")
    laptop.type("/register")
    laptop.shows("you are [alice®] now: the name is yours")
    phone = ssh("phone")
    phone.shows("you are [alice®] in #lobby")
    phone.type("from the phone")
    laptop.shows("from the phone")
    bob.send(b"/msg alice psst\n")
    for terminal in (laptop, phone):
        terminal.shows("psst")
    phone.close()
    while b'"places":1' not in server.http("GET /clients?nick=alice"):
        pass
    laptop.close()

    heard = bob.until("*** [alice®] left the chat ***")
    assert [line for line in heard if "joined" in line or "left" in line] == [
        "*** [alice] joined the chat ***",
        "*** [alice®] left the chat ***",
    ]


def test_the_line_of_somebody_else_gets_neither_the_name_nor_a_shell(
    server: Server, ssh: Callable[..., Terminal]
) -> None:
    bob = server.join()
    alice = ssh("laptop")
    alice.shows("you are [alice] in #lobby")
    alice.type("/register")
    alice.shows("the name is yours")

    impostor = ssh("impostor", "sh")
    impostor.shows("no key of yours proves the name [alice]")
    impostor.shows("password for [alice]")
    impostor.type("")
    impostor.shows("in #lobby")
    impostor.type("echo $USER")

    assert "alice" not in bob.until("]> echo $USER")[-1]
