import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from trio_chat import __version__

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with ZipFile(next(folder.glob("*.whl"))) as archive:
        yield archive


def test_the_wheel_has_both_packages_whole(wheel: ZipFile) -> None:
    modules = {
        str(path.relative_to(ROOT)) for package in ("trio_chat", "admin_api") for path in (ROOT / package).rglob("*.py")
    }

    assert {name for name in wheel.namelist() if name.endswith(".py")} == modules


def test_the_wheel_has_the_stickers_the_command_and_the_licence(wheel: ZipFile) -> None:
    about = f"trio_chat-{__version__}.dist-info"

    assert wheel.read("trio_chat/stickers.toml") == (ROOT / "stickers.toml").read_bytes()
    pictures = {f"trio_chat/stickers/{path.name}" for path in (ROOT / "stickers").iterdir()}
    assert pictures <= set(wheel.namelist())
    assert "trio-chat = trio_chat.__main__:main" in wheel.read(f"{about}/entry_points.txt").decode()
    assert f"{about}/licenses/LICENSE" in wheel.namelist()
