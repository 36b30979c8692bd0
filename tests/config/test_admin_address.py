"""The file by which commands on the same machine find the admin API."""

import fcntl
import os
from pathlib import Path

import pytest

from trio_chat.config import AdminAddress, read_address, remove_address, write_address

ADDRESS = AdminAddress("http://127.0.0.1:8080", needs_token=True, token_file="/etc/token")


def test_it_is_found_while_the_server_runs_and_gone_afterwards(tmp_path: Path) -> None:
    fd = write_address(tmp_path, ADDRESS)

    assert fd is not None
    assert read_address(tmp_path) == ADDRESS
    assert (tmp_path / "admin.json").stat().st_mode & 0o777 == 0o600
    remove_address(tmp_path, fd)
    assert read_address(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_one_that_a_killed_server_left_is_recognised_and_replaced(tmp_path: Path) -> None:
    fd = write_address(tmp_path, ADDRESS)
    assert fd is not None
    os.close(fd)  # as the kernel does at the end of a process

    assert read_address(tmp_path) is None
    second = write_address(tmp_path, AdminAddress("http://127.0.0.1:9"))
    assert second is not None
    found = read_address(tmp_path)
    assert found is not None
    assert found.url == "http://127.0.0.1:9"
    remove_address(tmp_path, second)


def test_the_file_of_a_server_that_runs_is_left_alone(tmp_path: Path) -> None:
    fd = write_address(tmp_path, ADDRESS)
    assert fd is not None

    assert write_address(tmp_path, AdminAddress("http://127.0.0.1:9")) is None

    assert read_address(tmp_path) == ADDRESS
    remove_address(tmp_path, fd)


def test_a_file_that_has_taken_its_place_is_not_removed(tmp_path: Path) -> None:
    fd = write_address(tmp_path, ADDRESS)
    assert fd is not None
    (tmp_path / "admin.json").unlink()
    (tmp_path / "admin.json").write_text("another")

    remove_address(tmp_path, fd)

    assert (tmp_path / "admin.json").read_text() == "another"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"url": 1}', b"\xff" * 9000])
def test_rubbish_is_no_address_locked_or_not(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "admin.json"
    file.write_bytes(content)

    assert read_address(tmp_path) is None
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert read_address(tmp_path) is None


def test_a_folder_that_is_missing_gets_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "missing"

    assert write_address(folder, ADDRESS) is None
    assert read_address(folder) is None
    assert not folder.exists()


def test_a_pipe_in_its_place_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "admin.json")

    assert read_address(tmp_path) is None


def test_a_folder_in_its_place_is_reported_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "admin.json").mkdir()

    with pytest.raises(IsADirectoryError):
        write_address(tmp_path, ADDRESS)

    assert [file.name for file in tmp_path.iterdir()] == ["admin.json"]
