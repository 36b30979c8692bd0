"""Requests that cost more than a burst, over loopback: let through once, and paid off by waiting."""

import socket
import struct

import pytest
import trio
import trio.testing

from tests.server.sessions.test_frames import SECRET, call, enter
from trio_chat.server.sessions.throttle import Overdrafts, RateLimit
from trio_chat.server.transport.admission import KNOWN_ORIGINS

NO_LINGER = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
"""A close resets the connection."""

LIMIT = RateLimit(rate=5, burst=20)
ROOMS = [f"r{number}x" for number in range(99)]


async def test_c21_renaming_in_100_rooms_is_paid_off_before_more_is_read(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=LIMIT) as server:
        alice = await enter(server, rooms=["lobby", *ROOMS], nick="alice")
        start = trio.current_time()
        before = server.chat.rooms.last_id

        await alice.send_at_once(*({"type": "nick", "nick": f"alice-{n}", "key": f"k{n}"} for n in range(3)))
        times = []
        for number in range(3):
            await alice.until("done", key=f"k{number}")
            times.append(trio.current_time() - start)

        # 80 are owed for `hello`; then 20 have to be there for each, and 80 are owed again.
        assert times == [pytest.approx(20), pytest.approx(40), pytest.approx(60)]
        assert server.chat.rooms.last_id - before <= 20 + 5 * times[-1]
        assert not server.disconnects


async def test_c13_one_who_pays_something_off_hears_others_and_is_pinged_meanwhile(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=1, burst=2)) as server:
        alice = await enter(server, rooms=["lobby", *ROOMS])
        start = trio.current_time()
        bob = await server.join()
        await alice.send(type="ping", key="p")

        await bob.send(b"hello\n")
        await alice.until("entry", text="hello")
        pings = 0
        while (frame := await alice.receive())["type"] != "pong":
            pings += frame["type"] == "ping"

        assert trio.current_time() - start == pytest.approx(99)
        assert pings == 10  # our own client gives a server up that is silent for 35 s
        assert not server.disconnects


async def test_c21_hello_in_100_rooms_and_gone_again_and_again_waits_for_its_address(
    open_server, autojump_clock
) -> None:
    async with open_server(rate_limit=LIMIT) as server:
        start = trio.current_time()
        for _ in range(4):
            client = await enter(server, rooms=["lobby", *ROOMS])
            await client.send(type="bye")

        assert trio.current_time() - start == pytest.approx(3 * 80 / 5)


async def test_c21_others_of_that_address_come_in_and_resume_at_once_meanwhile(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=LIMIT) as server:
        await enter(server, rooms=["lobby", *ROOMS], session=SECRET)
        start = trio.current_time()

        await enter(server, rooms=["lobby", "dev"])
        again = await call(server)
        await again.send(type="hello", protocol=1, rooms=["lobby", *ROOMS], session=SECRET, key="h")
        welcome = await again.until("welcome")

        assert welcome["resumed"]
        assert trio.current_time() == start


async def test_c21_a_vanished_client_does_not_stay_until_it_has_paid(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=1, burst=1)) as server:
        alice = await enter(server, rooms=["lobby", *ROOMS])
        start = trio.current_time()
        await alice.send(type="ping", key="p")
        await trio.testing.wait_all_tasks_blocked()

        alice.line.stream.socket.setsockopt(*NO_LINGER)
        alice.line.stream.socket.close()
        await server.changed(2)

        assert trio.current_time() - start < 5


async def test_c21_plain_lines_pay_likewise(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=1, burst=4)) as server:
        alice = await server.join()
        start = trio.current_time()

        await alice.send(b"/history 1000\n/help\n")
        while "/help" not in await alice.line():
            pass

        assert trio.current_time() - start == pytest.approx(14 - 4 + 1)


def test_debts_are_forgotten_beyond_a_number_of_addresses() -> None:
    overdrafts = Overdrafts()

    for number in range(KNOWN_ORIGINS + 1):
        overdrafts.begin(number, 10.0)

    assert overdrafts.wait_s(0, 0.0) == 0
    assert overdrafts.wait_s(1, 0.0) == 10
    assert overdrafts.wait_s(1, 11.0) == 0
