"""Requests that cost more than a burst, over loopback: let through once, and paid off by waiting."""

import pytest
import trio
import trio.testing

from tests.server.conftest import Line
from tests.server.sessions.test_frames import SECRET, call, enter, reset
from trio_chat.chat.token_bucket import TokenBucket
from trio_chat.server.sessions.allowances import LEFT_PER_ORIGIN, Allowances
from trio_chat.server.sessions.handshake import HELLO_TIMEOUT_S, THROTTLED_MAX_S
from trio_chat.server.sessions.throttle import COSTLY_WEIGHT, UNPRICED_BYTES, UNPRICED_PAUSE_S, Overdrafts, RateLimit
from trio_chat.server.transport.admission import KNOWN_ORIGINS

LIMIT = RateLimit(rate=5, burst=20)
ROOMS = [f"r{number}x" for number in range(99)]


async def test_c21_renaming_in_100_rooms_is_paid_off_before_more_is_read(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=LIMIT) as server:
        alice = await enter(server, rooms=["lobby", *ROOMS], nick="alice")
        start = trio.current_time()

        await alice.send_at_once(*({"type": "nick", "nick": f"alice-{n}", "key": f"k{n}"} for n in range(3)))
        times = []
        for number in range(3):
            await alice.until("done", key=f"k{number}")
            times.append(trio.current_time() - start)

        # 80 are owed for `hello`; then 20 have to be there for each, and 80 are owed again.
        assert times == [pytest.approx(20), pytest.approx(40), pytest.approx(60)]
        joined = 1 + len(ROOMS)
        assert server.chat.rooms.last_id <= joined + LIMIT.burst + LIMIT.rate * times[-1]
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

        assert trio.current_time() - start == pytest.approx(3 * (100 + 1) / 5)


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

        reset(alice)
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


async def test_c15_a_plain_client_that_reconnects_again_and_again_has_one_burst(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=1, burst=5)) as server:
        start = trio.current_time()
        for number in range(1, 5):
            alice = await server.join()
            await alice.send(b"hello\n" * 5 + b"/quit\n")
            await alice.rest()
            await server.changed(2 * number)

        assert server.chat.counters.lines_in == 4 * 6
        assert 4 * 6 - 5 <= trio.current_time() - start <= 4 * 6 - 4


@pytest.mark.parametrize("session", [{}, {"session": SECRET}])
async def test_c15_neither_has_one_in_frames_with_or_without_a_session(
    open_server, autojump_clock, session: dict[str, str]
) -> None:
    async with open_server(rate_limit=RateLimit(rate=1, burst=5)) as server:
        start = trio.current_time()
        for number in range(4):
            alice = await enter(server, **session)
            await alice.send_at_once(*({"type": "ping", "key": f"{number} {n}"} for n in range(5)))
            await alice.until("pong", key=f"{number} 4")
            await alice.line.stream.aclose()
            await server.changed(2 * number + 2)

        assert trio.current_time() - start == pytest.approx(4 * 6 - 5)


async def test_m12_a_resume_waits_for_nothing_that_its_session_or_anybody_else_owes(
    open_server, autojump_clock
) -> None:
    async with open_server(rate_limit=LIMIT) as server:
        for session, rooms in ((SECRET, ["lobby"]), ("o" * 32, ["lobby", *ROOMS])):
            client = await enter(server, session=session, rooms=rooms)
            await client.line.stream.aclose()
        await server.changed(4)
        start = trio.current_time()

        for session in (SECRET, "o" * 32):
            again = await call(server)
            await again.send(type="hello", protocol=1, rooms=["lobby"], session=session)
            assert (await again.until("welcome"))["resumed"]
        await again.send(type="ping", key="p")
        paid_at = trio.current_time()
        await again.until("pong")

        assert paid_at == start
        assert trio.current_time() - start == pytest.approx((1 + 80 + 2) / 5)


async def test_c11_one_who_says_anything_but_hello_is_slowed_down_only_so_long(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=1, burst=1)) as server:
        stranger = await call(server)
        start = trio.current_time()

        await stranger.send_at_once(*({"type": "ping", "key": f"{n}"} for n in range(500)))
        await stranger.line.rest()

        assert trio.current_time() - start <= HELLO_TIMEOUT_S + THROTTLED_MAX_S + 1


