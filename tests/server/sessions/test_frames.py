"""Sessions in frames over loopback: asked for a password, slowed down, and asked whether they are there."""

import json
import socket
import struct

import pytest
import trio
import trio.testing

from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.operators.mutes import mute_of_client
from trio_chat.server.sessions.throttle import RateLimit
from trio_chat.server.transport.admission import AdmissionLimits

SECRET = "s" * 32

NO_LINGER = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
"""A close resets the connection."""


class Frames:
    """The other end of a connection that speaks frames."""

    def __init__(self, line) -> None:
        self.line = line

    async def send(self, **frame: object) -> None:
        await self.line.send(json.dumps(frame).encode() + b"\n")

    async def send_at_once(self, *sent: dict) -> None:
        await self.line.send(b"".join(json.dumps(frame).encode() + b"\n" for frame in sent))

    async def receive(self) -> dict:
        return json.loads(await self.line.line())

    async def answer(self) -> tuple[str, str]:
        """The type and the key of the next frame that has one."""
        while "key" not in (frame := await self.receive()):
            pass
        return frame["type"], frame["key"]

    async def up_to(self, frame_type: str, **fields: object) -> list[dict]:
        """The next frames, up to one of a type with these fields."""
        sent = [await self.receive()]
        while not (sent[-1].items() >= {"type": frame_type, **fields}.items()):
            sent.append(await self.receive())
        return sent

    async def until(self, frame_type: str, **fields: object) -> dict:
        """The next frame of a type with these fields; others are skipped."""
        return (await self.up_to(frame_type, **fields))[-1]


def reset(client: Frames) -> None:
    """Close the connection at once, with a reset."""
    client.line.stream.socket.setsockopt(*NO_LINGER)
    client.line.stream.socket.close()


async def call(server) -> Frames:
    return Frames(server.call())


async def enter(server, **fields: object) -> Frames:
    client = await call(server)
    await client.send(type="hello", protocol=1, **fields)
    await client.until("welcome")
    return client


async def test_the_right_password_opens(open_server) -> None:
    async with open_server(password="cheese") as server:
        alice = await call(server)

        await alice.send(type="hello", protocol=1, password="cheese", key="h")

        assert (await alice.receive())["type"] == "welcome"


async def test_nothing_comes_before_the_welcome(open_server, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_server() as server:
        is_settled = trio.Event()
        monkeypatch.setattr(server.context.journal, "settled", is_settled.wait)  # as on a slow disk
        alice = await call(server)
        await alice.send(type="hello", protocol=1, rooms=["lobby"])
        await server.changed(1)

        server.chat.announce_in([room.name for room in server.chat.rooms], ["early"])
        await trio.testing.wait_all_tasks_blocked()
        is_settled.set()

        assert (await alice.receive())["type"] == "welcome"
        await alice.until("entry", text="early")


async def test_before_hello_each_frame_is_answered_by_what_is_wrong_with_it_and_hello_is_still_accepted(
    open_server,
) -> None:
    async with open_server() as server:
        alice = await call(server)

        await alice.line.send(b'{"type":"hello"\n{"type":"dance","key":"d"}\n{"type":"ping","key":"p"}\n')
        await alice.send_at_once({"type": "hello", "protocol": 1}, {"type": "ping", "key": "behind"})
        codes = [(await alice.receive())["code"] for _ in range(3)]

        assert codes == ["bad-json", "unknown-type", "hello-first"]
        assert (await alice.receive())["type"] == "welcome"
        assert await alice.answer() == ("pong", "behind")


async def test_a_client_without_a_password_is_asked_for_it_at_no_cost(open_server) -> None:
    async with open_server(AdmissionLimits(connect_rate=1), password="cheese") as server:
        alice = await call(server)

        for _ in range(5):
            await alice.send(type="hello", protocol=1, key="h")
            assert (await alice.receive())["code"] == "password"
        await alice.send(type="hello", protocol=1, password="cheese")

        assert (await alice.receive())["type"] == "welcome"


async def test_three_wrong_passwords_end_the_connection_are_logged_and_nobody_came(open_server, logged) -> None:
    async with open_server(password="cheese") as server:
        mallory = await call(server)

        for guess in ("a", "b", "c"):
            await mallory.send(type="hello", protocol=1, password=guess, key=guess)
        answers = [json.loads(line) for line in (await mallory.line.rest()).splitlines()]

        assert [(answer["code"], answer["key"]) for answer in answers] == [("password", key) for key in "abc"]
        assert server.changes == []
        assert sum("wrong password" in line for line in logged()) == 3


async def test_a_fast_sender_is_slowed_and_nothing_is_dropped(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=2, burst=4)) as server:
        alice = await enter(server)
        start = trio.current_time()

        for number in range(9):
            await alice.send(type="say", room="lobby", text=str(number), key=str(number))
        heard = [(await alice.until("entry", kind="said"))["text"] for _ in range(9)]

        assert heard == [str(number) for number in range(9)]
        assert trio.current_time() - start == pytest.approx(3)  # 3 were left of the burst after hello, 6 wait


