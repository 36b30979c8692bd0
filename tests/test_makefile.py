"""What a stranger's `make` does with the environment that it finds, as told by `make --dry-run`."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project that is installed, as far as make can see."""
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    os.utime(tmp_path / "requirements.lock", (0, 0))
    venv.create(tmp_path / ".venv", symlinks=True)
    packages = tmp_path / ".venv/lib" / f"python{VERSION}" / "site-packages"
    (packages / "pip").mkdir()
    (packages / "pip/__init__.py").touch()
    (tmp_path / ".venv/.runtime").touch()
    return tmp_path


def plan(folder: Path, *arguments: str) -> str:
    """What `make serve` would do."""
    command = ["make", "--no-print-directory", "--dry-run", "serve", *arguments]
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHON", "MAKEFLAGS", "MAKELEVEL")
    }
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


def test_what_is_installed_is_not_installed_again(folder: Path) -> None:
    assert plan(folder) == ".venv/bin/python -m trio_chat serve \n"
    assert plan(folder, f"PYTHON={sys.executable}") == ".venv/bin/python -m trio_chat serve \n"


def test_an_environment_whose_python_is_gone_or_was_upgraded_is_made_anew(folder: Path) -> None:
    packages = folder / ".venv/lib" / f"python{VERSION}"
    packages.rename(packages.with_name("python3.10"))
    upgraded = plan(folder)
    packages.with_name("python3.10").rename(packages)
    (folder / ".venv/bin/python").unlink()
    gone = plan(folder)

    for told in (upgraded, gone):
        assert "-m venv --clear .venv" in told
        assert "install --require-hashes --requirement requirements.lock" in told


def test_an_environment_of_another_python_than_the_one_asked_for_is_made_anew(folder: Path) -> None:
    other = folder / "python9"
    other.write_text("#!/bin/sh\necho '(9, 0)'\n")
    other.chmod(0o755)

    told = plan(folder, f"PYTHON={other}")

    assert f"{other} -m venv --clear .venv" in told
    assert "install --require-hashes --requirement requirements.lock" in told
