"""Sessions over loopback: who is let in, asked for a password, slowed down, and who is behind a proxy."""

import itertools
import socket
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
import trio
import trio.testing

from tests.journal.bare_engine import BARE
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.dependencies import Change
from trio_chat.chat.operators.bans import kick_banned, make_ban
from trio_chat.journal.engines import ENGINES
from trio_chat.server.sessions.throttle import RateLimit
from trio_chat.server.transport.admission import AdmissionLimits
from trio_chat.server.transport.listener import TASK_NAME, bind

LOCAL = (ip_network("127.0.0.0/8"),)


def proxied(address: str, port: int = 1234) -> bytes:
    return f"PROXY TCP4 {address} 127.0.0.1 {port} 5555\r\n".encode()


async def test_c18_one_more_than_the_limit_is_told_so_and_closed_and_the_others_stay(
    open_server, autojump_clock, logged
) -> None:
    async with open_server(AdmissionLimits(clients=2)) as server:
        alice, _bob = await server.join(), await server.join()

        carol = await server.connect()

        assert await carol.rest() == b"*** the server is full: try again later ***\n"
        await alice.send(b"/who\n")
        assert (await alice.line()).endswith("joined the chat ***")
        assert (await alice.line()).startswith("*** 2 in #lobby")
    assert [message.rpartition(" ")[2] for message in logged()] == ["full"]


async def test_c18_one_address_behind_a_proxy_is_limited_and_others_are_not(open_server, autojump_clock) -> None:
    async with open_server(AdmissionLimits(per_address=2, proxies=LOCAL)) as server:
        for port in (1, 2):
            await server.join(proxied("192.0.2.1", port))

        refused = await server.connect()
        await refused.send(proxied("192.0.2.1", 3))

        assert await refused.rest() == (b"*** there are too many connections from your address: close one first ***\n")
        await server.join(proxied("192.0.2.2"))


async def test_a_client_that_leaves_makes_room_for_another(open_server, autojump_clock) -> None:
    async with open_server(AdmissionLimits(clients=1)) as server:
        alice = await server.join()
        await alice.send(b"quit()\n")
        await alice.rest()

        bob = await server.join()

        assert server.context.admission.total == 1
        await bob.stream.aclose()
        await server.changed(4)


async def test_the_address_behind_a_proxy_is_shown_and_kicked(open_server, autojump_clock) -> None:
    async with open_server(AdmissionLimits(proxies=LOCAL)) as server:
        alice = await server.join(proxied("203.0.113.7", 4711) + b"hi\n")
        bob = await server.join(proxied("203.0.113.8", 4711))
        await bob.send(b"/who\n")

        assert await bob.line() == "*** 2 in #lobby: [203.0.113.7:4711], [203.0.113.8:4711] (you) ***"
        server.chat.kick(server.chat.directory.find("203.0.113.7:4711")[0])

        assert (await alice.rest()).endswith(b"*** you were kicked ***\n")
        assert server.changes[-1] == (Change.KICKED, "203.0.113.7:4711")


async def test_c10_a_listed_proxy_must_send_its_header(open_server, autojump_clock, logged) -> None:
    async with open_server(AdmissionLimits(proxies=LOCAL)) as server:
        stranger = await server.connect()

        await stranger.send(b"hello everyone\n")

        assert await stranger.rest() == b"*** your address is a proxy's here, and no PROXY header came ***\n"
        assert server.changes == []
    assert len(logged()) == 1


async def test_a_proxy_that_sends_half_a_header_is_closed(open_server, autojump_clock) -> None:
    async with open_server(AdmissionLimits(proxies=LOCAL)) as server:
        proxy = await server.connect()
        await proxy.send(b"PROXY TCP4 ")

        start = trio.current_time()

        assert await proxy.rest() == b""
        assert trio.current_time() - start < 6


