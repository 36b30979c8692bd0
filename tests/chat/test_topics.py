"""Topics that are summed up: a few are told at once, then only the last one of a tick."""

from collections.abc import Callable, Sequence

import pytest

from trio_chat.chat.client import Client
from trio_chat.chat.events import SUPERSEDED, Draft, Kind, Receipt
from trio_chat.chat.log import Mode
from trio_chat.chat.topics import HELD_MAX, TOPICS_PER_TICK, _as_superseded, digest_of_topic


def flap(world, clients: Sequence[Client], count: int, *, keyed: bool = False) -> list[Receipt]:
    return [
        world.chat.set_topic(
            clients[number % len(clients)], world.lobby, f"topic {number}", key=f"k{number}" if keyed else ""
        )
        for number in range(count)
    ]


def told(world) -> list[str]:
    """The topics that were told, and their sums."""
    return [
        it.draft.text for it in world.heard if it.draft.kind in (Kind.TOPIC, Kind.CROWD) and it.draft.room[0] != "@"
    ]


@pytest.mark.parametrize("keyed", [False, True])
def test_c16_of_60_topics_set_by_two_in_a_second_the_first_are_told_and_the_last_with_their_number(
    world, keyed: bool
) -> None:
    mode, session = (Mode.FRAMES, "s") if keyed else (Mode.LINES, "")
    pair = world.connect(1001), world.connect(1002, mode=mode, session=session)

    flap(world, pair, 60, keyed=keyed)
    world.settle()
    at_once = told(world)
    world.chat.tick()
    world.settle()

    assert at_once == [f"topic {number}" for number in range(TOPICS_PER_TICK)]
    assert told(world)[TOPICS_PER_TICK:] == ["the topic was changed 56 times", "topic 59"]
    assert [it.draft.author for it in world.heard if it.draft.text == "topic 59"] == ["10.0.0.1:1002"]
    assert world.lobby.topic == "topic 59"


def test_after_a_tick_topics_are_told_at_once_again_and_one_that_was_held_alone_is_told_as_it_is(world) -> None:
    alice = world.connect(1001)
    flap(world, [alice], TOPICS_PER_TICK + 1)
    world.chat.tick()
    world.settle()
    world.heard.clear()

    flap(world, [alice], TOPICS_PER_TICK)
    world.settle()

    assert told(world) == ["topic 0", "topic 1", "topic 2"]


def test_topics_of_another_room_are_told_at_once(world) -> None:
    alice = world.connect(1001)
    flap(world, [alice], 20)

    world.chat.set_topic(alice, world.chat.join(alice, "ops").room, "release")
    world.settle()

    assert world.chat.rooms["ops"].topic == "release"


ENDS: dict[str, Callable] = {
    "tick": lambda world, alice: world.chat.tick(),
    "stop": lambda world, alice: world.chat.notices.sum_up(),
    "say": lambda world, alice: world.chat.say(alice, world.lobby, "hello"),
    "say elsewhere": lambda world, alice: world.chat.say(alice, world.chat.rooms["ops"], "hello"),
    "act": lambda world, alice: world.chat.act(alice, world.lobby, "waves"),
    "tell": lambda world, alice: world.chat.tell(alice, "10.0.0.1:1002", "psst"),
    "nick": lambda world, alice: world.chat.rename(alice, "alice"),
    "join": lambda world, alice: world.chat.join(alice, "dev"),
    "claim a name": lambda world, alice: world.chat.places.enter_as(alice, world.claim("alice"), "alice", "password"),
    "leave": lambda world, alice: world.chat.leave(alice, world.lobby),
    "switch": lambda world, alice: world.chat.switch(alice, "dev"),
    "quit": lambda world, alice: world.chat.disconnect(alice),
    "kick": lambda world, alice: world.chat.kick(alice),
    "connection lost": lambda world, alice: world.chat.connection_lost(alice, alice.outlet),
    "away, until the tick": lambda world, alice: _away_until_the_tick(world, alice),
}


def _away_until_the_tick(world, alice: Client) -> None:
    alice.session = "s"
    world.chat.connection_lost(alice, alice.outlet)
    world.chat.tick()


@pytest.mark.parametrize("does", ENDS)
def test_the_last_topic_is_told_before_anything_else_that_its_author_does(world, does: str) -> None:
    alice, _bob = world.connect(1001), world.connect(1002)
    world.chat.join(alice, "ops")
    flap(world, [alice], 20)
    world.settle()
    world.heard.clear()

    ENDS[does](world, alice)
    world.settle()

    mine = [it.draft for it in world.heard if (it.draft.author, it.draft.room) == ("10.0.0.1:1001", "lobby")]
    assert (mine[0].kind, mine[0].text, world.lobby.topic) == (Kind.TOPIC, "topic 19", "topic 19")


