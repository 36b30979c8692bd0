"""One person in several places: others see one, who joins once, leaves once, and reads everywhere."""

from dataclasses import replace

import pytest
from msgspec import structs

from tests.chat.conftest import HeldOutlet, World
from trio_chat.chat.client import Client
from trio_chat.chat.commands import execute
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.dependencies import Rules
from trio_chat.chat.errors import ChatError
from trio_chat.chat.log import Mode
from trio_chat.chat.nicks import fold_name
from trio_chat.chat.operators.announcements import to_clients
from trio_chat.chat.operators.bans import kick_banned, make_ban
from trio_chat.chat.operators.mutes import collect_clients, home_of, mute_of_client
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.places import PLACES_MAX
from trio_chat.chat.remote_clients import ClientFacts, RemoteClient
from trio_chat.chat.session_record import PERSON, SessionRecord, Told


def enter(world: World, client: Client, name: str = "alice", proven_by: str = "password") -> Client:
    """Let a client prove a name, which is claimed for that if need be."""
    owner = world.owners.get(fold_name(name))
    account = owner.id if owner else world.claim(name)
    world.chat.places.enter_as(client, account, name, proven_by)
    world.settle()
    return client


def place(world: World, port: int, name: str = "alice", *, address: str = "10.0.0.1", **options) -> Client:
    """Connect a client that proves a name before it joins anything, as by `hello`."""
    client = world.chat.connect(address, port, mode=options.pop("mode", Mode.FRAMES), outlet=HeldOutlet(), **options)
    enter(world, client, name)
    world.chat.join(client, "lobby")
    world.settle()
    return client


@pytest.fixture
def bob(world) -> Client:
    return world.connect(1001)


def test_somebody_who_proves_a_name_in_a_room_is_told_of_once_and_marked_from_then_on(world, bob) -> None:
    alice = world.connect(1002)
    enter(world, alice)
    world.chat.say(alice, world.lobby, "hi")
    world.settle()

    assert world.hear(bob) == "*** [10.0.0.1:1002] is now [alice®] ***\n[alice®]> hi\n"
    assert world.hear(alice) == ""
    assert (alice.account, alice.proven_by, alice.nick) == (world.owners[fold_name("alice")].id, "password", "alice")


def test_a_second_place_joins_and_leaves_unseen_and_the_last_one_leaves(world, bob) -> None:
    first, second = place(world, 1002), place(world, 1003)
    joined = world.hear(bob)
    world.chat.disconnect(first)
    world.settle()
    unseen = world.hear(bob)
    world.chat.disconnect(second)
    world.settle()

    assert joined == "*** [alice®] joined the chat ***\n"
    assert unseen == ""
    assert world.hear(bob) == "*** [alice®] left the chat ***\n"


def test_another_room_is_joined_and_left_by_somebody_who_stays_in_the_chat(world, bob) -> None:
    place(world, 1002)
    second = place(world, 1003)
    world.chat.join(bob, "dev")
    world.settle()
    world.hear(bob)

    world.chat.join(second, "dev")
    world.chat.disconnect(second)
    world.settle()

    assert world.hear(bob) == "*** [alice®] joined #dev ***\n*** [alice®] left #dev ***\n"


def test_the_lobby_is_joined_and_left_as_a_room_by_somebody_who_is_in_another_one(world, bob) -> None:
    first = world.chat.connect("10.0.0.1", 1002, mode=Mode.FRAMES, outlet=HeldOutlet())
    world.chat.join(enter(world, first), "dev")

    second = place(world, 1003)
    world.chat.disconnect(second)
    world.settle()

    assert world.hear(bob) == "*** [alice®] joined #lobby ***\n*** [alice®] left #lobby ***\n"


def told_of(world: World) -> dict[str, tuple[str, str] | None]:
    """The label and account that the last records kept say others were told of, by owner."""
    changes = [change for change in world.calls[-1][1] if isinstance(change, SessionRecord)]
    return {it.owner: (told.label, told.account) if (told := it.as_told) else None for it in changes}


