"""Notices that are summed up: of renames, beside those of joins and leaves."""

import pytest

from trio_chat.chat.crowd import NOTICES_PER_TICK, RENAMES_PER_TICK
from trio_chat.chat.dependencies import Rules
from trio_chat.chat.events import Kind
from trio_chat.chat.log import Mode


def flap(world, client, count: int) -> None:
    for number in range(count):
        world.chat.rename(client, f"name{number}x")


def renames(world) -> list[tuple[str, str]]:
    return [(entry.draft.author, entry.draft.text) for entry in world.heard if entry.draft.kind is Kind.RENAMED]


def test_c21_one_who_renames_60_times_in_a_second_is_announced_a_few_times_and_then_by_the_last_name(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")

    flap(world, alice, 60)
    world.chat.tick()
    world.settle()

    told = renames(world)
    assert told == [
        ("10.0.0.1:1001", "name0x"),
        ("name0x", "name1x"),
        ("name1x", "name2x"),
        ("name2x", "name59x"),
    ]
    assert len(told) == RENAMES_PER_TICK + 1


def test_c21_one_who_ends_up_with_the_name_last_told_is_not_announced_again(world) -> None:
    alice = world.connect(1001)
    flap(world, alice, RENAMES_PER_TICK)

    world.chat.rename(alice, "other")
    world.chat.rename(alice, f"name{RENAMES_PER_TICK - 1}x")
    world.chat.tick()
    world.settle()

    assert len(renames(world)) == RENAMES_PER_TICK


@pytest.mark.parametrize("does", ["say", "act", "topic", "leave", "quit", "kick"])
def test_acts_under_a_new_name_come_after_its_notice(world, does: str) -> None:
    alice, _bob = world.connect(1001), world.connect(1002)
    flap(world, alice, 20)

    match does:
        case "say":
            world.chat.say(alice, world.lobby, "hello")
        case "act":
            world.chat.act(alice, world.lobby, "waves")
        case "topic":
            world.chat.set_topic(alice, world.lobby, "t")
        case "leave":
            world.chat.leave(alice, world.lobby)
        case "quit":
            world.chat.disconnect(alice)
        case "kick":
            world.chat.kick(alice)
    world.settle()
    world.chat.tick()

    assert [entry.draft.author for entry in world.heard[-2:]] == ["name2x", "name19x"]
    assert world.heard[-2].draft.text == "name19x"
    assert not world.posted


def test_the_session_record_has_the_last_name_at_once(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")

    flap(world, alice, 20)

    drafts, [record] = world.calls[-1]
    assert (drafts, record.nick) == ([], "name19x")


def test_renames_in_a_large_room_are_counted_as_joins_and_leaves_are(world) -> None:
    world.chat.rules = Rules(announce_max_members=2)
    people = [world.connect(1000 + number) for number in range(4)]
    world.chat.tick()
    world.settle()
    world.heard.clear()

    for number, client in enumerate(people):
        world.chat.rename(client, f"person-{number}")
    world.chat.disconnect(people[0])
    world.chat.tick()
    world.settle()

    assert [(entry.draft.kind, entry.draft.text) for entry in world.heard] == [
        (Kind.CROWD, "1 left and 4 took another name")
    ]


def test_c16_very_many_who_rename_at_once_are_told_up_to_a_number_in_a_tick(world) -> None:
    people = [world.connect(1000 + number) for number in range(2 * NOTICES_PER_TICK + 50)]
    world.chat.tick()
    world.settle()
    world.heard.clear()

    for number, client in enumerate(people):
        world.chat.rename(client, f"person-{number}")
    world.chat.tick()
    world.settle()

    assert len(renames(world)) == 2 * NOTICES_PER_TICK
    assert world.heard[-1].draft.text == "50 took another name"


def kicks(world) -> list[str]:
    return [entry.draft.author for entry in world.heard if entry.draft.kind is Kind.KICKED]


def test_c16_very_many_who_are_kicked_at_once_are_told_up_to_a_number_in_a_tick(world) -> None:
    people = [world.connect(1000 + number) for number in range(NOTICES_PER_TICK + 50)]
    world.chat.tick()
    world.settle()
    world.heard.clear()

    for client in people:
        world.chat.kick(client)
    world.chat.tick()
    world.settle()

    assert kicks(world) == [f"10.0.0.1:{1000 + number}" for number in range(NOTICES_PER_TICK)]
    assert [entry.draft.text for entry in world.heard[NOTICES_PER_TICK:]] == ["50 were kicked"]


def test_a_kick_is_told_by_name_in_a_large_room_too(world) -> None:
    world.chat.rules = Rules(announce_max_members=2)
    people = [world.connect(1000 + number) for number in range(4)]
    world.chat.tick()
    world.settle()

    world.chat.kick(people[3])
    world.settle()

    assert kicks(world) == ["10.0.0.1:1003"]


def test_one_who_was_only_counted_on_coming_is_kicked_by_name_after_the_summary(world) -> None:
    world.chat.rules = Rules(announce_max_members=0)
    alice = world.connect(1001)

    world.chat.kick(alice)
    world.chat.tick()
    world.settle()

    summaries = [entry.draft.text for entry in world.heard if entry.draft.kind is Kind.CROWD]
    assert summaries == ["1 joined"]
    assert kicks(world) == ["10.0.0.1:1001"]


def test_the_record_of_one_whose_kick_is_counted_has_what_others_were_told_until_the_summary(world) -> None:
    people = [world.connect(1000 + number, mode=Mode.FRAMES, session=f"s{number}") for number in range(150)]
    world.chat.tick()
    world.settle()

    for client in people:
        world.chat.kick(client)
    _, [record] = world.calls[-1]
    world.chat.tick()

    assert record.as_told.rooms == ("lobby",)
    drafts, ends = world.calls[-1]
    assert drafts == [("crowd", "lobby")]
    assert {end.owner for end in ends} == {f"s{number}" for number in range(NOTICES_PER_TICK, 150)}


def test_a_summary_tells_one_kick_from_several(world) -> None:
    people = [world.connect(1000 + number) for number in range(NOTICES_PER_TICK + 1)]
    world.chat.tick()
    world.settle()

    for client in people:
        world.chat.kick(client)
    world.chat.tick()
    world.settle()

    assert world.heard[-1].draft.text == "1 was kicked"
