"""Mutes: what they refuse, and by what they find their people again."""

from ipaddress import ip_network

import pytest

from trio_chat.chat.command_table import Effect
from trio_chat.chat.commands import COMMANDS, execute
from trio_chat.chat.errors import ChatError
from trio_chat.chat.log import Mode
from trio_chat.chat.operators import mutes as module
from trio_chat.chat.operators.mutes import (
    MUTES_PER_NETWORK,
    Mute,
    Mutes,
    collect_clients,
    home_of,
    mute_of_client,
    mute_of_network,
)
from trio_chat.chat.operators.restrictions import EXPIRED_PER_CALL


def mute(world, client, *, until: float | None = None, reason: str = "") -> Mute:
    found: list = []
    if home := home_of(client):
        list(collect_clients(world.chat, home, found))
    drafted = mute_of_client(client, found, reason=reason, by="console", now=world.now, until=until)
    return world.mutes.add(drafted)


def mute_network(world, network: str, *, until: float | None = None) -> Mute:
    network = ip_network(network)
    return world.mutes.add(mute_of_network(network, reason="", by="console", now=world.now, until=until))


def may_speak(world, client) -> bool:
    try:
        execute(world.chat, client, "hello")
    except ChatError as error:
        return error.code != "muted"
    return True


EXAMPLES = {"me": "/me waves", "msg": "/msg bob psst", "topic": "/topic mine"}
"""Of each command that says something, a line; and what others would read of it."""


def test_every_command_that_says_something_is_refused(world) -> None:
    alice, bob = world.connect(1), world.connect(2)
    world.chat.rename(alice, "alice")
    world.chat.rename(bob, "bob")
    world.settle()
    mute(world, alice, until=world.now + 60, reason="spam")
    speaking = [name for name, command in COMMANDS.items() if command.effect in (Effect.SAYS, Effect.TELLS)]

    for line in ("hello", "//etc", *(EXAMPLES.get(name, f"/{name} 2d6") for name in speaking)):
        with pytest.raises(ChatError, match=r"^you are muted until 1970-01-01 00:17 UTC: spam$") as refused:
            execute(world.chat, alice, line)
        assert refused.value.code == "muted"

    assert not world.posted
    assert world.lobby.topic == ""


def test_every_way_to_speak_is_refused(world) -> None:
    alice, bob = world.connect(1), world.connect(2)
    world.chat.rename(alice, "alice")
    world.settle()
    mute(world, alice)
    chat, lobby = world.chat, world.lobby

    for speak in (
        lambda: chat.say(alice, lobby, "one", "two"),
        lambda: chat.say(alice, lobby, "a die", is_typed=False),
        lambda: chat.act(alice, lobby, "waves"),
        lambda: chat.tell(alice, bob.label, "psst"),
        lambda: chat.set_topic(alice, lobby, ""),
        lambda: chat.rename(alice, "buy-pills"),
    ):
        with pytest.raises(ChatError, match=r"^you are muted$"):
            speak()

    assert not world.posted


def test_a_muted_client_hears_asks_moves_and_takes_a_first_nick(world) -> None:
    alice, bob = world.connect(1), world.connect(2)
    mute(world, alice)

    for line in ("/who", "/rooms", "/topic", "/history", "/search word", "/help", "/nick alice", "/join dev", "/leave"):
        execute(world.chat, alice, line)
    world.settle()
    execute(world.chat, bob, "hello")
    world.settle()

    assert "hello" in world.hear(alice)
    assert alice.label == "alice"


def test_a_mute_holds_over_rename_and_reconnect_with_and_without_the_session(world) -> None:
    alice = world.connect(1, mode=Mode.FRAMES, session="a" * 32)
    mute(world, alice)
    world.chat.connection_lost(alice, alice.outlet)

    moved = world.chat.resume("a" * 32, "192.0.2.1", 5, outlet=alice.outlet)
    plain = world.connect(2)
    other_session = world.connect(3, mode=Mode.FRAMES, session="b" * 32)
    world.chat.rename(plain, "somebody-else")

    assert [may_speak(world, client) for client in (moved, plain, other_session)] == [False] * 3
    assert may_speak(world, world.connect(4, "10.0.0.2"))


