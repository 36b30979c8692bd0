import pytest

from trio_chat.chat.dependencies import Change, Rules
from trio_chat.chat.errors import ChatError
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import CloseReason


def test_a_client_whose_connection_broke_keeps_its_place_and_its_name_and_nobody_is_told(world) -> None:
    alice, bob = world.connect(1001, mode=Mode.FRAMES, session="s"), world.connect(1002)
    world.chat.rename(alice, "alice")
    world.settle()
    world.hear(bob)

    world.chat.connection_lost(alice, alice.outlet)

    assert world.posted == []
    assert alice in world.lobby.members
    assert list(world.chat.clients) == [bob]
    assert world.chat.find("1001") == []
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
    assert world.chat.find("1009") == [alice]
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


def test_what_a_session_says_with_a_key_is_posted_under_both(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")

    world.chat.say(alice, world.lobby, "hello", key="k1")

    assert (world.posted[0].session, world.posted[0].key) == ("s", "k1")


def test_one_who_was_away_hears_what_it_missed_once_it_listens_again(world) -> None:
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
    assert world.chat.find("10.0.0.1:1001") == [bob]


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


def test_a_label_is_free_again_once_the_one_who_had_it_has_a_nick_or_is_gone(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")
    bob = world.connect(1002, mode=Mode.FRAMES, session="t")
    for session, port in (("s", 2001), ("t", 2002)):
        world.chat.resume(session, "10.0.0.9", port, outlet=type(alice.outlet)())

    world.chat.rename(alice, "alice")
    world.chat.disconnect(bob)

    assert [world.connect(port).label for port in (1001, 1002)] == ["10.0.0.1:1001", "10.0.0.1:1002"]
