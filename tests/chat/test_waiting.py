"""Messages to a member who is away: they wait, a bounded number of them, and their sender is told."""

from dataclasses import dataclass

import pytest

from tests.chat.conftest import HeldOutlet, World
from tests.chat.test_places import enter, place
from trio_chat.chat.client import Client
from trio_chat.chat.commands import execute
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.log import Mode
from trio_chat.chat.waiting import SENT_MAX, SHARE_MAX, TOTAL_MAX, WAITING_MAX, WaitingMessages


@pytest.fixture
def bob(world) -> Client:
    return world.connect(1001)


def test_a_message_to_a_member_who_is_away_is_kept_in_their_mailbox(world: World, bob: Client) -> None:
    account = world.claim("alice")

    answer = execute(world.chat, bob, "/msg [ALICE®] are you there?")
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
    assert not world.chat.directory.addressee("alice").is_away_member

    world.chat.connection_lost(alice, alice.outlet)
    assert world.chat.directory.addressee("alice").is_away_member

    place(world, 1003)
    assert not world.chat.directory.addressee("alice").is_away_member


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

    alice = enter(world, world.connect(1003))
    world.chat.disconnect(alice)
    assert world.chat.tell(bob, "alice", "hi again")


def test_messages_to_a_member_who_is_here_count_for_nothing(world, bob) -> None:
    alice = place(world, 1002)
    for _ in range(SHARE_MAX + 1):
        world.chat.tell(bob, "alice", "hi")

    world.chat.disconnect(alice)

    assert world.chat.tell(bob, "alice", "are you gone?")


@dataclass
class Posted:
    """A receipt of one message, which the test settles."""

    error: str | None = None
    is_settled: bool = False
    first: Entry | None = None
    """The entry that it repeats."""

    async def kept(self) -> None:
        return

    def repeated(self, session: str, key: str) -> Entry | None:
        return self.first


def test_a_member_who_resumes_is_here_and_more_may_wait_when_they_are_away_again(world, bob) -> None:
    alice = place(world, 1002, session="s")
    world.chat.connection_lost(alice, alice.outlet)
    for _ in range(SHARE_MAX):
        world.chat.tell(bob, "alice", "hi")
    with pytest.raises(ChatError, match="messages of yours wait for"):
        world.chat.tell(bob, "alice", "one more")

    assert world.chat.resume("s", "10.0.0.1", 1003, outlet=HeldOutlet()) is alice
    world.chat.connection_lost(alice, alice.outlet)

    assert world.chat.tell(bob, "alice", "hi again")


def draft(sender: str, key: str = "") -> Draft:
    return Draft(f"@{sender}", Kind.TOLD, sender, "hi", session=sender if key else "", key=key)


def leave_one(waiting: WaitingMessages, recipient: str, sender: str, key: str = "") -> Posted:
    """Count a message whose receipt is not settled yet. Raises ChatError."""
    receipt = Posted()
    waiting.check(recipient, sender, f"{recipient}®")
    waiting.add(recipient, sender, draft(sender, key), receipt, newest_id=10)
    return receipt


def room_left(waiting: WaitingMessages, recipient: str, sender: str) -> int:
    """Leave a member messages up to the bound. -> how many"""
    for number in range(TOTAL_MAX + 1):
        try:
            leave_one(waiting, recipient, sender)
        except ChatError:
            return number
    raise AssertionError("there is no bound")


def test_the_sums_for_a_member_and_of_a_sender_are_bounded() -> None:
    waiting = WaitingMessages()
    for number in range(WAITING_MAX):
        leave_one(waiting, "alice", f"sender {number}")
    with pytest.raises(ChatError, match="as many messages wait for"):
        leave_one(waiting, "alice", "carol")

    for number in range(SENT_MAX):
        leave_one(waiting, f"m{number}", "bob")
    with pytest.raises(ChatError, match="1,000 messages of yours"):
        leave_one(waiting, "dora", "bob")

    waiting.forget("m0")
    leave_one(waiting, "dora", "bob")