async def test_a_banned_address_is_kicked_and_kept_out(open_server, autojump_clock) -> None:
    async with open_server(AdmissionLimits(proxies=LOCAL)) as server:
        alice = await server.join(proxied("192.0.2.1"))
        ban = make_ban("192.0.2.0/24", reason="spam", by="console", now=0.0)

        server.bans.add(ban)
        list(kick_banned(server.chat, ban))
        again = await server.connect()
        await again.send(proxied("192.0.2.9"))

        assert (await alice.rest()).endswith(b"*** you are banned: spam ***\n")
        assert await again.rest() == b"*** you are banned: spam ***\n"
        await server.join(proxied("192.0.3.1"))


@pytest.mark.parametrize(
    ("greeting", "farewell"),
    [
        (b"geheim\n", b"*** you are banned: spam ***\n"),
        (b'{"type":"hello","protocol":1,"password":"geheim"}\n', b'"code":"banned","text":"you are banned: spam"'),
    ],
)
async def test_a_client_admitted_before_a_ban_does_not_join_after_it(
    open_server, autojump_clock, greeting: bytes, farewell: bytes
) -> None:
    async with open_server(password="geheim") as server:
        alice = await server.connect()
        await alice.send(greeting[:1])
        await trio.testing.wait_all_tasks_blocked()

        server.bans.add(make_ban("127.0.0.0/8", reason="spam", by="console", now=0.0))
        await alice.send(greeting[1:])

        assert farewell in await alice.rest()
        assert not server.chat.clients


async def test_the_right_password_admits_and_the_lines_behind_it_are_handled(open_server, autojump_clock) -> None:
    async with open_server(password="geheim") as server:
        alice = await server.connect()

        assert await alice.line() == "*** password: ***"
        await alice.send(b"geheim\n/nick alice\n/who\n")

        assert await alice.line() == "*** you are [alice] now ***"
        assert await alice.line() == "*** 1 in #lobby: [alice] (you) ***"


async def test_a_person_who_has_typed_the_right_password_is_told_so(open_server, autojump_clock) -> None:
    async with open_server(password="geheim") as server:
        alice = await server.connect()
        assert await alice.line() == "*** password: ***"

        await alice.send(b"geheim\n")

        assert (await alice.line()).endswith("]; /nick NAME changes that ***")


async def test_a_word_that_is_a_command_elsewhere_is_said_and_its_author_told_once(open_server, autojump_clock) -> None:
    async with open_server() as server:
        alice, bob = await server.join(), await server.join()
        assert (await alice.line()).endswith("joined the chat ***")

        await alice.send(b"quit\n")
        hint = await alice.line()
        await alice.send(b"help\n")
        heard = [await bob.line() for _ in range(2)]
        await bob.send(b"hello\nexit\n/nick bob\n")

        assert hint == '*** "quit" was said as text: /quit leaves ***'
        assert [line.partition("> ")[2] for line in heard] == ["quit", "help"]
        assert [(await alice.line()).partition("> ")[2] for _ in range(2)] == ["hello", "exit"]
        assert await bob.line() == "*** you are [bob] now ***"


@pytest.mark.parametrize(
    "typed",
    [
        "\x1b[Ageheim",
        "\x1bOHgeheim",
        "geheix\x7fm",
        "oops\x15geheim",
        "\x1b[200~geheim\x1b[201~",
        "\ufeffgeheim",
        "\0geheim",
    ],
)
async def test_c23_a_password_among_keys_is_right(open_server, autojump_clock, typed: str) -> None:
    async with open_server(password="geheim") as server:
        alice = await server.connect()
        assert await alice.line() == "*** password: ***"

        await alice.send(f"{typed}\n/who\n".encode())

        assert (await alice.line()).startswith("*** 1 in #lobby")


@pytest.mark.parametrize("line", ["quit()", "/quit", "\x1b[Aquit()"])
async def test_who_is_asked_for_the_password_can_leave(open_server, autojump_clock, logged, line: str) -> None:
    async with open_server(password="geheim") as server:
        alice = await server.connect()

        await alice.send(f"{line}\n".encode())

        assert (await alice.rest()).endswith(b"*** password: ***\n*** you have left ***\n")
        assert not any("wrong password" in record for record in logged())