def test_in_a_large_room_names_that_are_proven_are_counted_and_a_restart_knows_what_was_told() -> None:
    world = World(rules=Rules(announce_max_members=1))
    bob, alice, other = (world.connect(port) for port in (1001, 1002, 1003))
    world.chat.tick()
    world.settle()
    world.hear(bob)
    account = world.claim("alice")

    for client, sum_of_it, person in ((alice, "1 took another name", None), (other, "1 left", ("alice", account))):
        enter(world, client)
        unheard, before = world.hear(bob), told_of(world)
        world.chat.tick()
        world.settle()

        assert unheard == ""
        assert before == {client.owner: (client.peer, ""), client.person: person}
        assert world.hear(bob) == f"*** {sum_of_it} ***\n"
        assert told_of(world)[client.owner] is None
    assert world.lobby.headcount == 2


def test_who_counts_a_person_once_and_knows_the_place_that_asks(world, bob) -> None:
    place(world, 1002)
    second = place(world, 1003, mode=Mode.LINES)

    assert execute(world.chat, second, "/who").lines == ("*** 2 in #lobby: [10.0.0.1:1001], [alice®] (you) ***",)
    assert execute(world.chat, bob, "/rooms").lines == ("  #lobby      2",)
    assert world.lobby.headcount == 2
    assert len(world.lobby.members) == 3


def test_a_private_message_goes_to_all_places_and_what_one_says_the_others_see(world, bob) -> None:
    places = [place(world, 1002, mode=Mode.LINES), place(world, 1003, mode=Mode.LINES)]
    for client in places:
        world.hear(client)

    world.chat.tell(bob, "alice®", "psst")
    world.chat.tell(places[0], bob.label, "yes?")
    world.chat.say(places[0], world.lobby, "hello")
    world.settle()

    told = "[10.0.0.1:1001 -> alice®]> psst\n"
    assert sorted(world.hear(places[0]).splitlines(True)) == [told]
    answered = "[alice® -> 10.0.0.1:1001]> yes?\n"
    assert sorted(world.hear(places[1]).splitlines(True)) == sorted([told, answered, "[alice®]> hello\n"])
    with pytest.raises(ChatError) as refused:
        world.chat.tell(places[1], "alice", "me")
    assert refused.value.code == "yourself"


def test_a_message_to_the_guest_of_before_is_still_delivered_and_later_ones_go_to_the_account(world, bob) -> None:
    alice = world.connect(1002)
    world.chat.tell(bob, alice.label, "before")
    enter(world, alice)
    world.chat.finish_departures(alice)

    assert b"before" in alice.outlet.written
    assert alice.mailbox.room.name == f"@{alice.account}"
    assert not any(name == f"@{alice.id}" for name in world.chat.rooms._mailboxes)


def test_an_announcement_is_once_in_the_mailbox_of_several_places(world) -> None:
    places = [place(world, 1002, mode=Mode.LINES), place(world, 1003, mode=Mode.LINES)]
    world.hear(places[0])

    list(to_clients(world.chat, places, ["maintenance"], []))
    world.settle()

    assert world.hear(places[0]) == "[server]> maintenance\n"


def test_a_guest_who_has_the_name_when_its_owner_comes_is_put_out_and_said_to_have_left(world, bob) -> None:
    listener = world.connect(1003)
    world.chat.rename(bob, "alice")
    world.settle()
    world.hear(listener)

    alice = place(world, 1002)
    world.settle()

    assert world.hear(listener).startswith("*** [alice] left the chat ***\n")
    assert bob.outlet.close_reason is CloseReason.UNPROVEN
    assert "belongs to somebody now" in bob.outlet.farewell_text
    assert world.chat.directory.known_as("alice") is alice


def test_the_guest_who_claims_the_name_that_it_has_keeps_it(world, bob) -> None:
    listener = world.connect(1002)
    world.chat.rename(bob, "alice")
    world.settle()
    world.hear(listener)

    enter(world, bob)

    assert bob.outlet.close_reason is None
    assert world.hear(listener) == "*** [alice] is now [alice®] ***\n"


def test_a_place_keeps_its_name(world) -> None:
    alice = place(world, 1002)

    assert world.chat.rename(alice, "ALICE") is None
    for attempt in (lambda: world.chat.rename(alice, "carol"), lambda: enter(world, alice, "carol")):
        with pytest.raises(ChatError) as refused:
            attempt()
        assert refused.value.code == "name-kept"
    assert alice.label == "alice"


