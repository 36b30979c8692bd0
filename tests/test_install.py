"""`make install` in an empty home, without a network: what is locked is found where the tests run."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from trio_chat import __version__

ROOT = Path(__file__).parents[1]

PARTS = (
    "Makefile",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "stickers.toml",
    "stickers",
    "scripts",
    "trio_chat",
    "admin_api",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, with nothing to download."""
    folder = tmp_path_factory.mktemp("project")
    for name in PARTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    for name in ("requirements.lock", "requirements-build.lock"):
        (folder / name).touch()
    return folder


def make(project: Path, home: Path, *arguments: str, path: str = os.defpath) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(home), "PATH": path, "PYTHONPATH": sysconfig.get_path("purelib"), "PIP_NO_INDEX": "1"}
    command = [str(shutil.which("make")), "--no-print-directory", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.timeout(300)  # it is the processor that this takes
def test_it_installs_the_command_says_where_and_whether_it_is_found_and_takes_it_away_again(
    project: Path, tmp_path: Path
) -> None:
    command = tmp_path / ".local/bin/trio-chat"

    first = make(project, tmp_path, "install")
    again = make(project, tmp_path, "install", path=f"{command.parent}:{os.defpath}")
    version = subprocess.run(
        [command, "--version"], env={"PYTHONPATH": sysconfig.get_path("purelib")}, capture_output=True, text=True
    )
    removed = make(project, tmp_path, "uninstall")

    said = f"Installed trio-chat {__version__} as {command}\n"
    assert first.stdout.endswith(
        f"{said}{command.parent} is not on your PATH. "
        f'Add this to your shell\'s profile: export PATH="{command.parent}:$PATH"\n'
    ), first.stderr
    assert again.stdout.endswith(f"{said}Try: trio-chat --help\n"), again.stderr
    assert version.stdout == f"trio-chat {__version__}\n"
    assert removed.returncode == 0
    assert [path for path in tmp_path.rglob("*") if "trio-chat" in path.name] == []


def test_a_command_from_elsewhere_is_left_alone(project: Path, tmp_path: Path) -> None:
    command = tmp_path / ".local/bin/trio-chat"
    command.parent.mkdir(parents=True)
    command.write_text("of pipx")

    done = make(project, tmp_path, "install")
    make(project, tmp_path, "uninstall")

    assert done.returncode
    assert done.stderr.startswith(f"{command} is there already and not from make install: remove it first")
    assert command.read_text() == "of pipx"
    assert not (tmp_path / ".local/lib").exists()


def test_without_a_home_it_asks_where_to(project: Path, tmp_path: Path) -> None:
    done = make(project, tmp_path, "install", "HOME=")

    assert done.returncode
    assert done.stderr.startswith("HOME is not set: say where to install it, with make install PREFIX=")