def test_others_of_that_address_are_spared_as_long_as_they_stay(world) -> None:
    alice, bob = world.connect(1), world.connect(2)
    carol = world.connect(3, mode=Mode.FRAMES, session="c" * 32)
    world.chat.connection_lost(carol, carol.outlet)

    mute(world, alice)
    carol = world.chat.resume("c" * 32, "10.0.0.1", 9, outlet=carol.outlet)

    assert [may_speak(world, client) for client in (alice, bob, carol)] == [False, True, True]
    world.chat.disconnect(bob)
    assert not may_speak(world, world.connect(4))


def test_an_ipv6_client_is_found_again_in_its_network(world) -> None:
    mute(world, world.connect(1, "2001:db8::1"))

    assert not may_speak(world, world.connect(2, "2001:db8::ffff:2"))
    assert may_speak(world, world.connect(3, "2001:db8:0:1::1"))


def test_the_mute_of_a_network_silences_whoever_is_there(world) -> None:
    alice, bob = world.connect(1, "10.0.0.1"), world.connect(2, "10.0.1.1")
    mute_network(world, "10.0.0.0/24")

    assert [may_speak(world, client) for client in (alice, bob)] == [False, True]
    assert not may_speak(world, world.connect(3, "10.0.0.9"))


def test_of_several_mutes_the_one_that_ends_last_is_told(world) -> None:
    alice = world.connect(1)
    mute_network(world, "10.0.0.0/8", until=world.now + 3600)
    mute(world, alice, until=world.now + 60)

    with pytest.raises(ChatError, match="until 1970-01-01 01:16 UTC"):
        execute(world.chat, alice, "hello")
    world.now += 100
    assert not may_speak(world, alice)
    world.now += 3600
    assert may_speak(world, alice)
    assert len(world.mutes) == 0


def test_muting_again_takes_the_place_of_the_first_mute(world) -> None:
    alice = world.connect(1, mode=Mode.FRAMES, session="a" * 32)
    first = mute(world, alice)
    world.chat.rename(alice, "alice")
    again = mute(world, alice, until=world.now + 60)

    assert (first.id, again.id, len(world.mutes)) == ("m1", "m1", 1)
    world.now += 60
    assert may_speak(world, alice)


@pytest.mark.parametrize("who", ["m1", "alice", "[alice]", "10.0.0.1:1", "1"])
def test_a_mute_is_named_by_id_nick_and_port(world, who: str) -> None:
    alice = world.connect(1)
    world.chat.rename(alice, "alice")
    made = mute(world, alice)

    assert world.mutes.named(who, world.chat, world.now) == [made]


def test_a_mute_of_somebody_who_left_is_named_by_the_nick(world) -> None:
    alice = world.connect(1)
    world.chat.rename(alice, "alice")
    made = mute(world, alice)
    world.chat.disconnect(alice)

    assert world.mutes.named("Alice", world.chat, world.now) == [made]


def test_the_name_of_somebody_in_a_muted_network_does_not_name_the_mute_of_all(world) -> None:
    alice = world.connect(1)
    world.chat.rename(alice, "alice")
    mute_network(world, "10.0.0.0/24")

    with pytest.raises(ChatError, match="there is no mute of alice"):
        world.mutes.named("alice", world.chat, world.now)


def test_lifting_one_of_two_mutes_leaves_the_other(world) -> None:
    alice, bob = world.connect(1), world.connect(2)
    first, second = mute(world, alice), mute(world, bob)

    world.mutes.remove(first)

    assert [may_speak(world, client) for client in (alice, bob)] == [True, False]
    world.mutes.remove(second)
    with pytest.raises(ChatError, match="there is no mute of"):
        world.mutes.remove(second)
    assert may_speak(world, world.connect(3))


def test_ids_go_on_behind_those_that_are_kept(world) -> None:
    kept = Mute(7, "", ip_network("192.0.2.1/32"), "", frozenset(), "", "x", 0.0)
    mutes = Mutes([kept])

    made = mutes.add(mute_of_network(ip_network("192.0.2.2/32"), reason="", by="x", now=0.0, until=None))

    assert made.id == "m8"