def test_places_are_limited_and_the_one_longest_away_makes_way(world) -> None:
    places = [place(world, 2000 + number, session=f"s{number}") for number in range(PLACES_MAX)]
    with pytest.raises(ChatError) as refused:
        place(world, 3000)
    assert refused.value.code == "too-many-places"

    for client in places[3:5]:
        world.now += 1
        world.chat.connection_lost(client, client.outlet)
    newest = place(world, 3001)

    assert len(world.chat.directory.places(newest.account)) == PLACES_MAX
    assert places[3] not in world.chat.directory.places(newest.account)
    assert world.chat.directory.places(newest.account)[-1] is places[4]  # the connected ones come first


def test_a_kick_of_one_place_is_told_only_where_it_was_the_last(world, bob) -> None:
    first, second = place(world, 1002), place(world, 1003)
    world.hear(bob)

    assert list(world.chat.kick(first)) == [first]
    world.settle()
    unseen = world.hear(bob)
    world.chat.kick(second)
    world.settle()

    assert unseen == ""
    assert world.hear(bob) == "*** [alice®] was kicked ***\n"


def test_a_kick_of_a_place_that_was_alone_in_a_room_reads_as_leaving_it(world, bob) -> None:
    place(world, 1002)
    second = place(world, 1003)
    for client in (bob, second):
        world.chat.join(client, "dev")
    world.settle()
    world.hear(bob)

    world.chat.kick(second)
    world.settle()

    assert world.hear(bob) == "*** [alice®] left #dev ***\n"


def test_a_kick_everywhere_is_told_once_in_each_room(world, bob) -> None:
    places = [place(world, 1002), place(world, 1003)]
    for client in (bob, places[1]):
        world.chat.join(client, "dev")
    world.settle()
    world.hear(bob)

    assert set(world.chat.kick(places[0], "out", everywhere=True)) == set(places)
    world.settle()

    assert world.hear(bob) == "*** [alice®] was kicked ***\n" * 2
    assert all(client.outlet.close_reason is CloseReason.KICKED for client in places)


def test_places_end_with_their_proof_and_those_of_an_unknown_proof_with_any(world, bob) -> None:
    places = [place(world, 1002 + number) for number in range(3)]
    for client, proof in zip(places, ("key SHA256:a", "key SHA256:b", ""), strict=True):
        client.proven_by = proof
    world.hear(bob)

    assert world.chat.places.end(places[0].account, "that key was removed", proven_by="key SHA256:a") == 2
    world.settle()

    assert world.chat.directory.places(places[0].account) == [places[1]]
    assert (places[0].outlet.close_reason, places[0].outlet.farewell_text) == (
        CloseReason.UNPROVEN,
        "that key was removed",
    )
    assert world.disconnects == [DisconnectReason.UNPROVEN] * 2
    assert CloseReason.UNPROVEN.retry_s is None
    assert world.hear(bob) == ""


def test_a_ban_reaches_all_places_of_a_member_who_is_in_that_network_with_one(world, bob) -> None:
    here, elsewhere = place(world, 1002, address="192.0.2.1"), place(world, 1003)

    list(kick_banned(world.chat, make_ban("192.0.2.0/24", by="console", now=world.now)))

    assert not world.chat.directory.here([here, elsewhere])
    assert world.chat.directory.here([bob]) == [bob]


def test_a_mute_of_a_member_silences_all_places_and_spares_its_neighbours(world, bob) -> None:
    here, neighbour, elsewhere = place(world, 1002), place(world, 1005), place(world, 1003, address="192.0.2.1")
    neighbours: list[Client] = []
    list(collect_clients(world.chat, home_of(here), neighbours))
    made = mute_of_client(here, neighbours, reason="", by="console", now=world.now, until=None)
    assert not made.spared & {here.owner, neighbour.owner}
    mute = world.mutes.add(made)

    later = place(world, 1004, address="192.0.2.2")
    again = world.mutes.add(replace(made, reason="again"))

    assert all(world.mutes.refusal(client, world.now) for client in (here, elsewhere, later))
    assert not world.mutes.refusal(bob, world.now)
    assert again.number == mute.number
    assert [it.id for it in world.mutes.named("alice", world.chat, world.now)] == [mute.id]
    world.mutes.remove(again)
    assert not world.mutes.refusal(later, world.now)


