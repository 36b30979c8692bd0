"""The servers of last time."""

from pathlib import Path

import pytest

from trio_chat.client.memory.recent_servers import RECENT_MAX, RecentServer, RecentServers


def test_the_last_one_is_first_and_each_is_there_once(tmp_path: Path) -> None:
    recent = RecentServers(tmp_path)
    for server in (RecentServer("a"), RecentServer("b", "5556", "ann"), RecentServer("a", nick="bob")):
        recent.add(server)

    assert [server.title for server in RecentServers(tmp_path).read()] == ["bob@a", "ann@b:5556"]


def test_there_are_only_so_many_and_none_that_is_no_line(tmp_path: Path) -> None:
    recent = RecentServers(tmp_path)
    for number in range(9):
        recent.add(RecentServer(f"host{number}"))
    recent.add(RecentServer("evil\x1b[2J"))
    recent.add(RecentServer("x" * 1000))

    assert [server.host for server in recent.read()] == [f"host{number}" for number in range(8, 8 - RECENT_MAX, -1)]


@pytest.mark.parametrize("written", ['[{"host": 3}]', f'[{{"host": "a", "new": {"[" * 8000}{"]" * 8000}}}]'])
def test_a_damaged_file_is_set_aside(tmp_path: Path, written: str) -> None:
    recent = RecentServers(tmp_path)
    recent.file.write_text(written)

    assert recent.read() == ()
    assert not recent.file.exists()
    recent.add(RecentServer("::1", "5555"))
    assert [server.title for server in recent.read()] == ["[::1]:5555"]