async def test_a_password_that_looks_like_a_farewell_is_the_password(open_server, autojump_clock) -> None:
    async with open_server(password="quit()") as server:
        alice = await server.connect()
        assert await alice.line() == "*** password: ***"

        await alice.send(b"quit()\n/who\n")

        assert (await alice.line()).startswith("*** 1 in #lobby")


async def test_a_password_can_be_mistyped_twice(open_server, autojump_clock) -> None:
    async with open_server(password="geheim") as server:
        alice = await server.connect()
        await alice.line()

        await alice.send(b"Geheim\n\xff\ngeheim\n/who\n")

        assert await alice.line() == "*** wrong password: try again ***"
        assert await alice.line() == "*** wrong password: try again ***"
        assert (await alice.line()).startswith("*** 1 in #lobby")


async def test_three_wrong_passwords_end_it_and_nothing_is_relayed(open_server, autojump_clock) -> None:
    async with open_server(password="geheim") as server:
        mallory = await server.connect()

        await mallory.send(b"a\nb\nc\ngeheim\nhello\n")

        assert (await mallory.rest()).endswith(b"*** wrong password ***\n")
        assert server.changes == []


async def test_a_client_that_gives_no_password_is_disconnected_after_30_seconds(open_server, autojump_clock) -> None:
    async with open_server(password="geheim") as server:
        silent = await server.connect()
        start = trio.current_time()

        assert (await silent.rest()).endswith(b"*** no password came within 30 s ***\n")

        assert 30 <= trio.current_time() - start < 31
        assert server.changes == []


async def test_guessing_passwords_uses_up_the_connections_of_an_address(open_server, autojump_clock) -> None:
    async with open_server(AdmissionLimits(proxies=LOCAL, connect_rate=1), password="geheim") as server:
        mallory = await server.connect()
        await mallory.send(proxied("192.0.2.1") + b"a\nb\nc\n")
        await mallory.rest()

        again = await server.connect()
        await again.send(proxied("192.0.2.1"))

        assert await again.rest() == b"*** your address connects too often: wait a little ***\n"


async def test_c15_a_flood_is_slowed_down_and_every_line_arrives(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=5, burst=20)) as server:
        alice, bob = await server.join(), await server.join()
        await alice.line()
        start = trio.current_time()

        await bob.send(b"".join(b"%d\n" % number for number in range(120)))
        heard = [(await alice.line()).rpartition(" ")[2] for _ in range(120)]

        assert heard == [str(number) for number in range(120)]
        assert trio.current_time() - start == pytest.approx(20, abs=0.5)


async def test_a_changed_rate_limit_also_holds_for_clients_that_have_spoken_before(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=50, burst=50)) as server:
        alice, bob = await server.join(), await server.join()
        await alice.line()
        await bob.send(b"at once\n")
        await alice.line()
        start = trio.current_time()

        server.context.rate_limit = RateLimit(rate=1, burst=1)
        await bob.send(b"one\ntwo\nthree\n")
        for _ in range(3):
            await alice.line()
        slow_s = trio.current_time() - start
        server.context.rate_limit = RateLimit(rate=0)
        await bob.send(b"".join(b"%d\n" % number for number in range(500)))
        for _ in range(500):
            await alice.line()

        assert slow_s == pytest.approx(2)
        assert trio.current_time() - start == slow_s


async def test_c15_others_are_heard_at_once_meanwhile(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=1, burst=1)) as server:
        alice, bob, carol = await server.join(), await server.join(), await server.join()
        await alice.line(), await alice.line()

        await bob.send(b"one\ntwo\n")
        assert (await alice.line()).endswith("one")
        start = trio.current_time()
        await carol.send(b"hello\n")

        assert (await alice.line()).endswith("hello")
        assert trio.current_time() == start
        assert (await alice.line()).endswith("two")


