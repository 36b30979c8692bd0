"""`trio-chat announce` against a running server."""

from tests.operate.conftest import Operate, join_as
from tests.protocol.conftest import Server


def test_everybody_a_room_or_some_are_spoken_to(server: Server, operate: Operate) -> None:
    alice = join_as(server, "alice", "/join ops")
    bob = join_as(server, "bob", "/join dev")

    tried = operate("announce", "to all", "--dry-run")
    to_all = operate("announce", "maintenance", "at 22:00")
    in_room = operate("announce", "only ops", "--room", "ops")
    to_some = operate("announce", "only bob", "--nick", "bo", "--json").json

    assert tried.out == "would be announced to everybody: 2 clients\n"
    assert to_all.out == "announced to everybody: 2 clients\n"
    assert in_room.out == "announced to #ops: 1 client\n"
    assert to_some["count"] == 1
    heard = {}
    for nick, peer in (("alice", alice), ("bob", bob)):
        peer.send(b"/who\n")
        heard[nick] = "\n".join(peer.until("(you) ***"))
    assert "maintenance at 22:00" in heard["alice"]
    assert "only ops" in heard["alice"]
    assert "only bob" not in heard["alice"]
    assert "maintenance at 22:00" in heard["bob"]
    assert "only bob" in heard["bob"]
    assert "only ops" not in heard["bob"]


def test_a_room_that_is_not_there_is_status_3(operate: Operate) -> None:
    done = operate("announce", "hello", "--room", "nowhere")

    assert (done.status, done.err) == (3, "trio-chat: there is no room 'nowhere': trio-chat rooms lists all\n")
