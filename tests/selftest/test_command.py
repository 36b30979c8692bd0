import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from trio_chat.selftest import command
from trio_chat.selftest.ordeal import Plan, Report

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def selftest(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trio_chat", "selftest", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_it_says_in_one_line_that_everything_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.check_installation() == 0

    said = capsys.readouterr()
    assert said.out.startswith("trio-chat ")
    assert "two clients spoke to each other" in said.out
    assert (said.out.count("\n"), said.err) == (1, "")
    assert list(tmp_path.iterdir()) == []


def test_chaos_from_the_command_line_says_its_verdict_and_no_bar_to_a_pipe() -> None:
    done = selftest("--chaos", "--seconds", "1", "--seed", "3")

    assert (done.returncode, done.stderr) == (0, "")
    assert "seed 3" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("verdict: all that was kept was shown to everyone")


def test_a_broken_promise_is_status_1_and_leaves_what_can_be_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ordeal(plan: Plan, folder: Path, on_progress: object) -> Report:
        return Report(plan, findings=["alice was shown entry 3 2 times"])

    assert command.run_chaos(seconds=2, seed=9, ordeal=ordeal) == 1

    said = capsys.readouterr()
    assert "verdict: BROKEN, 1 findings\n  alice was shown entry 3 2 times\n" in said.out
    assert said.out.endswith("once more: trio-chat selftest --chaos --seconds 2 --seed 9\n")
    [left] = tmp_path.iterdir()
    assert said.err == f"what is left of it is in {left}\n"


def test_a_server_that_does_not_start_is_said_with_its_last_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.check_installation(python="/bin/false") == 1

    assert capsys.readouterr().err.startswith(
        "trio-chat: the selftest failed: the server did not start; it said: nothing\n"
    )