async def test_commands_that_cost_more_take_more(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=5, burst=5)) as server:
        alice = await server.join()
        start = trio.current_time()

        await alice.send(b"/who\n/who\n")
        await alice.line()
        first = trio.current_time()
        await alice.line()

        assert first == start
        assert trio.current_time() - start == pytest.approx(1)


async def test_c13_a_flooder_that_was_reset_is_gone_while_it_is_slowed_down(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=1, burst=1)) as server:
        alice, bob = await server.join(), await server.join()
        await alice.line()
        await bob.send(b"line\n" * 100)
        await alice.line()
        start = trio.current_time()

        bob.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
        await bob.stream.aclose()
        await server.changed(3)

        assert server.changes[-1][0] is Change.DISCONNECTED
        assert trio.current_time() - start < 3


async def test_c12_half_a_line_of_a_connection_that_was_reset_is_not_said(open_server) -> None:
    async with open_server() as server:
        alice, bob = await server.join(), await server.join()
        await alice.line()
        client = list(server.chat.clients)[1]
        await bob.send(b"half a li")
        await trio.testing.wait_all_tasks_blocked()

        bob.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
        bob.stream.socket.close()
        client.outlet.write(b"a send is what meets the reset\n")
        client.outlet.push(None)

        assert "left the chat" in await alice.line()
        assert server.disconnects == [DisconnectReason.BROKEN]


def test_c13_the_system_is_told_to_give_up_on_a_dead_peer_within_45_seconds() -> None:
    (listener,) = bind("127.0.0.1", 0)
    with listener, socket.socket() as client:
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        with accepted:
            tcp = socket.IPPROTO_TCP
            names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
            idle_s, interval_s, count, timeout_ms = (
                accepted.getsockopt(tcp, getattr(trio.socket, name)) for name in names
            )

            looked_at_s = itertools.count(idle_s, interval_s)
            gone_s = next(when_s for when_s in looked_at_s if when_s * 1000 >= timeout_ms)  # tcp_keepalive_timer

            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert idle_s + interval_s * count <= 42
            assert timeout_ms <= 42_000
            assert gone_s <= 42  # its timers are up to half a second late each


async def test_a_server_whose_journal_lacks_all_that_is_optional_says_so_and_serves(
    open_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINES, "bare", BARE)
    async with open_server(journal_url="bare:") as server:
        plain, program = await server.connect(), await server.connect()

        await plain.send(b"/search hello\n/topic\n")
        await program.send(b'{"type":"hello","protocol":1}\n{"type":"search","text":"hello","key":"s"}\n')

        assert await plain.line() == "*** no history: this journal cannot be searched ***"
        assert await plain.line() == "*** #lobby has no topic ***"
        while '"key":"s"' not in (answer := await program.line()):
            pass
        assert '"text":"this journal cannot be searched"' in answer


@pytest.mark.parametrize(
    ("hello", "most"), [(b"hi\n", 3), (b'{"type": "hello", "protocol": 1, "client": "test"}\n', 5)]
)
async def test_an_idle_client_waits_in_few_coroutines_of_ours(open_server, hello: bytes, most: int) -> None:
    """Each of them takes some 250 bytes for each client."""
    async with open_server() as server:
        client = await server.connect()
        await client.send(hello)
        await trio.testing.wait_all_tasks_blocked(0.05)

        [session] = [it for it in _all_tasks() if it.name == TASK_NAME]
        frames = [frame.f_globals["__name__"] for frame, _ in session.iter_await_frames()]

        assert len([it for it in frames if it.startswith("trio_chat")]) <= most, frames


def _all_tasks() -> Iterator[trio.lowlevel.Task]:
    root = trio.lowlevel.current_root_task()
    todo = [root] if root else []
    while todo:
        task = todo.pop()
        yield task
        todo += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
