import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from trio_chat.selftest import command
from trio_chat.selftest.chaos import ChaosPlan, ChaosReport

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


@pytest.mark.slow
def test_chaos_from_the_command_line_prints_its_result_and_no_bar_to_a_pipe() -> None:
    done = selftest("--chaos", "--seconds", "1", "--seed", "3")

    assert (done.returncode, done.stderr) == (0, "")
    assert "seed 3" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("result: every entry was shown to every client")


def test_a_broken_promise_is_status_1_and_leaves_what_can_be_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run_test(plan: ChaosPlan, folder: Path, on_progress: object) -> ChaosReport:
        return ChaosReport(plan, violations=["alice was shown entry 3 2 times"])

    assert command.run_chaos(seconds=2, seed=9, run_test=run_test) == 1

    said = capsys.readouterr()
    assert "result: FAILED, broken promises: 1\n  alice was shown entry 3 2 times\n" in said.out
    assert said.out.endswith("run it again: trio-chat selftest --chaos --seconds 2 --seed 9\n")
    [left] = tmp_path.iterdir()
    assert said.err == f"its files are in {left}\n"


def test_a_server_that_does_not_start_is_said_with_its_last_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.check_installation(python="/bin/false") == 1

    assert capsys.readouterr().err.startswith(
        "trio-chat: the selftest failed: the server did not start; the last line of its log: (none)\n"
    )
