"""Clients of other nodes: what is counted of them, and that to forget them costs by their number, not by its square."""

import time

from tests.chat.test_cohort import Hall
from trio_chat.chat.log import Mode
from trio_chat.chat.remote_clients import ClientFacts, RemoteClient, RemoteClients, facts_of

SMALL, LARGE = 400, 3200
"""Members of one room, eight times as many: the work is eight times as much, not 64 times."""

RATIO_MAX = 20


def member(number: int, *, account: str = "") -> RemoteClient:
    name, account = f"m{number}", account or f"a{number}"
    facts = ClientFacts(f"b-{number}", Mode.FRAMES, name, name, account, f"s{number}", ("lobby",), "192.0.2.7", 1, 0, 0)
    return RemoteClient("b", facts, clock_began_at=0.0)


def cpu_s_to_forget(members: int) -> float:
    """Return the CPU time, in seconds, in which the members of a node are forgotten."""
    clients = RemoteClients()
    for number in range(members):
        clients.put(member(number))
    before = time.thread_time()
    for client_id in clients.of_node("b"):
        clients.remove(client_id)
    took_s = time.thread_time() - before
    assert clients.count_in("lobby") == (0, ())
    return took_s


def test_eight_times_as_many_members_are_forgotten_by_about_eight_times_the_work() -> None:
    tries = [(cpu_s_to_forget(SMALL), cpu_s_to_forget(LARGE)) for _ in range(5)]

    small_s, large_s = (min(times) for times in zip(*tries, strict=True))
    assert large_s / small_s < RATIO_MAX


def test_a_member_is_counted_in_a_room_until_the_last_of_their_places_is_gone() -> None:
    clients = RemoteClients()
    for place in (member(1, account="alice"), member(2, account="alice"), member(3, account="bob")):
        clients.put(place)

    clients.remove("b-1")
    guests, accounts = clients.count_in("lobby")
    assert (guests, set(accounts)) == (0, {"alice", "bob"})

    clients.remove("b-2")
    guests, accounts = clients.count_in("lobby")
    assert (guests, set(accounts)) == (0, {"bob"})


def test_others_are_told_the_bytes_that_were_sent_to_a_client_in_step_with_its_room() -> None:
    """Its outlet alone counts those since it was apart, less all that its room was sent before it came."""
    hall = Hall()
    cohort = hall.enter(1)
    hall.say("one")
    cohort.begin_pass()
    cohort.offer(1)
    hall.enter(1)

    told = [facts_of(member.client, clock_began_at=0.0).bytes_out for member in hall.members]

    assert told == [len("one\n"), 0]