def test_mutes_of_one_address_are_bounded(world) -> None:
    clients = [world.connect(number) for number in range(1, MUTES_PER_NETWORK + 2)]
    for client in clients[:-1]:
        mute(world, client)

    with pytest.raises(ChatError, match="mute the network") as refused:
        mute(world, clients[-1])

    assert refused.value.code == "too-many-mutes"


def test_mutes_are_bounded(world, monkeypatch) -> None:
    monkeypatch.setattr(module, "MUTES_LIMIT", 2)
    mute_network(world, "10.0.0.1")
    mute_network(world, "10.0.0.2", until=world.now + 60)

    with pytest.raises(ChatError, match="already"):
        mute_network(world, "10.0.0.3")
    mute_network(world, "10.0.0.2", until=world.now + 60)  # in place of the earlier one
    world.now += 60
    mute_network(world, "10.0.0.3")


def test_of_very_many_that_end_at_once_none_holds(world) -> None:
    count = 2 * EXPIRED_PER_CALL
    for number in range(count):
        mute_network(world, f"10.0.0.{number}", until=world.now + 60)
    world.now += 60
    last = world.connect(1, f"10.0.0.{count - 1}")

    assert may_speak(world, last)
    assert world.mutes.current(world.now) == []
    assert len(world.mutes) == 0


def test_m4_a_mute_that_a_clock_gone_wrong_ended_holds_again_once_the_clock_is_right() -> None:
    ahead_s = [3600.0]
    mutes = Mutes(ahead_s=lambda: ahead_s[0])
    made = mutes.add(mute_of_network(ip_network("10.0.0.1/32"), reason="", by="console", now=0.0, until=120.0))

    assert mutes.current(3660.0) == []
    ahead_s[0] = 0.0

    assert mutes.current(60.0) == [made]
    assert mutes.current(120.0) == []
    assert len(mutes) == 0


def test_all_others_are_spared_or_the_mute_is_refused(world, monkeypatch) -> None:
    monkeypatch.setattr(module, "SPARED_MAX", 2)
    clients = [world.connect(number) for number in range(1, 4)]
    mute(world, clients[0])
    assert [may_speak(world, client) for client in clients] == [False, True, True]
    world.connect(4)

    with pytest.raises(ChatError, match="3 others are at the address"):
        mute(world, clients[1])

    assert may_speak(world, clients[1])


class Telling:
    """A store that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Mute | int] = []

    def keep_mute(self, mute: Mute) -> None:
        self.told.append(mute)

    def forget_mute(self, number: int) -> None:
        self.told.append(number)


def numbered(number: int, *, reason: str = "", until: float | None = None) -> Mute:
    return Mute(number, "", ip_network(f"10.0.0.{number}/32"), "", frozenset(), reason, "console", 0.0, until)


def test_mutes_of_another_server_are_taken_over_in_steps_and_written_nowhere(monkeypatch) -> None:
    monkeypatch.setattr("trio_chat.chat.operators.restrictions.SYNCED_PER_STEP", 2)
    store = Telling()
    mutes = Mutes([numbered(1), numbered(2), numbered(3)], store)
    kept = [numbered(2), numbered(3, reason="spam"), *map(numbered, range(4, 9))]

    steps = list(mutes.sync(kept))

    assert len(steps) == 2 + 4  # those here, and those kept
    assert mutes.current(0.0) == kept
    assert store.told == []


def test_a_mute_that_ends_while_others_are_taken_over_ends_them_in_no_error(monkeypatch) -> None:
    monkeypatch.setattr("trio_chat.chat.operators.restrictions.SYNCED_PER_STEP", 1)
    mutes = Mutes([numbered(1), numbered(2, until=60.0), numbered(3)])
    steps = mutes.sync([numbered(3)])
    next(steps)

    assert mutes.current(60.0) == [numbered(3)]
    list(steps)

    assert mutes.current(0.0) == [numbered(3)]
