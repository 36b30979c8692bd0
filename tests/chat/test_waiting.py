"""Messages to a member who is away: they wait, a bounded number of them, and their sender is told."""

import pytest

from tests.chat.conftest import HeldOutlet, World
from tests.chat.test_places import enter, place
from trio_chat.chat.client import Client
from trio_chat.chat.commands import obey
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Kind
from trio_chat.chat.log import Mode
from trio_chat.chat.waiting import SENT_MAX, SHARE_MAX, WAITING_MAX, WaitingMessages


@pytest.fixture
def bob(world) -> Client:
    return world.connect(1001)


def test_a_message_to_a_member_who_is_away_is_kept_in_their_mailbox(world: World, bob: Client) -> None:
    account = world.claim("alice")

    answer = obey(world.chat, bob, "/msg [ALICE®] are you there?")
    world.settle()

    assert answer.confirmation == (
        "*** to [alice®]: are you there? ***",
        "*** [alice®] is not here: this waits for them ***",
    )
    told = [it.draft for it in world.heard if it.draft.kind is Kind.TOLD]
    assert [it.room for it in told] == [f"@{account}", bob.mailbox_name]
    assert {(it.author, it.to, it.to_account) for it in told} == {(bob.label, "alice", account)}


def test_a_member_whose_last_connection_broke_is_away_and_one_in_another_place_is_here(world, bob) -> None:
    alice = place(world, 1002, session="s")
    assert not world.chat.addressee("alice").is_away_member

    world.chat.connection_lost(alice, alice.outlet)
    assert world.chat.addressee("alice").is_away_member

    place(world, 1003)
    assert not world.chat.addressee("alice").is_away_member


def test_a_name_that_nobody_owns_and_nobody_has_is_told_as_ever(world, bob) -> None:
    with pytest.raises(ChatError, match="nobody here is called carol"):
        world.chat.tell(bob, "carol", "hi")


def test_the_share_of_one_address_is_bounded_until_the_member_is_here_again(world, bob) -> None:
    world.claim("alice")
    again = world.connect(1002)
    for number in range(SHARE_MAX):
        world.chat.tell((bob, again)[number % 2], "alice", "hi")

    with pytest.raises(ChatError, match="messages of yours wait for") as refusal:
        world.chat.tell(bob, "alice", "one more")
    assert refusal.value.code == "full"
    elsewhere = world.chat.connect("10.9.9.9", 1, mode=Mode.LINES, outlet=HeldOutlet())
    assert world.chat.tell(elsewhere, "alice", "hi")

    enter(world, world.connect(1003))
    assert world.chat.tell(bob, "alice", "hi again")


def test_the_sums_for_a_member_and_of_a_sender_are_bounded() -> None:
    waiting = WaitingMessages()
    for number in range(WAITING_MAX):
        waiting.check("alice", f"sender {number}", "alice®")
        waiting.add("alice", f"sender {number}")
    with pytest.raises(ChatError, match="as many messages wait for"):
        waiting.check("alice", "carol", "alice®")

    for number in range(SENT_MAX):
        waiting.check(f"m{number}", "bob", "m®")
        waiting.add(f"m{number}", "bob")
    with pytest.raises(ChatError, match="1,000 messages of yours"):
        waiting.check("dora", "bob", "dora®")

    waiting.forget("m0")
    waiting.check("dora", "bob", "dora®")


def test_what_is_refused_or_empty_counts_for_nothing(world, bob) -> None:
    world.claim("alice")
    for _ in range(2 * SHARE_MAX):
        assert world.chat.tell(bob, "alice", " ") is None

    assert world.chat.tell(bob, "alice", "hi")
