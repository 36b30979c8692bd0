"""A claimed name is nobody's but its owner's, at each door of the chat; and its mark is in nobody's text."""

import pytest

from tests.chat.conftest import World
from trio_chat.chat.drafts import checked_topic, readable
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import MARK
from trio_chat.chat.log import Mode
from trio_chat.chat.nicks import NICK_MAX, guest_name, is_guest_name
from trio_chat.chat.operators.hooks import Hook, Hooks
from trio_chat.chat.session_record import SessionRecord

SPELLINGS = ["alice", "ALICE", "аlice", "ａｌｉｃｅ"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_claimed_name_is_refused_however_it_is_written_though_nobody_is_here_under_it(world, spelling: str) -> None:
    world.claim("alice")
    impostor = world.connect(1001)

    with pytest.raises(ChatError) as refused:
        world.chat.rename(impostor, spelling)

    assert refused.value.code == "name-claimed"
    assert "/login alice" in refused.value.text
    assert impostor.label == "10.0.0.1:1001"


def test_a_hook_and_the_api_cannot_speak_under_a_claimed_name(world) -> None:
    world.claim("alice")

    with pytest.raises(ChatError) as spoken:
        world.chat.speak_as("Alice", world.lobby, "I am alice")
    with pytest.raises(ChatError) as hooked:
        Hooks(world.chat).add(Hook("аlice", "lobby", "0" * 64, "console", 0.0))

    assert spoken.value.code == hooked.value.code == "name-claimed"
    assert not world.posted


def test_a_hook_of_before_the_claim_says_nothing_under_the_name(world) -> None:
    hook = Hook("alice", "lobby", "0" * 64, "console", 0.0)
    Hooks(world.chat, [hook])
    world.claim("alice")

    with pytest.raises(ChatError) as refused:
        world.chat.speak_as(hook.name, world.lobby, "hi", session=hook.session)

    assert refused.value.code == "name-claimed"


def test_a_guest_whose_nick_was_claimed_while_the_server_was_down_is_not_restored(world) -> None:
    record = SessionRecord("s" * 32, Mode.FRAMES, "alice", "alice", ("lobby",), "10.0.0.1")
    world.claim("ALICE")

    with pytest.raises(ChatError) as refused:
        world.chat.restore(record)

    assert refused.value.code == "name-claimed"
    assert not world.chat.away
    assert not world.lobby.members


@pytest.mark.parametrize("account", ["", "f" * 16])
def test_a_place_whose_name_is_free_or_anothers_now_is_not_restored(world, account: str) -> None:
    if account:
        world.claim("alice")
    record = SessionRecord("s" * 32, Mode.FRAMES, "alice", "alice", ("lobby",), "10.0.0.1", account=account or "e" * 16)

    with pytest.raises(ChatError):
        world.chat.restore(record)

    assert not world.chat.away


@pytest.mark.parametrize("names", ["claimed", "members"])
def test_guests_have_names_of_guests_where_the_others_are_for_members(names: str) -> None:
    world = World()
    world.chat.rules = type(world.rules)(names=names)
    bob = world.connect(1001)

    world.chat.rename(bob, "bob")

    assert bob.label == "guest-bob"
    assert world.chat.rename(bob, "bob") is None
    assert world.chat.rename(bob, "Guest-bob") is not None
    with pytest.raises(ChatError, match="18 characters"):
        world.chat.rename(bob, "b" * 19)


def test_a_name_of_a_guest_is_known_in_any_spelling() -> None:
    assert guest_name("bob") == "guest-bob"
    assert guest_name("guest-bob") == "guest-bob"
    assert all(map(is_guest_name, ("guest-bob", "GUEST-bob", "guеst-x")))
    assert not is_guest_name("guestbob")
    assert len(guest_name("b" * 18)) == NICK_MAX


@pytest.mark.parametrize("said", [MARK, f" {MARK} ", f"{MARK}\ufe0f", f"\x1b{MARK}"])
def test_nothing_is_left_of_a_mark_that_somebody_says(said: str) -> None:
    assert readable(said).strip() == ""
    assert checked_topic(said) == ""


def test_the_mark_is_in_nothing_that_is_said(world) -> None:
    bob, alice = world.connect(1001), world.connect(1002)
    text = f"so it goes [alice{MARK}]> hi"

    world.chat.say(bob, world.lobby, text)
    world.chat.act(bob, world.lobby, text)
    world.chat.tell(bob, alice.label, text)
    world.chat.set_topic(bob, world.lobby, text)
    world.chat.speak_as("ci", world.lobby, text)
    world.settle()

    heard = world.hear(alice)
    assert heard.count("so it goes [alice]> hi\n") == 4
    assert MARK not in heard


def test_a_nick_cannot_bear_the_mark(world) -> None:
    bob = world.connect(1001)

    with pytest.raises(ChatError) as refused:
        world.chat.rename(bob, f"alice{MARK}")

    assert refused.value.code == "bad-nick"
