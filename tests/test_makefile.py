"""The effect of a stranger's `make` on the environment that it finds, as told by `make --dry-run`."""

import os
import shutil
import subprocess
import sys
import tomllib
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
    """The commands that `make serve` would run."""
    command = ["make", "--no-print-directory", "--dry-run", "serve", *arguments]
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHON", "ARGS", "MAKEFLAGS", "MAKELEVEL")
    }
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


def test_an_installed_package_is_not_installed_again(folder: Path) -> None:
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


def python_that_claims(path: Path, version: str) -> Path:
    """A Python that runs code as if it were of another version."""
    claim = f"import sys; sys.version_info = ({version.replace('.', ', ')}, 0); exec(sys.argv.pop(1))"
    path.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} -c "{claim}" "$@"\n')
    path.chmod(0o755)
    return path


def make(folder: Path, *arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run make where `path` has the only Pythons."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("make", "sh", "rm", "test", "echo"):
        if not (tools / name).exists():
            (tools / name).symlink_to(str(shutil.which(name)))
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, env={"PATH": f"{path}:{tools}"}, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"python3": "3.13"}, "python3"),
        ({"python3": "3.14", "python3.12": "3.12", "python3.11": "3.11"}, "python3.12"),
        ({"python3": "3.10", "python3.11": "3.11"}, "python3.11"),
    ],
)
def test_the_first_python_that_the_tests_were_run_with_is_taken(
    there: dict[str, str], taken: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shutil.rmtree(folder / ".venv")
    path = tmp_path_factory.mktemp("path")
    for name, version in there.items():
        python_that_claims(path / name, version)

    told = make(folder, "--dry-run", "serve", path=path).stdout

    assert f"{taken} -m venv --clear .venv" in told


@pytest.mark.parametrize("target", [".venv/pyvenv.cfg", "install"])
@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_a_python_that_the_tests_were_not_run_with_is_refused(
    target: str, version: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    python = python_that_claims(folder / "python", version)

    done = make(folder, target, f"PYTHON={python}", path=tmp_path_factory.mktemp("path"))

    assert done.returncode
    expected = f"trio-chat needs one of Python 3.11, 3.12, 3.13, and {python} is none: install one, or name it"
    assert done.stderr.startswith(expected)


def test_without_any_python_it_says_which_are_needed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    shutil.rmtree(folder / ".venv")

    done = make(folder, "serve", path=tmp_path_factory.mktemp("path"))

    assert done.returncode
    assert "trio-chat needs one of Python 3.11, 3.12, 3.13: install one" in done.stderr


def test_an_environment_of_a_python_that_the_tests_were_not_run_with_is_made_anew(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("path")
    python_that_claims(path / "python3", "3.12")
    (folder / ".venv/bin/python").unlink()
    python_that_claims(folder / ".venv/bin/python", "3.14")

    assert "python3 -m venv --clear .venv" in make(folder, "--dry-run", "serve", path=path).stdout


def test_the_makefile_takes_the_pythons_that_the_package_claims() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    claimed = [
        line.rpartition(" ")[2] for line in classifiers if line.startswith("Programming Language :: Python :: 3.")
    ]

    assert f"VERSIONS := {' '.join(claimed)}\n" in (ROOT / "Makefile").read_text()
