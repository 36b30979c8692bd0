"""Bans, and what an operator types to set them."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.chat.errors import ChatError
from trio_chat.chat.log import Mode
from trio_chat.chat.operators.bans import Ban, Bans, kick_all_banned, kick_banned, make_ban
from trio_chat.chat.operators.kicks import CLIENTS_PER_STEP
from trio_chat.chat.operators.networks import address_of, read_network
from trio_chat.chat.operators.restrictions import REASON_LIMIT
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.session_record import SessionRecord

NETWORKS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).flatmap(
    lambda address: st.integers(0, address.max_prefixlen).map(
        lambda length: ip_network((address, length), strict=False)
    )
)


class ListStore:
    """A store that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def keep_ban(self, ban: Ban) -> None:
        self.told.append(f"keep {ban.network}")

    def forget_ban(self, network: object) -> None:
        self.told.append(f"forget {network}")


def ban(target: str, minutes: int | None = None, reason: str = "") -> Ban:
    return make_ban(target, reason=reason, by="console", now=0.0, minutes=minutes)


def test_a_ban_keeps_out_its_network_and_nobody_else() -> None:
    bans = Bans([ban("10.0.0.0/8"), ban("2001:db8::/64"), ban("192.0.2.7")])

    found = [bool(bans.find(address_of(who), 0.0)) for who in ("10.9.9.9", "2001:db8::1", "192.0.2.7")]
    others = [bool(bans.find(address_of(who), 0.0)) for who in ("11.0.0.1", "2001:db8:0:1::1", "192.0.2.8", "::a00:1")]

    assert found == [True] * 3
    assert others == [False] * 4


@given(st.sets(NETWORKS, max_size=20), st.sets(NETWORKS, max_size=20), st.data())
def test_finding_is_the_same_as_asking_every_ban(staying: set, going: set, data: st.DataObject) -> None:
    bans = Bans(Ban(network, "", "x", 0.0) for network in staying | going)
    for network in going - staying:
        bans.remove(network)
    address = data.draw(st.sampled_from([network[-1] for network in staying | going] or [address_of("::1")]))

    found = bans.find(address, 0.0)

    assert bool(found) == any(address in network for network in staying)


def test_a_ban_ends_by_itself() -> None:
    bans = Bans([ban("10.0.0.1", minutes=2)])

    assert bans.find(address_of("10.0.0.1"), 119.0)
    assert bans.find(address_of("10.0.0.1"), 120.0) is None
    assert bans.current(120.0) == []


def test_m4_a_ban_that_a_clock_gone_wrong_ended_holds_again_once_the_clock_is_right() -> None:
    store, ahead_s = ListStore(), [3600.0]
    bans = Bans([ban("10.0.0.1", minutes=2)], store, ahead_s=lambda: ahead_s[0])

    assert bans.find(address_of("10.0.0.1"), 3660.0) is None
    assert bans.current(3660.0) == []
    ahead_s[0] = 0.0

    assert bans.find(address_of("10.0.0.1"), 60.0)
    assert store.told == []
    assert bans.find(address_of("10.0.0.1"), 120.0) is None
    assert store.told == ["forget 10.0.0.1/32"]


def test_the_store_is_told_of_every_change_but_not_of_its_own_records() -> None:
    store = ListStore()
    bans = Bans([ban("10.0.0.1", minutes=1)], store)

    bans.add(ban("10.0.0.2"))
    bans.remove(read_network("10.0.0.2"))
    bans.current(60.0)

    assert store.told == ["keep 10.0.0.2/32", "forget 10.0.0.2/32", "forget 10.0.0.1/32"]


def test_a_network_that_is_not_banned_cannot_be_unbanned() -> None:
    bans = Bans([ban("10.0.0.0/8")])

    with pytest.raises(ChatError, match=r"there is no ban of 10\.0\.0\.1"):
        bans.remove(read_network("10.0.0.1"))


def test_c19_a_reason_and_a_network_are_refused_by_their_length_as_they_were_typed() -> None:
    with pytest.raises(ChatError, match="at most 200 characters"):
        ban("10.0.0.1", reason="\u200b" * (REASON_LIMIT + 1))
    with pytest.raises(ChatError, match="expected an address or a network"):
        ban("10.0.0.1" + "/" * 60_000)
    assert ban("10.0.0.1", reason="r" * REASON_LIMIT).reason == "r" * REASON_LIMIT
    assert read_network("[0000:0000:0000:0000:0000:ffff:255.255.255.255/128]") == ip_network("255.255.255.255")


