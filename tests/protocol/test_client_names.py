"""A name that the client claims with its key, at a real server."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest


def join(state: Path, port: int, said: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Join as alice from a pipe, as somebody whose state is in this folder."""
    command = [sys.executable, "-m", "trio_chat", "join", "127.0.0.1", str(port), "--nick", "alice", *options]
    variables = {**os.environ, "XDG_STATE_HOME": str(state)}
    return subprocess.run(command, env=variables, capture_output=True, text=True, input=said, check=False)


def test_a_name_is_claimed_by_the_key_of_the_client_and_nobody_else_speaks_in_it(start, tmp_path: Path) -> None:
    server = start("--tls")
    mine, other = tmp_path / "mine", tmp_path / "other"

    claimed = join(mine, server.port, "/register\n", "--commands")
    reader = server.join()
    taken = join(other, server.port, "I am alice\n")
    again = join(mine, server.port, "it is me\n")
    encrypted = join(mine, server.port, "and so am I\n", "--tls")

    assert claimed.returncode == again.returncode == encrypted.returncode == 0, (claimed, again, encrypted)
    assert taken.returncode == 1
    assert "the name [alice] belongs to somebody" in taken.stderr
    assert stat.S_IMODE((mine / "trio-chat" / "key").stat().st_mode) == 0o600
    lines = reader.until("and so am I")
    assert [line for line in lines if "]> " in line] == ["[alice®]> it is me", "[alice®]> and so am I"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing shows which libraries a process has loaded")
def test_the_libraries_for_keys_are_loaded_where_one_is_used_and_not_before(
    server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")  # a client writes to stderr which modules it imports
    maps = Path(f"/proc/{server.process.pid}/maps")

    without = join(tmp_path, server.port, "hello\n")
    loaded_without = maps.read_text()
    having = join(tmp_path, server.port, "/register\n", "--commands")

    assert without.returncode == having.returncode == 0
    assert not re.search("cryptography|argon2", without.stderr + loaded_without)
    assert "cryptography" in having.stderr
    assert "cryptography" in maps.read_text()
