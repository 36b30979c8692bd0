"""Removal of an entry, as those in its room see it."""

import pytest
from msgspec.structs import replace

from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY, Draft, Entry, Kind
from trio_chat.chat.log import Mode
from trio_chat.chat.operators.removals import check_removable
from trio_chat.chat.removal import REASON_MAX, REMOVABLE, notice_of, target_of, tombstone_of


def remove(world, entry: Entry, reason: str = "") -> None:
    """Remove an entry, as a journal does: its tombstone comes first."""
    world.chat.remove(entry, reason=reason)
    world.chat.deliver([tombstone_of(entry)])
    world.settle()


def say(world, client, text: str = "secret") -> Entry:
    world.chat.say(client, world.lobby, text, key="k")
    world.settle()
    return world.heard[-1]


def test_everybody_is_told_of_a_removal_with_its_reason_and_its_author_too(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    entry = say(world, alice)
    world.hear(bob)

    remove(world, entry, " rude\x1b[31m\u202e ")

    told = "*** a message of [10.0.0.1:1001] was removed: rude ***\n"
    assert world.hear(bob) == world.hear(alice) == told


def test_a_member_that_has_not_been_sent_a_removed_entry_is_sent_its_tombstone(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    entry = say(world, alice)
    say(world, alice, "later")

    remove(world, entry)

    gone = "*** a message of [10.0.0.1:1001] was removed ***\n"
    assert world.hear(bob) == f"{gone}[10.0.0.1:1001]> later\n{gone}"


def test_the_window_keeps_nothing_of_a_removed_entry(world) -> None:
    alice, _, _ = world.connect(1001), world.connect(1002), world.connect(1003, mode=Mode.FRAMES)
    entry = say(world, alice)
    tracks = [world.lobby.log.open_track(mode) for mode in Mode]
    assert all(b"secret" in b"".join(track.pieces) for track in tracks)

    remove(world, entry)

    assert not any(b"secret" in b"".join(track.pieces) for track in tracks)


def test_a_tombstone_comes_into_no_room_as_news(world) -> None:
    alice = world.connect(1001)
    entry = say(world, alice)
    before, deliveries = world.chat.rooms.last_id, world.chat.counters.deliveries

    world.chat.deliver([tombstone_of(entry)])

    assert (world.chat.rooms.last_id, world.chat.counters.deliveries) == (before, deliveries)


def test_with_the_current_topic_the_room_loses_it(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    world.chat.set_topic(alice, world.lobby, "rude")
    world.settle()
    entry = world.heard[-1]
    world.hear(bob)

    remove(world, entry)

    assert world.lobby.topic == ""
    assert world.hear(bob) == (
        "*** the topic set by [10.0.0.1:1001] was removed ***\n*** [server] cleared the topic ***\n"
    )


def test_an_earlier_topic_is_removed_and_the_current_one_stays(world) -> None:
    alice = world.connect(1001)
    for topic in ("rude", "tea"):
        world.chat.set_topic(alice, world.lobby, topic)
    world.settle()

    remove(world, world.heard[-2])

    assert world.lobby.topic == "tea"


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in REMOVABLE])
def test_only_what_was_said_can_be_removed(kind: Kind) -> None:
    with pytest.raises(ChatError, match="only") as refused:
        check_removable(Entry(7, 0.0, Draft(LOBBY, kind, "bob", "bob", "3")))

    assert refused.value.code == "not-removable"


def test_what_is_removed_already_is_not_removed_again() -> None:
    tombstone = tombstone_of(Entry(7, 0.0, Draft(LOBBY, Kind.SAID, "bob", "secret")))

    with pytest.raises(ChatError, match="entry 7 was removed before"):
        check_removable(tombstone)


def test_a_notice_has_the_words_of_its_reason_alone_and_not_many() -> None:
    entry = Entry(7, 0.0, Draft("@bob", Kind.TOLD, "bob", "secret", "alice", "c1", "s", "k"))

    notice, tombstone = notice_of(entry, "x" * 1000), tombstone_of(entry)

    assert target_of(notice) == 7
    assert target_of(tombstone.draft) is None
    assert len(notice.text) < REASON_MAX + 60
    assert tombstone == replace(
        entry, draft=Draft("@bob", Kind.REMOVED, "bob", "a message of [bob] was removed", session="s", key="k")
    )