@pytest.mark.parametrize("who", ["alice", "[alice®]", "ALICE", "alice®"])
def test_a_name_finds_all_places_and_a_port_one(world, who: str) -> None:
    places = [place(world, 1002, session="s"), place(world, 1003)]
    world.chat.connection_lost(places[0], places[0].outlet)

    assert world.chat.directory.find(who) == world.chat.directory.called(who) == places[::-1]
    assert world.chat.directory.find("1003") == [places[1]]
    assert not world.chat.directory.called("1003")
    assert world.chat.directory.known_as("alice") is places[1]


def test_the_name_stays_with_the_places_that_are_left(world) -> None:
    places = [place(world, 1002 + number) for number in range(3)]
    for gone, left in ((places[2], places[0]), (places[0], places[1])):
        world.chat.disconnect(gone)
        assert world.chat.directory.known_as("alice") is left

    world.chat.disconnect(places[1])
    assert not world.chat.directory.called("alice")


def test_rooms_are_remembered_until_somebody_leaves_them_for_good(world) -> None:
    told: list[tuple[str, bool]] = []
    world.chat._deps = replace(world.chat._deps, on_room=lambda account, room, is_in: told.append((room, is_in)))
    alice, other = place(world, 1002, mode=Mode.LINES), place(world, 1003)
    told.clear()

    execute(world.chat, alice, "/join dev")
    execute(world.chat, alice, "/leave")
    world.chat.leave(other, world.lobby)
    world.chat.leave(alice, world.lobby)

    assert told == [("dev", True), ("lobby", True), ("dev", False), ("lobby", False)]


PLACE = SessionRecord("s" * 32, Mode.FRAMES, "alice", "alice", ("lobby",), "10.0.0.1", account="0" * 16)
PERSON_RECORD = SessionRecord("@" + "0" * 16, PERSON, "alice", "alice", ("lobby", "dev"), account="0" * 16)


def test_after_a_restart_only_the_rooms_are_left_in_which_no_place_is_any_more(world, bob) -> None:
    world.claim("alice")
    world.chat.join(bob, "dev")
    world.settle()
    world.hear(bob)

    world.chat.restore(PLACE)
    world.chat.announce_departure(structs.replace(PLACE, owner="c9", mode=Mode.LINES, rooms=("dev",)))
    world.chat.restore_person(PERSON_RECORD)
    world.settle()

    assert world.hear(bob) == "*** [alice®] left #dev ***\n"


def test_after_a_restart_without_any_place_the_person_has_left_and_nothing_is_said_twice(world, bob) -> None:
    world.claim("alice")
    changes = []
    for _ in range(2):
        world.chat.restore_person(PERSON_RECORD)
        changes.append(world.calls[-1])
    world.settle()

    assert world.hear(bob).startswith("*** [alice®] left the chat ***\n")
    assert [change.owner for change in changes[0][1]] == [PERSON_RECORD.owner]


def test_after_a_restart_with_all_places_nothing_is_posted(world) -> None:
    world.claim("alice")
    world.chat.restore(structs.replace(PLACE, rooms=("lobby", "dev")))

    world.chat.restore_person(PERSON_RECORD)

    assert not world.posted
    assert not world.calls


def test_a_place_whose_guest_was_not_told_to_be_gone_is_counted_as_leaving(world, bob) -> None:
    world.claim("alice")
    world.chat.restore(structs.replace(PLACE, told=Told("10.0.0.1:99", ("lobby",))))
    world.chat.restore_person(structs.replace(PERSON_RECORD, told=Told("alice", ("dev",)), rooms=("lobby", "dev")))
    world.chat.notices.sum_up()
    world.settle()

    assert "left" in world.hear(bob)


def test_a_member_who_is_away_here_and_connected_to_another_node_is_there(world, bob) -> None:
    alice = place(world, 1002, session="s" * 32)
    world.chat.connection_lost(alice, alice.outlet)
    assert world.chat.directory.addressee("alice").is_away_member

    facts = ClientFacts("b-1", Mode.FRAMES, "alice", "alice", alice.account, "t" * 32, (), "10.0.0.2", 1, 0.0, 0.0)
    world.chat.nodes.clients.put(RemoteClient("b", facts, clock_began_at=0.0))

    there = world.chat.directory.addressee("alice")
    assert (there.is_away_member, there.mailbox) == (False, alice.mailbox_name)
