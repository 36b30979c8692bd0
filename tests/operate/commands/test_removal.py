"""`trio-chat remove` against a running server."""

from tests.operate.conftest import Operate, join_as
from tests.protocol.conftest import Server


def test_an_entry_is_removed_for_everybody(server: Server, operate: Operate) -> None:
    join_as(server, "alice", "/join gone", "hello", "a secret")
    shown = operate("tail", "gone", "--no-follow", "--ids").out.splitlines()
    entry_id = shown[-1].split()[0]

    done = operate("remove", "gone", entry_id, "--reason", "a password")
    after = operate("tail", "gone", "--no-follow").out

    assert shown[-1].endswith("[alice]> a secret")
    assert done.status == 0, done.err
    assert done.out == f"removed entry {entry_id} of [alice] from #gone\n"
    assert "a secret" not in after
    assert "[alice]> hello\n" in after
    assert "removed" in after


def test_an_entry_that_is_not_there_is_status_3(server: Server, operate: Operate) -> None:
    join_as(server, "bob")

    assert operate("remove", "lobby", "999999").status == 3
    assert operate("remove", "nowhere", "1").status == 3


def test_an_id_that_is_none_is_status_2(operate: Operate) -> None:
    for entry in ("0", "-1", "x", ""):
        assert operate("remove", "lobby", "--", entry).status == 2