def spent(tokens: float, now: float = 0.0) -> TokenBucket:
    bucket = TokenBucket(5, 20, now)
    bucket.take(tokens, now)
    return bucket


def test_an_allowance_is_taken_up_once_and_by_its_session_besides() -> None:
    allowances, bucket = Allowances(), spent(20)
    allowances.leave(bucket, 1, "s", 0.0)

    assert allowances.take(2) is None
    assert allowances.take(1) is bucket
    assert allowances.take(1) is None
    again = allowances.resume(1, "s")
    assert again is not bucket
    assert again.wait_s(1, 0.0) == bucket.wait_s(1, 0.0) > 0


def test_an_allowance_that_its_session_took_up_is_nobody_elses() -> None:
    allowances, bucket = Allowances(), spent(20)
    allowances.leave(bucket, 1, "s", 0.0)

    assert allowances.resume(1, "s") is bucket
    assert allowances.take(1) is None


def test_a_whole_allowance_is_not_kept_and_of_others_a_bounded_number() -> None:
    allowances = Allowances()
    allowances.leave(spent(20), 0, "s", 4.0)
    assert allowances.take(0) is allowances.resume(0, "s") is None

    for number in range(KNOWN_ORIGINS + 1):
        allowances.leave(spent(20), number, f"{number}", 0.0)
    for _ in range(LEFT_PER_ORIGIN + 1):
        allowances.leave(spent(20), 1, "", 0.0)

    assert allowances.take(0) is allowances.resume(0, "0") is None
    assert sum(allowances.take(1) is not None for _ in range(2 * LEFT_PER_ORIGIN)) == LEFT_PER_ORIGIN


async def heard(line: Line, text: str) -> Line:
    while text not in await line.line():
        pass
    return line


async def before_the_password(server) -> tuple[Line, bytes, str]:
    line = await server.connect()
    await line.send(b"cheddar\n")
    return await heard(line, "try again"), b"cheese\n", "you are"


async def in_lines(server) -> tuple[Line, bytes, str]:
    line = await server.connect()
    await line.send(b"cheese\n")
    return await heard(line, "you are"), b"/topic\n", "topic"


async def before_hello(server) -> tuple[Line, bytes, str]:
    client = await call(server)
    await client.send(type="rubbish")
    return await heard(client.line, "unknown-type"), b'{"type": "rubbish"}\n', "unknown-type"


async def in_frames(server) -> tuple[Line, bytes, str]:
    return (await enter(server, password="cheese")).line, b'{"type": "ping", "key": "p"}\n', "pong"


CHEAP = 1 << 20
COSTLY = CHEAP // COSTLY_WEIGHT
"""Bytes for which a client waits as long as for so many cheap ones."""


@pytest.mark.parametrize(
    ("door", "byte", "count"),
    [
        (before_the_password, b"x", CHEAP),
        (before_the_password, b"\xff", COSTLY),
        (in_lines, b"x", CHEAP),
        (in_lines, b"\xff", COSTLY),
        (before_hello, b"x", CHEAP),
        (before_hello, b"\n", COSTLY),
        (in_frames, b"x", CHEAP),
        (in_frames, b"\n", COSTLY),
    ],
)
async def test_c1_bytes_that_have_no_price_are_read_with_pauses(
    open_server, mock_clock: trio.testing.MockClock, nursery: trio.Nursery, door, byte: bytes, count: int
) -> None:
    async with open_server(password="cheese") as server:
        line, request, answer = await door(server)
        is_answered = trio.Event()

        async def wait_for_answer() -> None:
            await heard(line, answer)
            is_answered.set()

        nursery.start_soon(line.send, byte * count + b"\n" + request)
        nursery.start_soon(wait_for_answer)
        pauses = 0
        while not is_answered.is_set():
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(UNPRICED_PAUSE_S)
            pauses += 1

        assert pauses >= CHEAP / UNPRICED_BYTES