def test_the_sum_of_all_is_bounded() -> None:
    waiting = WaitingMessages()
    waiting.restore((f"m{number}", "bob", 1) for number in range(TOTAL_MAX - 1))

    assert room_left(waiting, "alice", "carol") == 1


@pytest.mark.parametrize(
    ("found", "left"),
    [
        ([("alice", "bob", SHARE_MAX - 2)], 2),
        ([("alice", "bob", SHARE_MAX + 9)], 0),
        ([("alice", "", SHARE_MAX)], SHARE_MAX),  # from before senders were kept
        ([("alice", "", WAITING_MAX - 3)], 3),
        ([(f"m{number}", "bob", SHARE_MAX) for number in range(SENT_MAX // SHARE_MAX)], 0),
    ],
)
def test_what_waited_at_the_start_counts(found: list[tuple[str, str, int]], left: int) -> None:
    waiting = WaitingMessages()
    waiting.restore(found)

    assert room_left(waiting, "alice", "bob") == left


def test_a_message_that_could_not_be_kept_counts_no_longer() -> None:
    waiting = WaitingMessages()
    for key in ("", "k"):
        receipt = leave_one(waiting, "alice", "bob", key)
        receipt.error, receipt.is_settled = "the disk is full", True

    assert room_left(waiting, "alice", "bob") == SHARE_MAX


def test_a_repeat_of_what_is_kept_or_on_its_way_counts_once() -> None:
    waiting = WaitingMessages()
    first = leave_one(waiting, "alice", "bob", "k")
    again = leave_one(waiting, "alice", "bob", "k")
    # Posted together, both have the new entry for an answer.
    first.first = again.first = Entry(11, 0.0, draft("bob", "k"))
    first.is_settled = again.is_settled = True
    later = leave_one(waiting, "alice", "bob", "k")
    later.first, later.is_settled = Entry(10, 0.0, draft("bob", "k")), True

    assert room_left(waiting, "alice", "bob") == SHARE_MAX - 1


def test_what_turns_out_not_to_be_kept_takes_nothing_from_a_later_count() -> None:
    waiting = WaitingMessages()
    receipt = leave_one(waiting, "alice", "bob")
    waiting.forget("alice")
    leave_one(waiting, "alice", "bob")
    receipt.error, receipt.is_settled = "the disk is full", True

    assert room_left(waiting, "alice", "bob") == SHARE_MAX - 1


def test_no_more_is_counted_for_a_name_that_was_removed(world, bob) -> None:
    account = world.claim("alice")
    for _ in range(SHARE_MAX):
        world.chat.tell(bob, "alice", "hi")

    world.chat.places.forget_waiting(account)

    assert world.chat.tell(bob, "alice", "hi")


@pytest.mark.parametrize(
    ("addresses", "is_same"), [(("10.0.0.1", "10.0.0.1"), True), (("10.0.0.1", "10.0.0.2"), False)]
)
def test_a_members_copy_tells_guests_apart_by_address_and_no_other_does(
    world: World, addresses: tuple[str, str], is_same: bool
) -> None:
    world.claim("alice")
    member = place(world, 1003, name="carol")
    guests = [world.connect(1001 + number, address) for number, address in enumerate(addresses)]
    for client in (*guests, member):
        world.chat.tell(client, "alice", "hi")
    world.settle()

    told = [it.draft for it in world.heard if it.draft.kind is Kind.TOLD]
    digests = [it.session for it in told if it.to_account == it.room[1:] and not it.account]
    assert [len(digest) for digest in digests] == [6, 6]
    assert (len({*digests}) == 1) is is_same
    assert {it.session for it in told if it.account or it.to_account != it.room[1:]} == {""}


def test_what_is_refused_or_empty_counts_for_nothing(world, bob) -> None:
    world.claim("alice")
    for _ in range(2 * SHARE_MAX):
        assert world.chat.tell(bob, "alice", " ") is None

    assert world.chat.tell(bob, "alice", "hi")
