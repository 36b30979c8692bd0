"""Announcements: who hears them, and who does not."""

import pytest

from trio_chat.chat.commands import execute
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Kind
from trio_chat.chat.log import Mode
from trio_chat.chat.operators.announcements import (
    COPIES_MAX_BYTES,
    DRAFTS_PER_STEP,
    announced_lines,
    check_copies,
    everywhere,
    in_rooms,
    to_clients,
)


def test_everybody_hears_it_in_each_room_with_people_and_without_a_room(world) -> None:
    alice, bob = world.connect(1), world.connect(2)
    alone = world.chat.connect("10.0.0.1", 3, mode=Mode.FRAMES, outlet=bob.outlet, session="a" * 32)
    execute(world.chat, bob, "/join dev")
    world.chat.rooms.enter("empty")
    world.settle()
    for client in (alice, bob):
        world.hear(client)

    steps = list(everywhere(world.chat, ["lunch"], []))
    rooms = [draft.room for draft in world.posted]
    world.settle()

    assert steps == [2, 3]
    assert rooms == ["lobby", "dev", f"@{'a' * 32}"]
    assert [world.hear(client) for client in (alice, bob)] == ["[server]> lunch\n"] * 2
    assert world.hear(alone).endswith(" lunch\n")


def test_a_room_alone_hears_it(world) -> None:
    alice, bob = world.connect(1), world.connect(2)
    execute(world.chat, bob, "/join dev")
    world.settle()
    for client in (alice, bob):
        world.hear(client)

    list(in_rooms(world.chat, ["dev"], ["one", "", "two"], []))
    world.settle()

    assert world.hear(bob) == "[server]> one\n[server]> \n[server]> two\n"
    assert world.hear(alice) == ""


def test_some_alone_hear_it_and_those_who_left_meanwhile_do_not(world) -> None:
    alice, bob, carol = (world.connect(number) for number in (1, 2, 3))
    world.chat.disconnect(carol)
    world.settle()
    world.hear(bob)
    receipts: list = []

    count = list(to_clients(world.chat, [alice, carol], ["psst"], receipts))
    drafts = list(world.posted)
    world.settle()

    assert count == [1]
    assert len(receipts) == 1
    assert [(draft.kind, draft.author, draft.room) for draft in drafts] == [(Kind.ANNOUNCED, "server", "@c1")]
    assert world.hear(alice).endswith("[server]> psst\n")
    assert world.hear(bob) == ""
    assert carol.mailbox is None


def test_one_who_is_away_hears_it_on_coming_back(world) -> None:
    alice = world.connect(1, mode=Mode.FRAMES, session="a" * 32)
    world.chat.rooms.open_mailbox(alice)
    world.chat.connection_lost(alice, alice.outlet)

    list(to_clients(world.chat, [alice], ["psst"], []))
    world.settle()
    world.chat.resume("a" * 32, "10.0.0.1", 2, outlet=alice.outlet)

    assert world.hear(alice).endswith(" psst\n")


def test_very_many_are_told_some_in_each_step(world) -> None:
    clients = [
        world.chat.connect("10.0.0.1", number, mode=Mode.LINES, outlet=world.connect(9).outlet)
        for number in range(1, 2 * DRAFTS_PER_STEP)
    ]
    world.calls.clear()

    steps = list(to_clients(world.chat, clients, ["one", "two"], []))

    assert steps[:2] == [DRAFTS_PER_STEP // 2, DRAFTS_PER_STEP]
    assert {len(drafts) for drafts, _ in world.calls} == {DRAFTS_PER_STEP, DRAFTS_PER_STEP - 2}


@pytest.mark.parametrize("text", ["", " ", "\x1b", "\u200b"])
def test_nothing_readable_is_refused(text: str) -> None:
    with pytest.raises(ChatError, match="nothing readable"):
        announced_lines([text])


def test_copies_are_bounded_by_their_bytes() -> None:
    check_copies(["x" * 512], COPIES_MAX_BYTES // 1024)

    with pytest.raises(ChatError, match="16 MiB is the most"):
        check_copies(["x" * 512], COPIES_MAX_BYTES // 1024 + 1)