@pytest.mark.parametrize(
    "asked", [{"type": "history", "room": "lobby"}, {"type": "who", "room": "lobby"}, {"type": "rooms"}]
)
async def test_requests_for_much_cost_more(open_server, autojump_clock, asked: dict) -> None:
    async with open_server(rate_limit=RateLimit(rate=1, burst=6)) as server:
        alice = await enter(server)
        start = trio.current_time()

        await alice.send(**asked, key="a")
        await alice.send(type="ping", key="p")
        await alice.until("pong", key="p")

        assert trio.current_time() - start == pytest.approx(1)


async def test_c13_a_silent_client_is_asked_and_gone_within_45_seconds_if_it_does_not_answer(
    open_server, autojump_clock
) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET)
        start = trio.current_time()

        await alice.until("ping")
        asked = trio.current_time() - start
        farewell = await alice.until("bye")

        assert 15 <= asked < 20
        assert farewell["reason"] == "dead"
        assert trio.current_time() - start < 45
        await server.changed(2)
        assert server.disconnects == [DisconnectReason.DEAD]
        assert not server.chat.clients


async def test_c13_one_who_answers_stays_and_is_no_less_idle(open_server, autojump_clock) -> None:
    async with open_server() as server:
        alice = await enter(server)

        for _ in range(5):
            await alice.until("ping")
            await alice.send(type="pong")
        await alice.send(type="ping", key="p")

        await alice.until("pong", key="p")
        [client] = server.chat.clients
        assert client.lines_in == 1


async def test_c13_a_slowed_client_is_not_taken_for_dead(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=1, burst=1)) as server:
        alice = await enter(server)

        for number in range(100):
            await alice.send(type="say", room="lobby", text=str(number), key=str(number))

        assert (await alice.until("entry", kind="said", text="99"))["text"] == "99"
        assert not server.disconnects


async def test_c13_a_client_that_is_behind_but_reads_is_not_taken_for_dead(open_server, autojump_clock) -> None:
    async with open_server() as server:
        alice = await enter(server, rooms=["lobby"])
        [client] = server.chat.clients
        while not server.context.pump.is_draining(client.outlet):
            server.chat.announce_in([room.name for room in server.chat.rooms], ["x" * 4000])
            await trio.testing.wait_all_tasks_blocked()
        for _ in range(1000):
            server.chat.announce_in([room.name for room in server.chat.rooms], ["x" * 4000])

        for _ in range(3):
            await trio.sleep(20)
            sent = client.bytes_out
            while client.bytes_out == sent:
                await alice.line.stream.receive_some(65536)

        assert server.context.pump.is_draining(client.outlet)
        assert not server.disconnects


async def test_c13_silence_does_not_count_before_the_welcome_is_over(open_server, autojump_clock) -> None:
    async with open_server() as server:
        await enter(server)
        [client] = server.chat.clients
        heartbeat = server.context.heartbeats.watch(client, client.outlet)  # as at the beginning of a long replay

        await trio.sleep(60)

        assert heartbeat.silence_s(is_draining=False) == 0
        assert not server.disconnects


async def test_a_client_that_resumes_before_its_bye_is_settled_stays(open_server) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET, rooms=["lobby"])
        [client] = server.chat.clients
        while not client.outlet.is_paused:
            server.chat.announce_in([room.name for room in server.chat.rooms], ["x" * 4000])
            await trio.testing.wait_all_tasks_blocked()
        await alice.send(type="bye")
        while not client.lines_in:
            await trio.testing.wait_all_tasks_blocked()

        await enter(server, session=SECRET, rooms=["lobby"])
        await trio.testing.wait_all_tasks_blocked()

        assert list(server.chat.clients) == [client]
        assert server.disconnects == [DisconnectReason.RESUMED]


async def test_a_say_just_before_leaving_a_room_is_acknowledged_there(open_server) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET)

        await alice.send_at_once(
            {"type": "join", "room": "den", "key": "j"},
            {"type": "say", "room": "den", "text": "hi", "key": "s"},
            {"type": "topic", "room": "den", "text": "bears", "key": "t"},
            {"type": "leave", "room": "den", "key": "l"},
        )

        assert [await alice.answer() for _ in range(4)] == [
            ("joined", "j"),
            ("entry", "s"),
            ("entry", "t"),
            ("done", "l"),
        ]


async def test_a_repeat_for_a_room_left_since_is_acknowledged_again(open_server) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET, rooms=["den"])
        said = {"type": "say", "room": "den", "text": "hi", "key": "s"}
        await alice.send(**said)
        first = await alice.until("entry", key="s")
        await alice.send(type="leave", room="den")
        await alice.until("done")

        await alice.send(**said)
        again = await alice.receive()
        await alice.send(**said | {"key": "other"})

        assert again == first | {"again": True}
        assert (await alice.receive())["code"] == "not-in-room"