def test_banning_again_replaces_the_first_ban() -> None:
    bans = Bans([ban("10.0.0.1", minutes=1)])

    bans.add(ban("10.0.0.1", reason="again"))
    bans.remove(read_network("10.0.0.1"))

    assert bans.find(address_of("10.0.0.1"), 0.0) is None


def test_a_banned_client_is_told_why_and_until_when() -> None:
    assert ban("10.0.0.1").sentence == "you are banned"
    assert ban("10.0.0.1", 60, "spam\x1b[0m").sentence == "you are banned until 1970-01-01 01:00 UTC: spam"


def test_banning_kicks_those_who_are_there_from_that_network(world) -> None:
    alice, bob = world.connect(1, "10.0.0.1"), world.connect(2, "10.0.1.1")

    kicked = list(kick_banned(world.chat, ban("10.0.0.0/24")))

    assert kicked == [1]
    assert alice.outlet.close_reason is CloseReason.KICKED
    assert list(world.chat.clients) == [bob]


def test_a_client_banned_while_connected_is_told_why_and_until_when(world) -> None:
    alice = world.connect(1, "10.0.0.1")

    list(kick_banned(world.chat, ban("10.0.0.0/24", 60, "spam")))

    assert alice.outlet.farewell_text == "you are banned until 1970-01-01 01:00 UTC: spam"


def test_c26_a_ban_ends_sessions_left_behind_from_that_network(world) -> None:
    alice, bob = (world.connect(n, f"10.0.{n}.1", mode=Mode.FRAMES, session=f"s{n}") for n in (1, 2))
    for client in (alice, bob):
        world.chat.connection_lost(client, client.outlet)
    world.chat.restore(SessionRecord("s", "frames", "carol", "carol", ()))  # from an address that is not known
    world.chat.restore(SessionRecord("t", "frames", "dave", "dave", (), "10.0.1.7"))

    assert list(kick_banned(world.chat, ban("10.0.1.0/24"))) == [2]

    assert list(world.chat.away) == [bob, world.chat.directory.known_as("carol")]


def test_a_ban_of_many_kicks_some_in_each_step_and_none_who_has_gone_since(world) -> None:
    clients = [world.connect(number, "10.0.0.1") for number in range(1, CLIENTS_PER_STEP + 21)]

    steps = kick_banned(world.chat, ban("0.0.0.0/0"))
    assert next(steps) == CLIENTS_PER_STEP
    assert len(world.chat.clients) == 20
    world.chat.disconnect(clients[-1])

    assert list(steps) == [CLIENTS_PER_STEP + 19]
    assert not world.chat.clients


def test_bans_of_another_server_are_taken_over_in_steps_and_written_nowhere(monkeypatch) -> None:
    monkeypatch.setattr("trio_chat.chat.operators.restrictions.SYNCED_PER_STEP", 2)
    store = ListStore()
    bans = Bans([ban("10.0.0.1"), ban("10.0.0.2"), ban("10.0.0.3")], store)
    kept = [ban("10.0.0.2"), ban("10.0.0.3", reason="spam"), *(ban(f"10.0.1.{number}") for number in range(5))]

    steps = list(bans.sync(kept))

    assert len(steps) == 4 + 2 + 4  # those kept, those here, and those kept again
    assert steps[-1] == 5
    assert bans.current(0.0) == kept
    assert bans.find(address_of("10.0.0.1"), 0.0) is None
    assert store.told == []


def test_a_ban_that_ends_while_others_are_taken_over_ends_them_in_no_error(monkeypatch) -> None:
    monkeypatch.setattr("trio_chat.chat.operators.restrictions.SYNCED_PER_STEP", 1)
    bans = Bans([ban("10.0.0.1", minutes=1), ban("10.0.0.2")], ListStore())
    steps = bans.sync([ban("10.0.0.2")])
    next(steps)

    bans.find(address_of("10.9.9.9"), 1e9)

    assert list(steps)[-1] == 0
    assert bans.current(0.0) == [ban("10.0.0.2")]


def test_everybody_whom_any_new_ban_keeps_out_is_kicked_in_one_pass(world) -> None:
    alice, bob = world.connect(1, "10.0.0.1"), world.connect(2, "192.0.2.1")
    bans = Bans([ban("192.0.2.0/24", reason="spam"), ban("198.51.100.0/24")])

    assert list(kick_all_banned(world.chat, bans, 0.0))[-1] == 1

    assert bob.outlet.farewell_text == "you are banned: spam"
    assert list(world.chat.clients) == [alice]