def test_a_topic_that_gave_way_is_settled_before_anything_else_that_its_author_says(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    flap(world, [alice, bob], 20)  # the last one is bob's

    world.chat.say(alice, world.lobby, "hello")
    world.settle()

    assert [it.draft.text for it in world.heard[-2:]] == ["topic 19", "hello"]


def test_who_goes_on_setting_topics_in_one_tick_after_something_else_is_still_summed_up(world) -> None:
    alice = world.connect(1001)
    flap(world, [alice], 20)
    world.chat.say(alice, world.lobby, "hello")
    world.settle()
    world.heard.clear()

    flap(world, [alice], 20)
    world.settle()
    world.chat.tick()
    world.settle()

    assert told(world) == ["the topic was changed 19 times", "topic 19"]


def test_a_room_that_is_forgotten_with_a_topic_held_back_has_it_when_it_is_made_again(world) -> None:
    alice = world.connect(1001)
    den = world.chat.join(alice, "den").room
    for number in range(20):
        world.chat.set_topic(alice, den, f"topic {number}")

    world.chat.leave(alice, den)
    world.chat.finish_departures(alice)
    world.chat.rooms.forget_unspoken()  # before anything of it is kept
    assert world.chat.rooms.find("den") is None
    world.settle()

    assert world.chat.join(alice, "den").room.topic == "topic 19"


def test_a_topic_of_the_server_is_told_at_once_and_wins_over_what_is_held(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")
    *_, receipt = flap(world, [alice], 20, keyed=True)

    world.chat.set_topic_as_server(world.lobby, "from above")
    world.settle()
    at_once = world.lobby.topic
    world.chat.tick()
    world.settle()

    assert (at_once, world.lobby.topic) == ("from above", "from above")
    assert told(world)[TOPICS_PER_TICK:] == ["the topic was changed 17 times", "from above"]
    first = receipt.repeated(alice.session, "k19")
    assert first
    expected = (SUPERSEDED, "lobby", digest_of_topic("topic 19"))
    assert (first.draft.room, first.draft.to, first.draft.text) == expected


def test_what_gave_way_is_kept_with_what_it_gave_way_to_and_nobody_is_sent_it(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")
    posts: list[tuple[list[Draft], list[Draft]]] = []
    notices = world.chat.notices._topics
    post, notices._post = (
        notices._post,
        lambda *drafts, superseded=(): (
            posts.append((list(drafts), list(superseded))),
            post(*drafts, superseded=superseded),
        )[1],
    )

    flap(world, [alice], 6, keyed=True)
    world.chat.tick()
    world.settle()

    drafts, superseded = posts[-1]
    assert [(draft.kind, draft.key) for draft in drafts] == [(Kind.CROWD, ""), (Kind.TOPIC, "k5")]
    assert [(draft.room, draft.key) for draft in superseded] == [(SUPERSEDED, "k3"), (SUPERSEDED, "k4")]
    assert len({draft.text for draft in superseded}) == 2
    assert "topic 4" not in world.hear(alice)


def test_the_same_key_again_is_not_another_change_and_takes_no_later_topics_place(world) -> None:
    alice, bob = (world.connect(port, mode=Mode.FRAMES, session=str(port)) for port in (1001, 1002))
    flap(world, [bob], TOPICS_PER_TICK)
    world.chat.set_topic(alice, world.lobby, "old", key="k")
    world.chat.set_topic(bob, world.lobby, "new", key="n")

    world.chat.set_topic(alice, world.lobby, "old", key="k")
    world.chat.tick()
    world.settle()

    assert world.lobby.topic == "new"
    assert told(world)[TOPICS_PER_TICK:] == ["the topic was changed once", "new"]


def test_very_many_topics_are_not_held_until_the_tick(world) -> None:
    alice = world.connect(1001, mode=Mode.FRAMES, session="s")

    flap(world, [alice], HELD_MAX + TOPICS_PER_TICK, keyed=True)
    world.settle()

    assert world.lobby.topic == f"topic {HELD_MAX + TOPICS_PER_TICK - 1}"


@pytest.mark.parametrize("between", ["say", "nick", "other room"])
def test_c16_flapping_costs_others_no_more_entries_than_its_sender(world, between: str) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    other = world.chat.join(alice, "ops").room
    world.settle()
    before, requests = len(world.heard), 0

    for number in range(60):
        for client in (alice, bob):
            world.chat.set_topic(client, world.lobby, f"{client.port} {number}")
        match between:
            case "say":
                world.chat.say(alice, world.lobby, "hello")
            case "nick":
                world.chat.rename(alice, f"name{number}x")
            case "other room":
                world.chat.set_topic(alice, other, f"topic {number}")
        requests += 3 + (between == "nick")  # a nick is priced for each room
    world.chat.tick()
    world.settle()

    assert len(world.heard) - before <= requests


def test_the_words_of_topics_that_gave_way_are_not_kept() -> None:
    kept = _as_superseded(Draft("lobby", Kind.TOPIC, "alice", "a secret of alice", key="k")).text

    assert kept == digest_of_topic("a secret of alice")
    assert "secret" not in kept
    assert len(kept) == 22
    assert kept != digest_of_topic("a secret of bob")
