"""Counters of events, and the reasons of disconnects."""

from collections import Counter

from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.events import Kind
from trio_chat.chat.log import Mode


def test_the_reason_of_each_disconnect_is_reported_and_counted(world) -> None:
    plain, broken, kicked = (world.connect(port) for port in (1001, 1002, 1003))
    alice = world.connect(1004, mode=Mode.FRAMES, session="s")

    world.chat.disconnect(plain)
    world.chat.connection_lost(broken, broken.outlet, DisconnectReason.DEAD)
    world.chat.kick(kicked)
    world.chat.resume("s", "10.0.0.1", 1005, outlet=type(alice.outlet)())
    world.chat.connection_lost(alice, alice.outlet)

    reasons = [
        DisconnectReason.LEFT,
        DisconnectReason.DEAD,
        DisconnectReason.KICKED,
        DisconnectReason.RESUMED,
        DisconnectReason.BROKEN,
    ]
    assert world.disconnects == reasons
    assert world.chat.counters.disconnects == Counter(reasons)
    assert world.chat.counters.connects == {Mode.LINES: 3, Mode.FRAMES: 2}


def test_leaving_after_being_away_for_too_long_is_no_second_disconnect(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")
    world.chat.connection_lost(alice, alice.outlet)

    world.now += 61
    world.chat.tick()

    assert world.disconnects == [DisconnectReason.BROKEN]


def test_entries_and_those_they_were_for_are_counted(world) -> None:
    alice, _ = world.connect(1001), world.connect(1002)
    before = world.chat.counters.deliveries

    world.chat.say(alice, world.lobby, "hello")
    world.settle()

    assert world.chat.counters.entries[Kind.SAID] == 1
    assert world.chat.counters.deliveries == before + 2


def test_bytes_of_connections_that_ended_are_counted(world) -> None:
    alice = world.connect(1001)
    alice.outlet.bytes_out = 70

    world.chat.disconnect(alice)

    assert world.chat.counters.bytes_out == 70
