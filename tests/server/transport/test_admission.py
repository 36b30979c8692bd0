"""Admission of connections by their address."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.chat.errors import ChatError
from trio_chat.chat.operators.bans import Bans, make_ban
from trio_chat.server.transport.admission import KNOWN_ORIGINS, NO_TICKET, Admission, AdmissionLimits


def admission(bans: Bans | None = None, **limits: object) -> Admission:
    return Admission(AdmissionLimits(**limits), bans or Bans())  # type: ignore[arg-type]


def try_enter(admission: Admission, address: str, now: float = 0.0) -> str:
    """Let a connection in. -> "in", or the code of the refusal"""
    try:
        admission.enter(address, now=now, date=0.0)
    except ChatError as refusal:
        return refusal.code
    return "in"


def networks(*written: str) -> tuple:
    return tuple(ip_network(each) for each in written)


def test_c18_one_address_gets_so_many_connections_and_others_get_theirs() -> None:
    door = admission(per_address=3)

    assert [try_enter(door, "192.0.2.1") for _ in range(4)] == ["in", "in", "in", "too-many"]
    assert try_enter(door, "192.0.2.2") == "in"


def test_c18_an_ipv6_household_counts_as_one() -> None:
    door = admission(per_address=2)

    answers = [try_enter(door, f"2001:db8:0:1::{number}") for number in (1, 2, 3)]

    assert answers == ["in", "in", "too-many"]
    assert try_enter(door, "2001:db8:0:2::1") == "in"


def test_c18_neighbours_on_one_link_are_not_one_household() -> None:
    door = admission(per_address=1)

    assert [try_enter(door, f"fe80::{number}%eth0") for number in (1, 2)] == ["in", "in"]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_c18_loopback_counts_only_in_the_total(address: str) -> None:
    door = admission(per_address=1, connect_rate=1, clients=50)

    assert [try_enter(door, address) for _ in range(51)] == ["in"] * 50 + ["full"]


def test_a_proxy_itself_counts_only_in_the_total() -> None:
    door = admission(per_address=1, proxies=networks("192.0.2.0/24"))

    assert [try_enter(door, "192.0.2.1") for _ in range(5)] == ["in"] * 5
    assert door.is_proxy("192.0.2.1")
    assert not door.is_proxy("192.0.3.1")


def test_a_connection_that_ends_makes_room() -> None:
    door = admission(per_address=1, clients=1)
    ticket = door.enter("192.0.2.1", now=0, date=0)

    door.leave(ticket)

    assert door.total == 0
    assert try_enter(door, "192.0.2.1") == "in"


def test_a_refused_client_leaves_nothing_behind() -> None:
    door = admission(deny=networks("192.0.2.1/32"))
    try_enter(door, "192.0.2.1")

    door.leave(NO_TICKET)

    assert door.total == 0
    assert door.refused["denied"] == 1


def test_an_address_that_connects_too_often_waits_and_the_refused_tries_do_not_count() -> None:
    door = admission(connect_rate=2)
    answers = [try_enter(door, "192.0.2.1") for _ in range(30)]

    assert answers == ["in"] * 20 + ["too-fast"] * 10
    assert try_enter(door, "192.0.2.1", now=0.6) == "in"


def test_wrong_passwords_cost_connections() -> None:
    door = admission(connect_rate=1)
    ticket = door.enter("192.0.2.1", now=0, date=0)

    for _ in range(3):
        door.charge(ticket, 5, 0.0)

    assert try_enter(door, "192.0.2.1") == "too-fast"


def test_the_table_of_rates_is_bounded() -> None:
    door = admission(connect_rate=1)

    for number in range(KNOWN_ORIGINS + 10):
        door.leave(door.enter(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", now=0, date=0))

    assert len(door._rates) == KNOWN_ORIGINS
    assert not door._open


def test_denial_goes_over_permission() -> None:
    door = admission(allow=networks("10.0.0.0/8", "::1/128"), deny=networks("10.6.6.0/24"))

    answers = [try_enter(door, address) for address in ("10.0.0.1", "::1", "10.6.6.6", "192.0.2.1", "2001:db8::1")]

    assert answers == ["in", "in", "denied", "denied", "denied"]


def test_a_banned_address_is_told_why() -> None:
    ban = make_ban("10.0.0.0/8", reason="spam", by="console", now=0.0)
    door = admission(Bans([ban]))

    with pytest.raises(ChatError, match="you are banned: spam"):
        door.enter("10.1.1.1", now=0.0, date=0.0)


def test_new_limits_hold_at_once_and_send_nobody_away() -> None:
    door = admission(connect_rate=1)
    inside = [door.enter("192.0.2.1", now=0, date=0) for _ in range(5)]

    door.limits = AdmissionLimits(connect_rate=100, per_address=6)

    assert [try_enter(door, "192.0.2.1") for _ in range(2)] == ["in", "too-many"]
    for ticket in inside:
        door.leave(ticket)
    assert door.total == 1


@given(st.lists(st.tuples(st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1", "::1"]), st.booleans()), max_size=60))
def test_counts_are_those_of_the_connections_admitted(attempts: list[tuple[str, bool]]) -> None:
    door = admission(per_address=3, clients=7)
    inside: list[tuple[str, int]] = []

    for address, is_coming in attempts:
        if is_coming and try_enter_with_ticket(door, address, inside):
            assert len(inside) <= 7
            assert address == "::1" or sum(other == address for other, _ in inside) <= 3
        elif not is_coming and inside:
            door.leave(inside.pop()[1])

    assert door.total == len(inside)


def try_enter_with_ticket(door: Admission, address: str, inside: list[tuple[str, int]]) -> bool:
    try:
        inside.append((address, door.enter(address, now=0.0, date=0.0)))
    except ChatError:
        return False
    return True
