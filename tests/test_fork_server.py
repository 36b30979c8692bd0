"""Forked servers are processes like those that a user starts."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S
from tests.fork_server import ForkedProcess, start_watched


def test_a_forked_command_runs_in_this_folder_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIO_CHAT_DATA", "here")

    process = start_watched("holds", "serve", "--port", "0", "--admin-port", "0")
    while b"Admin API started" not in process.stdout.readline():
        pass
    process.kill()
    process.communicate()

    assert isinstance(process, ForkedProcess)
    assert (tmp_path / "here" / "journal.db").exists()


def test_a_forked_process_is_a_child_of_this_one_and_is_told_to_have_been_killed(tmp_path: Path) -> None:
    process = start_watched("holds", "serve", "--port", "0", "--admin-port", "0", "--data", str(tmp_path))
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0)

    status = Path(f"/proc/{process.pid}/status").read_text()
    process.kill()

    assert f"PPid:\t{os.getpid()}\n" in status
    assert process.wait(PATIENCE_S) == -signal.SIGKILL
    assert process.poll() == -signal.SIGKILL
    process.communicate()


def test_an_end_with_an_error_has_its_status(tmp_path: Path) -> None:
    process = start_watched("holds", "serve", "--port", "none")

    _, errors = process.communicate(PATIENCE_S)

    assert process.returncode == 2
    assert errors.startswith(b"trio-chat: ")
    assert errors.count(b"\n") == 1


def test_python_with_other_settings_is_not_forked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDEVMODE", "1")

    process = start_watched("holds", "--version")
    out, _ = process.communicate(timeout=PATIENCE_S)

    assert isinstance(process, subprocess.Popen)
    assert out.startswith(b"trio-chat ")
