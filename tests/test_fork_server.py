"""Forked servers are processes like those that a user starts."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S
from tests.fork_server import POPEN, ROOT, ForkedProcess, ForkingPopen, start_watched


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


def test_a_forked_program_has_the_streams_folder_environment_and_session_that_it_was_given(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trio_chat", "serve", "--port", "0", "--admin-port", "0"]
    process = ForkingPopen(
        command,
        cwd=tmp_path,
        env={**os.environ, "TRIO_CHAT_DATA": "here"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with process:
        while b"Admin API started" not in process.stdout.readline():
            pass
        session, running = os.getsid(process.pid), Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.terminate()

    assert process.returncode == 0
    assert b"tests.fork_server" in running
    assert session == process.pid
    assert (tmp_path / "here" / "journal.db").exists()


def shown_by(popen: type[subprocess.Popen[bytes]], *options: str) -> tuple[bytes, int]:
    """Run a client at a terminal. -> what is shown there, and the exit status"""
    window, terminal = pty.openpty()
    streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    with popen([sys.executable, "-m", "trio_chat", "join", *options], cwd=ROOT, **streams) as process:
        os.close(terminal)
        shown = b""
        try:
            while data := os.read(window, 65536):
                shown += data
        except OSError:  # it has ended
            pass
        os.close(window)
    return shown, process.returncode


@pytest.mark.parametrize("options", [("--help",), ("--nick", "\udcff", "127.0.0.1"), ("127.0.0.1", "none")])
def test_a_forked_client_shows_what_one_shows_that_is_run_from_its_beginning(options: tuple[str, ...]) -> None:
    forked = shown_by(ForkingPopen, *options)

    assert forked == shown_by(POPEN, *options)
    assert forked[0]


def test_what_is_no_client_and_no_server_is_run_as_ever() -> None:
    done = ForkingPopen([sys.executable, "-c", "import sys; print(*sys.orig_argv[1:])"], stdout=subprocess.PIPE)

    assert done.communicate()[0] == b"-c import sys; print(*sys.orig_argv[1:])\n"
