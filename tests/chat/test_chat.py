import pytest

from trio_chat.chat.dependencies import Change
from trio_chat.chat.errors import ChatError
from trio_chat.chat.outlet import CloseReason


def test_others_hear_a_line_and_its_author_does_not(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    world.chat.say(alice, world.lobby, "hello @smile")
    world.settle()

    assert world.hear(bob) == "[10.0.0.1:1001]> hello @smile\n"
    assert world.hear(alice) == ""


def test_nobody_is_sent_an_entry_before_it_is_durable(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    world.chat.say(alice, world.lobby, "hello")

    assert world.hear(bob) == ""


def test_joins_and_leaves_are_shown_to_others_only(world) -> None:
    alice = world.connect(1001)
    bob = world.chat.connect("2001:db8::1", 1002, mode=alice.mode, outlet=alice.outlet)
    world.chat.join(bob, "lobby")
    world.settle()

    assert world.hear(bob) == ""
    assert world.hear(alice) == "*** [[2001:db8::1]:1002] joined the chat ***\n"

    world.chat.disconnect(bob)
    world.settle()

    assert world.hear(alice) == "*** [[2001:db8::1]:1002] left the chat ***\n"


def test_a_kick_is_shown_to_others_and_ends_the_connection(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    world.chat.kick(bob)
    world.settle()

    assert bob.outlet.close_reason is CloseReason.KICKED
    assert world.hear(alice) == "*** [10.0.0.1:1002] was kicked ***\n"
    assert list(world.chat.clients) == [alice]


def test_a_second_kick_and_a_disconnect_after_a_kick_change_nothing(world) -> None:
    alice = world.connect(1001)
    world.chat.kick(alice)
    world.settle()

    world.chat.disconnect(alice)

    with pytest.raises(ChatError, match="gone"):
        world.chat.kick(alice)
    assert world.posted == []
    assert [change for change, _ in world.changes] == [Change.CONNECTED, Change.KICKED]


def test_a_nick_replaces_the_address_and_everyone_else_is_told(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    world.chat.rename(alice, "alice")
    world.chat.say(alice, world.lobby, "hi")
    world.settle()

    assert world.hear(bob) == "*** [10.0.0.1:1001] is now [alice] ***\n[alice]> hi\n"


@pytest.mark.parametrize("spelling", ["alice", "ALICE", "ａｌｉｃｅ", "аlice"])  # look-alikes are the point
def test_a_nick_is_taken_however_it_is_written(world, spelling: str) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    world.chat.rename(alice, "alice")

    with pytest.raises(ChatError) as refused:
        world.chat.rename(bob, spelling)

    assert refused.value.code == "nick-taken"


def test_a_request_for_the_nick_of_a_broken_connection_is_answered_by_how_long_it_is_held(world) -> None:
    alice, bob = world.connect(1001, session="s" * 32), world.connect(1002)
    world.chat.rename(alice, "alice")
    world.chat.connection_lost(alice, alice.outlet)
    world.now += 20

    with pytest.raises(ChatError, match="held for 40 s more") as refused:
        world.chat.rename(bob, "alice")

    assert refused.value.code == "nick-taken"


def test_a_nick_is_free_again_once_its_owner_has_gone_or_changed_it(world) -> None:
    alice, bob, carol = world.connect(1001), world.connect(1002), world.connect(1003)
    world.chat.rename(alice, "alice")
    world.chat.rename(alice, "ally")
    world.chat.rename(bob, "alice")
    world.chat.disconnect(bob)

    world.chat.rename(carol, "alice")

    assert carol.label == "alice"


def test_the_spelling_of_ones_own_nick_can_change(world) -> None:
    alice = world.connect(1001)
    world.chat.rename(alice, "alice")

    world.chat.rename(alice, "Alice")

    assert alice.label == "Alice"


def test_nothing_is_said_where_nothing_readable_is_left(world) -> None:
    alice = world.connect(1001)

    assert world.chat.say(alice, world.lobby, " \x00\x1b ") is None
    assert world.posted == []


@pytest.mark.parametrize("who", ["1001", "10.0.0.1:1001", "[10.0.0.1:1001]", "c1"])
def test_a_client_is_found_by_port_by_address_and_port_and_by_id(world, who: str) -> None:
    alice = world.connect(1001)

    assert world.chat.directory.find(who) == [alice]


@pytest.mark.parametrize("who", ["[2001:db8::1]:1001", "2001:db8::1:1001", "[[2001:db8::1]:1001]"])
def test_an_ipv6_client_is_found_with_and_without_brackets_and_as_the_chat_shows_it(world, who: str) -> None:
    world.connect(1001, "2001:db8::2")
    client = world.connect(1001, "2001:db8::1")

    assert world.chat.directory.find(who) == [client]


def test_a_port_at_two_addresses_finds_both(world) -> None:
    alice, bob = world.connect(1001), world.connect(1001, "10.0.0.2")

    assert world.chat.directory.find("1001") == [alice, bob]
    assert world.chat.directory.find("10.0.0.2:1001") == [bob]


@pytest.mark.parametrize(
    "who",
    [
        "",
        "0",
        "65536",
        "-1",
        "+1",
        "01001",
        "1_001",
        "１００１",
        "٤",
        "9" * 99,
        "x:",
        "[1001]",
        "x" * 25,
        "[2001:db8::1]",
        "[[10.0.0.1:1001]",
        "[[10.0.0.1:1001]]",
        "[2001:db8::1:1001]",
    ],
)
def test_a_text_that_names_no_client_is_refused(world, who: str) -> None:
    world.chat.rename(world.connect(1001), "alice")
    world.connect(1001, "2001:db8::1")

    with pytest.raises(ChatError):
        world.chat.directory.find(who)


def test_a_member_behind_counts_entries_and_bytes(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    world.chat.say(alice, world.lobby, "hi")
    world.settle()

    assert bob.behind == (1, len(b"[10.0.0.1:1001]> hi\n"))


def test_a_kicked_client_leaves_nothing_behind_by_any_later_request(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    world.chat.kick(alice)
    world.settle()

    with pytest.raises(ChatError, match="gone"):
        world.chat.join(alice, "lobby")
    with pytest.raises(ChatError, match="gone"):
        world.chat.rename(alice, "alice")
    with pytest.raises(ChatError, match="gone"):
        world.chat.tell(alice, bob.label, "hello")

    assert list(world.lobby.members) == [bob]
    assert world.posted == []
    world.chat.rename(bob, "alice")