@pytest.mark.parametrize("ahead", [1, 300, 3000])
async def test_a_bye_counts_though_the_connection_breaks_before_it_is_read(
    open_server, autojump_clock, ahead: int
) -> None:
    """A client whose window is closed does not wait until it may send more: it may be slowed down for a minute."""
    async with open_server(rate_limit=RateLimit(rate=1, burst=2)) as server:
        alice = await enter(server, rooms=["lobby"], session=SECRET)
        start = trio.current_time()
        await alice.send_at_once(*({"type": "ping", "key": str(number)} for number in range(ahead)), {"type": "bye"})
        await trio.testing.wait_all_tasks_blocked()

        reset(alice)
        await server.changed(2)

        assert trio.current_time() - start < 5
        assert server.disconnects == [DisconnectReason.LEFT]


@pytest.mark.parametrize("last", ['{"type":"say","room":"lobby","text":"\\"bye\\""}', '"bye"', '{"type":"bye"'])
async def test_nothing_else_counts_as_a_bye_where_the_connection_breaks(open_server, autojump_clock, last: str) -> None:
    async with open_server(rate_limit=RateLimit(rate=1, burst=2)) as server:
        alice = await enter(server, rooms=["lobby"], session=SECRET)
        await alice.send_at_once(*({"type": "ping", "key": str(number)} for number in range(9)))
        await alice.line.send(f"{last}\n".encode())
        await trio.testing.wait_all_tasks_blocked()

        reset(alice)
        await server.changed(2)

        assert server.disconnects == [DisconnectReason.BROKEN]


async def test_a_bye_is_paid_by_the_next_connection(open_server, autojump_clock) -> None:
    async with open_server(rate_limit=RateLimit(rate=1, burst=2)) as server:
        alice = await enter(server, rooms=["lobby"])
        start = trio.current_time()

        await alice.send_at_once({"type": "ping", "key": "p"}, {"type": "bye"})
        await alice.line.rest()
        left_at = trio.current_time()
        await enter(server, rooms=["lobby"])

        assert left_at == start
        assert trio.current_time() - start == pytest.approx(2)


async def test_a_say_just_before_bye_is_acknowledged(open_server) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET)

        await alice.send_at_once(
            {"type": "say", "room": "lobby", "text": "so long", "key": "s"}, {"type": "bye", "key": "b"}
        )

        assert b'"key":"s"' in await alice.line.rest()


def mute(server, label: str) -> None:
    client = server.chat.directory.known_as(label)
    server.mutes.add(mute_of_client(client, [], reason="spam", by="console", now=0.0, until=None))


async def test_a_muted_client_that_needs_another_nick_comes_in_with_the_old_one(open_server) -> None:
    async with open_server() as server:
        alice = await enter(server, nick="alice", rooms=["lobby"], session="a" * 20)
        mute(server, "alice")
        await alice.line.stream.aclose()
        again = await call(server)

        await again.send(type="hello", protocol=1, nick="pills", needs_nick=True, session="a" * 20, rooms=["lobby"])

        refused = await again.until("error")
        assert (refused["code"], refused["text"]) == ("muted", "you are muted: spam")
        assert (await again.until("welcome"))["you"]["label"] == "alice"


async def test_everything_that_a_muted_client_says_is_refused_with_its_key_and_what_it_said_before_is_kept(
    open_server,
) -> None:
    async with open_server() as server:
        alice = await enter(server, nick="alice", rooms=["lobby"], session="a" * 20)
        bob = await enter(server, nick="bob", rooms=["lobby"])
        await alice.send(type="say", room="lobby", text="before", key="before")
        await alice.until("entry", key="before")
        mute(server, "alice")

        await alice.send_at_once(
            {"type": "say", "room": "lobby", "text": "one", "key": "k1"},
            {"type": "say", "room": "lobby", "lines": ["one", "two"], "key": "k2"},
            {"type": "act", "room": "lobby", "text": "waves", "key": "k3"},
            {"type": "tell", "to": "bob", "text": "psst", "key": "k4"},
            {"type": "topic", "room": "lobby", "text": "mine", "key": "k5"},
            {"type": "say", "room": "lobby", "text": "before", "key": "before"},
        )
        answers = [await alice.receive() for _ in range(6)]

        assert [(one["type"], one.get("code"), one["key"]) for one in answers] == [
            *(("error", "muted", f"k{number}") for number in range(1, 6)),
            ("entry", None, "before"),
        ]
        server.mutes.remove(server.mutes.current(0.0)[0])
        await alice.send(type="say", room="lobby", text="after", key="k6")
        heard = await bob.up_to("entry", text="after")
        assert [one["text"] for one in heard if one["type"] == "entry" and one["kind"] != "joined"] == [
            "before",
            "after",
        ]
