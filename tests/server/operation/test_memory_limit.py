"""The memory limit, read from control groups as containers have them."""

from pathlib import Path

import pytest

from trio_chat.server.operation.memory_limit import memory_limit

MIB = 1024 * 1024


def write(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        ("0::/\n", {"sys/fs/cgroup/memory.max": f"{64 * MIB}\n"}, 64 * MIB),
        ("0::/\n", {"sys/fs/cgroup/memory.max": "max\n"}, None),
        ("0::/a/b\n", {"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": f"{MIB}\n"}, MIB),
        ("0::/docker/1234\n", {"sys/fs/cgroup/memory.max": f"{MIB}\n"}, MIB),
        ("4:cpu,memory:/x\n", {"sys/fs/cgroup/memory/x/memory.limit_in_bytes": f"{MIB}\n"}, MIB),
        ("4:memory:/\n", {"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ("2:cpu:/\n", {"sys/fs/cgroup/memory/memory.limit_in_bytes": f"{MIB}\n"}, None),
    ],
)
def test_the_lowest_limit_of_the_group_and_those_above_it_holds(
    tmp_path: Path, groups: str, files: dict[str, str], limit: int | None
) -> None:
    write(tmp_path, "proc/self/cgroup", groups)
    for name, text in files.items():
        write(tmp_path, name, text)

    assert memory_limit(tmp_path) == limit


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert memory_limit(tmp_path) is None
