"""Resources of the process, as the system tells of them."""

import os
import resource
from pathlib import Path

from trio_chat.server.operation.resources import measure_resources


def test_memory_files_and_the_disk_are_measured_against_their_limits(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"x" * 5000)

    measured = measure_resources(tmp_path)

    assert 1_000_000 < measured["memory"][0] < measured["memory"][1]
    assert measured["files"][1] == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 0 < measured["disk"][0] < measured["disk"][1]
    assert measured["data"] == (5000, None)


def test_open_files_are_counted(tmp_path: Path) -> None:
    before = measure_resources(tmp_path)["files"][0]
    fds = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]

    after = measure_resources(tmp_path)["files"][0]

    for fd in fds:
        os.close(fd)
    assert after == before + 20


def test_memory_is_limited_by_the_control_group(tmp_path: Path) -> None:
    for name, text in {
        "proc/self/statm": "9000 1000 0 0 0 0 0",
        "proc/self/cgroup": "0::/",
        "sys/fs/cgroup/memory.max": "104857600",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert measure_resources(tmp_path, tmp_path)["memory"] == (1000 * resource.getpagesize(), 104857600)


def test_what_the_system_does_not_tell_is_left_out(tmp_path: Path) -> None:
    assert measure_resources(tmp_path / "nowhere", tmp_path) == {}


def test_a_proc_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/statm").write_text("rubbish")

    assert "memory" not in measure_resources(tmp_path, tmp_path)
