"""Session records: each travels with the notices of the change that it records, in one transaction."""

import pytest
from msgspec.structs import replace

from tests.chat.conftest import HeldOutlet, World
from trio_chat.chat.client import Client
from trio_chat.chat.crowd import UNTOLD_MAX
from trio_chat.chat.dependencies import Rules
from trio_chat.chat.log import Mode
from trio_chat.chat.session_record import SessionEnd, SessionRecord, Told


def come(world: World, *rooms: str) -> Client:
    client = world.chat.connect("10.0.0.1", 5, mode=Mode.FRAMES, outlet=HeldOutlet(), session="secret")
    for room in rooms:
        world.chat.join(client, room)
    return client


def record(*rooms: str, nick: str = "") -> SessionRecord:
    return SessionRecord("secret", "frames", nick or "10.0.0.1:5", nick, rooms, "10.0.0.1")


def test_each_join_carries_the_rooms_of_then(world: World) -> None:
    come(world, "lobby", "ops")

    assert world.calls == [
        ([("joined", "lobby")], [record("lobby")]),
        ([("joined", "ops")], [record("lobby", "ops")]),
    ]


def test_renaming_in_many_rooms_carries_one_record(world: World) -> None:
    rooms = [f"room{number}" for number in range(50)]
    client = come(world, *rooms)
    world.calls.clear()

    world.chat.rename(client, "alice")

    assert world.calls == [([("renamed", room) for room in rooms], [record(*rooms, nick="alice")])]


def test_a_name_taken_in_no_room_is_recorded_without_a_notice(world: World) -> None:
    client = come(world)

    assert world.chat.rename(client, "alice") is None

    assert world.calls == [([], [record(nick="alice")])]


def test_leaving_a_room_carries_those_that_are_left(world: World) -> None:
    client = come(world, "lobby", "ops")
    world.calls.clear()

    world.chat.leave(client, world.lobby)

    assert world.calls == [([("left", "lobby")], [record("ops")])]


@pytest.mark.parametrize(("end", "kind"), [("disconnect", "left"), ("kick", "kicked")])
def test_the_end_of_a_session_comes_with_all_its_notices(world: World, end: str, kind: str) -> None:
    client = come(world, "lobby", "ops")
    world.calls.clear()

    getattr(world.chat, end)(client)

    assert world.calls == [([(kind, "lobby"), (kind, "ops")], [SessionEnd("secret")])]


def untold(change: SessionRecord, *rooms: str, label: str = "10.0.0.1:5") -> SessionRecord:
    """A record of which others know only this."""
    return replace(change, told=Told(label, rooms))


def test_a_client_counted_in_a_crowd_is_recorded_at_once_and_as_told_with_the_sum(world: World) -> None:
    world.chat.rules = Rules(announce_max_members=0)

    come(world, "lobby")
    world.chat.tick()

    assert world.calls == [
        ([], [untold(record("lobby"))]),
        ([("crowd", "lobby")], [record("lobby")]),
    ]


def test_of_one_who_came_and_went_between_two_sums_nothing_stays(world: World) -> None:
    world.chat.rules = Rules(announce_max_members=0)

    world.chat.disconnect(come(world, "lobby"))
    world.chat.tick()

    assert world.calls == [
        ([], [untold(record("lobby"))]),
        ([], [SessionEnd("secret")]),
        ([("crowd", "lobby")], []),
    ]


def test_one_who_left_uncounted_yet_is_recorded_until_the_sum(world: World) -> None:
    client = come(world, "lobby", "ops")
    world.chat.rules = Rules(announce_max_members=-1)
    world.calls.clear()

    world.chat.disconnect(client)
    world.chat.tick()

    gone = SessionRecord("secret", "lines", "10.0.0.1:5", "", ())
    drafts, sessions = world.calls[-1]
    assert world.calls[0] == ([], [untold(gone, "ops", "lobby")])
    assert (sorted(drafts), sessions) == ([("crowd", "lobby"), ("crowd", "ops")], [SessionEnd("secret")])


def test_a_name_that_is_held_back_is_recorded_beside_the_one_that_was_told(world: World) -> None:
    client = come(world, "lobby")
    for number in range(20):
        world.chat.rename(client, f"name{number}x")

    assert world.calls[-1] == ([], [untold(record("lobby", nick="name19x"), "lobby", label="name2x")])

    world.chat.tick()

    assert world.calls[-1] == ([("renamed", "lobby")], [record("lobby", nick="name19x")])


@pytest.mark.parametrize("does", ["say", "act", "topic"])
def test_a_client_that_was_only_counted_is_announced_before_it_speaks(world: World, does: str) -> None:
    world.chat.rules = Rules(announce_max_members=0)
    client, other = come(world, "lobby"), world.connect(6)
    world.calls.clear()

    match does:
        case "say":
            world.chat.say(client, world.lobby, "hello")
        case "act":
            world.chat.act(client, world.lobby, "waves")
        case "topic":
            world.chat.set_topic(client, world.lobby, "t")

    assert world.calls[0][0] == [("crowd", "lobby")]
    assert [record("lobby"), other.session_record] == world.calls[0][1]
    assert len(world.calls) == 2


def test_a_rename_to_a_name_in_use_is_announced_after_its_old_owner(world: World) -> None:
    alice, bob = world.connect(1), world.connect(2)
    for number in range(5):
        world.chat.rename(alice, f"name{number}x")

    world.chat.rename(bob, "name2x")
    world.settle()

    told = [(entry.draft.author, entry.draft.text) for entry in world.heard[-2:]]
    assert told == [("name2x", "name4x"), ("10.0.0.1:2", "name2x")]


def test_notices_owed_by_a_killed_server_are_posted_by_the_next_one(world: World) -> None:
    known = [SessionRecord(f"s{n}", "frames", f"n{n}", f"n{n}", ("lobby",), told=told) for n, told in enumerate(TOLD)]
    for one in known:
        world.chat.restore(one)
    gone = SessionRecord("c1", "lines", "10.0.0.9:9", "", ("lobby",), told=Told("10.0.0.9:9", ()))
    world.chat.announce_departure(gone)
    left = SessionRecord("c2", "lines", "10.0.0.9:8", "", (), told=Told("10.0.0.9:8", ("lobby",)))
    world.chat.announce_departure(left)

    world.chat.notices.sum_up()
    world.settle()

    assert [(it.draft.kind, it.draft.author, it.draft.text) for it in world.heard] == [
        ("left", "10.0.0.9:8", ""),
        ("renamed", "was", "n1"),
        ("crowd", "server", "1 joined"),
    ]
    assert world.calls[-1][1] == [replace(one, told=None) for one in known[:2]]


TOLD = (Told("n0", ()), Told("was", ("lobby",)), None)
"""Of three clients in the lobby, what others knew."""


def test_very_much_that_is_untold_is_told_before_the_tick(world: World) -> None:
    world.chat.rules = Rules(announce_max_members=0)

    for port in range(UNTOLD_MAX):
        client = world.chat.connect("10.0.0.1", 1024 + port, mode=Mode.LINES, outlet=HeldOutlet())
        world.chat.join(client, "lobby")

    assert [draft.text for draft in world.posted] == [f"{UNTOLD_MAX:,} joined"]


def test_another_address_is_recorded_when_a_session_is_resumed(world: World) -> None:
    come(world, "lobby")
    world.calls.clear()

    for address in ("10.0.0.1", "10.0.0.2"):
        world.chat.resume("secret", address, 7, outlet=HeldOutlet())

    assert world.calls == [([], [replace(record("lobby"), address="10.0.0.2")])]
