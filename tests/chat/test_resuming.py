import pytest

from tests.chat.conftest import HeldOutlet
from trio_chat.chat.chat import DEPARTURES_PER_TURN, MAKE_WAY_AT_ONCE
from trio_chat.chat.dependencies import Change, Rules
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.session_record import SessionRecord


def test_a_client_whose_connection_broke_keeps_its_place_and_its_name_and_nobody_is_told(world) -> None:
    alice, bob = world.connect(1001, mode=Mode.FRAMES, session="s"), world.connect(1002)
    world.chat.rename(alice, "alice")
    world.settle()
    world.hear(bob)

    world.chat.connection_lost(alice, alice.outlet)

    assert world.posted == []
    assert alice in world.lobby.members
    assert list(world.chat.clients) == [bob]
    assert list(world.chat.away) == [alice]
    with pytest.raises(ChatError, match="taken"):
        world.chat.rename(bob, "alice")


def test_the_same_session_takes_over_and_nobody_is_told(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")
    old = alice.outlet
    world.chat.connection_lost(alice, old)
    new = type(old)()

    resumed = world.chat.resume("s", "10.0.0.9", 1009, outlet=new)

    assert resumed is alice
    assert world.posted == []
    assert world.chat.directory.find("1009") == [alice]
    assert alice.outlet is new
    assert alice.label == "10.0.0.1:1001"


def test_a_session_takes_over_from_a_connection_that_only_seems_alive(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")
    old = alice.outlet

    world.chat.resume("s", "10.0.0.9", 1009, outlet=type(old)())
    world.chat.connection_lost(alice, old)

    assert old.close_reason is CloseReason.RESUMED
    assert list(world.chat.clients) == [alice]
    assert [change for change, _ in world.changes] == [Change.CONNECTED, Change.DISCONNECTED, Change.CONNECTED]


def test_one_who_stays_away_for_too_long_has_left(world) -> None:
    alice, bob = world.connect(1001, mode=Mode.FRAMES, session="s"), world.connect(1002)
    world.chat.connection_lost(alice, alice.outlet)

    world.now += 59
    world.chat.tick()
    assert world.posted == []
    world.now += 2
    world.chat.tick()
    world.settle()

    assert world.hear(bob) == "*** [10.0.0.1:1001] left the chat ***\n"
    assert world.chat.resume("s", "10.0.0.9", 1009, outlet=alice.outlet) is None


def test_c26_of_very_many_who_stayed_away_too_long_a_bounded_number_leaves_in_one_turn(world) -> None:
    """A network that breaks ends thousands of sessions in the same second."""
    for number in range(2 * DEPARTURES_PER_TURN):
        client = world.connect(1001 + number, mode=Mode.FRAMES, session=f"s{number}")
        world.chat.connection_lost(client, client.outlet)
    world.now += 61

    world.chat.tick()
    left_in_one_turn = 2 * DEPARTURES_PER_TURN - len(world.chat.away)

    assert 0 < left_in_one_turn <= DEPARTURES_PER_TURN
    turns = 0
    while world.chat.end_overdue_sessions():
        turns += 1
    assert turns == 2
    assert not world.chat.away


def test_a_shorter_hold_also_applies_to_clients_that_are_away_already(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")
    world.chat.connection_lost(alice, alice.outlet)
    world.now += 10

    world.chat.rules = Rules(hold_s=5)
    world.chat.tick()

    assert alice not in world.lobby.members


def test_a_kicked_session_is_not_resumed(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")

    world.chat.kick(alice)
    world.chat.connection_lost(alice, alice.outlet)

    assert world.chat.resume("s", "10.0.0.1", 1001, outlet=alice.outlet) is None


def test_a_client_without_a_session_leaves_when_its_connection_breaks(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    world.chat.connection_lost(alice, alice.outlet)
    world.settle()

    assert world.hear(bob) == "*** [10.0.0.1:1001] left the chat ***\n"


def test_a_draft_with_a_key_bears_the_session_too(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")

    world.chat.say(alice, world.lobby, "hello", key="k1")

    assert (world.posted[0].session, world.posted[0].key) == ("s", "k1")


def test_a_member_that_follows_the_log_again_is_sent_missed_entries(world) -> None:
    alice, bob = world.connect(1001, mode=Mode.FRAMES, session="s"), world.connect(1002)
    world.hear(alice)
    seen = world.last_id
    world.chat.connection_lost(alice, alice.outlet)
    world.chat.say(bob, world.lobby, "one")
    world.settle()

    world.chat.resume("s", "10.0.0.9", 1009, outlet=alice.outlet)
    alice.members[world.lobby].listen_after(seen)

    assert world.lobby.log.open_track(Mode.FRAMES).covers(seen)
    assert world.hear(alice) == f"{seen + 1} one\n"


def test_a_client_from_the_address_and_port_of_an_earlier_one_has_a_label_of_its_own(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")
    world.chat.resume("s", "10.0.0.9", 1009, outlet=type(alice.outlet)())

    bob = world.connect(1001)
    carol = world.connect(1003)
    world.chat.tell(carol, alice.label, "for alice")
    world.chat.tell(carol, bob.label, "for bob")
    world.settle()

    assert (alice.label, bob.label) == ("10.0.0.1:1001", f"10.0.0.1:1001#{bob.id}")
    assert "for bob" in world.hear(bob)
    assert "for alice" not in world.hear(bob)
    assert world.chat.directory.find("10.0.0.1:1001") == [bob]


@pytest.mark.parametrize(
    ("address", "spelling"),
    [("10.0.0.1", "[10.0.0.1:1001]"), ("2001:db8::1", "[[2001:db8::1]:1001]"), ("2001:db8::1", "2001:db8::1:1001")],
)
def test_a_label_names_the_same_one_however_it_is_written(world, address: str, spelling: str) -> None:
    alice = world.connect(1001, address, mode=Mode.FRAMES, session="s")
    world.chat.resume("s", "10.0.0.9", 1009, outlet=type(alice.outlet)())
    bob, carol = world.connect(1001, address), world.connect(1003)

    world.chat.tell(carol, spelling, "for alice")
    world.settle()

    assert "for alice" in world.hear(alice)
    assert "for alice" not in world.hear(bob)


def test_a_label_is_free_again_once_its_owner_has_a_nick_or_is_gone(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")
    bob = world.connect(1002, mode=Mode.FRAMES, session="t")
    for session, port in (("s", 2001), ("t", 2002)):
        world.chat.resume(session, "10.0.0.9", port, outlet=type(alice.outlet)())

    world.chat.rename(alice, "alice")
    world.chat.disconnect(bob)

    assert [world.connect(port).label for port in (1001, 1002)] == ["10.0.0.1:1001", "10.0.0.1:1002"]


def leave_behind(world, count: int, *, origin: int = 7, start: int = 1) -> list:
    """Connect clients one after the other, each with a nick, and break their connections."""
    left = []
    for number in range(start, start + count):
        client = world.chat.connect(
            "192.0.2.7", 1024 + number, mode=Mode.FRAMES, outlet=HeldOutlet(), session=f"s{number}", origin=origin
        )
        world.chat.join(client, LOBBY)
        world.chat.rename(client, f"nick-{number}")
        world.chat.connection_lost(client, client.outlet)
        left.append(client)
    return left


def test_c26_sessions_left_behind_count_as_clients_of_their_address_and_the_oldest_make_way(world) -> None:
    world.chat.rules = Rules(clients_per_origin=3)

    sessions = leave_behind(world, 2000)

    assert list(world.chat.away) == sessions[-3:]
    world.chat.rename(world.connect(1), "nick-1")  # which nobody holds any more
    assert len(world.lobby.members) == 3 + 1


def test_c26_other_addresses_and_those_without_a_limit_hold_their_sessions(world) -> None:
    world.chat.rules = Rules(clients_per_origin=3)
    [other] = leave_behind(world, 1, origin=8)
    local = leave_behind(world, 50, origin=-2, start=100)

    leave_behind(world, 10, start=1000)

    assert {other, *local} <= set(world.chat.away)


def test_c26_a_resuming_client_counts_once_and_nobody_makes_way(world) -> None:
    world.chat.rules = Rules(clients_per_origin=3)
    sessions = leave_behind(world, 3)

    for client in sessions:
        world.chat.resume(client.session, "192.0.2.7", client.port + 5000, outlet=HeldOutlet(), origin=7)

    assert list(world.chat.clients) == sessions


def test_c26_sessions_left_behind_make_way_where_the_server_is_full(world) -> None:
    world.chat.rules = Rules(clients=4)
    sessions = leave_behind(world, 4, origin=-2)

    alice = world.connect(1)

    assert list(world.chat.away) == sessions[1:]
    assert alice in world.chat.clients


def test_c26_all_sessions_left_behind_with_their_rooms_have_one_bound(world) -> None:
    world.chat.rules = Rules(away_size=20)

    sessions = leave_behind(world, 30, origin=-2)

    assert list(world.chat.away) == sessions[-10:]  # each in one room


def test_c26_a_lowered_limit_ends_a_bounded_number_at_once_and_all_in_time(world) -> None:
    sessions = leave_behind(world, 200)
    world.chat.rules = Rules(clients_per_origin=5)

    counts = []
    for number in range(20):
        leave_behind(world, 1, start=1000 + number)
        counts.append(len(world.chat.away))

    assert counts[0] >= len(sessions) - 2 * MAKE_WAY_AT_ONCE
    assert counts[-1] == 5


@pytest.mark.parametrize("who", ["nick-1", "NICK-1", "[nick-1]", "c1", "1025", "192.0.2.7:1025"])
def test_c26_an_operator_finds_and_ends_a_session_left_behind(world, who: str) -> None:
    [client] = leave_behind(world, 1)
    bob = world.connect(1)

    [found] = world.chat.directory.find(who)
    world.chat.kick(found)
    world.settle()

    assert found is client
    assert list(world.chat.away) == []
    assert world.hear(bob) == "*** [nick-1] was kicked ***\n"
    assert world.changes[-1] == (Change.KICKED, "192.0.2.7:1025")
    assert world.chat.resume("s1", "192.0.2.7", 1026, outlet=HeldOutlet()) is None


def test_a_port_names_a_connected_client_before_one_that_is_away(world) -> None:
    leave_behind(world, 1)
    alice = world.connect(1025)

    assert world.chat.directory.find("1025") == [alice]


def test_a_session_that_a_restart_left_behind_is_found_by_its_nick_and_called_by_its_label(world) -> None:
    world.chat.restore(SessionRecord("s", "frames", "alice", "alice", (LOBBY,)))

    [client] = world.chat.directory.find("alice")

    assert (client.peer, world.chat.away_s(client)) == ("alice", 0)
