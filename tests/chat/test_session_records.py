"""Session records: each travels with the notices of the change that it records, in one transaction."""

import pytest

from tests.chat.conftest import HeldOutlet, World
from trio_chat.chat.client import Client
from trio_chat.chat.dependencies import Rules
from trio_chat.chat.log import Mode
from trio_chat.chat.session_record import SessionEnd, SessionRecord


def come(world: World, *rooms: str) -> Client:
    client = world.chat.connect("10.0.0.1", 5, mode=Mode.FRAMES, outlet=HeldOutlet(), session="secret")
    for room in rooms:
        world.chat.join(client, room)
    return client


def record(*rooms: str, nick: str = "") -> SessionRecord:
    return SessionRecord("secret", "frames", nick or "10.0.0.1:5", nick, rooms)


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


def test_whoever_is_counted_in_a_crowd_is_recorded_all_the_same(world: World) -> None:
    world.chat.rules = Rules(announce_max_members=0)

    client = come(world, "lobby")
    world.chat.disconnect(client)

    assert world.calls == [([], [record("lobby")]), ([("left", "lobby")], [SessionEnd("secret")])]
