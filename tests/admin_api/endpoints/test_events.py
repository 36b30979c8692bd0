"""The event stream: its events, resuming, and subscribers that do not read."""

import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import trio
import trio.testing

from admin_api.endpoints.events import Stream
from admin_api.event_log import SUBSCRIBERS_MAX, WINDOW, EventLog, StreamTimes, Subscriber
from admin_api.http.listening import open_listeners
from admin_api.http.serving import serve_http
from admin_api.watch import HEALTH_INTERVAL_S, REFUSED_INTERVAL_S, watch_health, watch_refused
from tests.conftest import PATIENCE_S
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.log import Mode


class Follower:
    """A client of the event stream."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._rest = b""

    async def block(self) -> str:
        """Read up to the next empty line."""
        return await self.read_until(b"\n\n")

    async def line(self) -> str:
        """Read up to the end of a line."""
        return await self.read_until(b"\n")

    async def read_until(self, end: bytes) -> str:
        """Read up to `end`, which is dropped, with LF for CRLF."""
        with trio.fail_after(PATIENCE_S):
            while end not in self._rest.replace(b"\r\n", b"\n"):
                more = await self.stream.receive_some(65536)
                assert more, f"the stream ended after {self._rest!r}"
                self._rest += more
        text, _, self._rest = self._rest.replace(b"\r\n", b"\n").partition(end)
        return text.decode()

    async def event(self) -> tuple[str, Any]:
        """Read the next event: its name and data."""
        fields = dict(line.split(": ", 1) for line in (await self.block()).splitlines())
        return fields["event"], json.loads(fields["data"])

    async def rest(self) -> bytes:
        """Read up to the end."""
        with trio.fail_after(PATIENCE_S):
            return self._rest + b"".join([chunk async for chunk in self.stream])


Connect = Callable[..., Awaitable[Follower]]


@pytest.fixture
async def connect(admin) -> AsyncIterator[Connect]:
    """Ask for the events with headers of one's own; all are hung up on at the end."""
    async with AsyncExitStack() as stack:

        async def connect(headers: str = "", version: str = "1.0", path: str = "/events") -> Follower:
            follower = Follower(await stack.enter_async_context(await admin.site.connect()))
            await follower.stream.send_all(f"GET {path} HTTP/{version}\r\nHost: localhost\r\n{headers}\r\n".encode())
            return follower

        yield connect


@pytest.fixture
def follow(connect: Connect) -> Connect:
    """Follow the events, from where the stream has begun."""

    async def follow(headers: str = "") -> Follower:
        return await begun(await connect(headers))

    return follow


async def begun(follower: Follower) -> Follower:
    head = await follower.block()
    assert head.startswith("HTTP/1.1 200")
    assert "content-type: text/event-stream" in head
    assert await follower.line() == "retry: 3000"
    return follower


async def test_it_has_connections_and_the_reasons_of_their_ends(admin, follow) -> None:
    follower = await follow()

    client = admin.connect(7)
    shown = (await admin.ask("GET", "/clients/7")).json
    admin.chat.disconnect(client, DisconnectReason.STALLED)
    kicked = admin.connect(8)
    admin.operator.kick(kicked, by="console")

    name, data = await follower.event()
    assert (name, data["reason"], data["time"]) == ("connected", None, "2026-11-24T08:00:00Z")
    assert data["client"].keys() == shown.keys()
    assert data["client"]["id"] == shown["id"]
    name, data = await follower.event()
    assert (name, data["reason"], data["client"]["port"]) == ("disconnected", "stalled", 7)
    assert (await follower.event())[0] == "connected"
    name, data = await follower.event()
    assert (name, data["reason"], data["client"]["port"]) == ("kicked", "kicked", 8)


async def test_it_has_actions_of_operators_but_not_their_words(admin, follow) -> None:
    follower = await follow()

    await admin.ask("POST", "/bans", json='{"network": "192.0.2.1"}')
    await admin.ask("DELETE", "/bans/192.0.2.1")
    await admin.operator.say("a secret", by="console")
    admin.operator_log.record("SIGHUP", "reload", "1 taken up")

    told = [await follower.event() for _ in range(4)]
    assert [name for name, _ in told] == ["ban", "unban", "say", "reload"]
    assert told[0][1]["who"] == "http 127.0.0.1"
    assert told[2][1]["what"] == "8 characters"


async def test_it_goes_on_after_the_event_seen_last_and_reports_a_gap(admin, follow) -> None:
    for number in range(WINDOW + 5):
        admin.operator_log.record("console", "reload", str(number))

    last, late, stranger = [
        await follow(f"Last-Event-ID: {seen}\r\n") for seen in (f"1795507200900-{WINDOW + 4}", "1795507200900-2", "1-2")
    ]

    assert (await last.event())[1]["what"] == str(WINDOW + 4)
    assert await late.event() == ("gap", {"missed": 3})
    assert (await late.event())[1]["what"] == "5"
    assert await stranger.event() == ("gap", {"missed": None})
    assert (await stranger.event())[1]["what"] == "5"


def test_ids_of_a_run_mean_nothing_to_one_that_begins_in_the_same_second() -> None:
    first, second = EventLog(lambda: 1795507200.25), EventLog(lambda: 1795507200.75)

    assert second.cursor_after(first.last_id) is None
    assert second.cursor_after(second.last_id) == second.end


async def test_no_more_than_a_few_may_follow(admin, follow) -> None:
    followers = [await follow() for _ in range(SUBSCRIBERS_MAX)]

    refused = await admin.ask("GET", "/events")

    assert (refused.status, refused.json["status"]) == (503, 503)
    assert len(followers) == len(admin.events.subscribers)


async def test_asking_for_the_head_alone_ends(admin) -> None:
    answer = await admin.ask("HEAD", "/events")

    assert (answer.status, answer.headers["content-type"], answer.text) == (200, "text/event-stream", "")


async def test_when_the_log_is_closed_every_stream_ends_in_good_order(admin, connect) -> None:
    follower = await connect("Connection: close\r\n", "1.1")
    await follower.block()
    with trio.fail_after(PATIENCE_S):
        while not admin.events.subscribers:
            await trio.lowlevel.checkpoint()

    admin.operator_log.record("console", "reload", "the last")
    await admin.events.aclose(timeout_s=0.35)

    rest = await follower.rest()
    assert b'"the last"' in rest
    assert rest.endswith(b"0\r\n\r\n")


async def test_a_silent_server_sends_pings(autojump_clock: trio.testing.MockClock) -> None:
    log = EventLog(lambda: 0.0, StreamTimes(ping_interval_s=15))

    async with Stream(log, Subscriber(log, log.end, "http 192.0.2.1")) as chunks:
        found = [await anext(aiter(chunks)) for _ in range(3)]

    assert found == [b"retry: 3000\n", b": ping\n", b": ping\n"]
    assert trio.current_time() == 30


async def test_a9_a_subscriber_that_never_reads_is_dropped_with_the_reason_and_others_miss_nothing(
    admin, follow, nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "trio_chat.serve.admin")
    (listener,) = await open_listeners("127.0.0.1", 0)
    listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # accepted sockets inherit it
    (small_url,) = await nursery.start(serve_http, admin.site.app, [listener])
    healthy = await follow()
    (first,) = admin.events.subscribers
    with trio.socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await stuck.connect(("127.0.0.1", int(small_url.rpartition(":")[2])))
        await stuck.send(b"GET /events HTTP/1.0\r\nHost: localhost\r\n\r\n")
        with trio.fail_after(PATIENCE_S):
            while len(admin.events.subscribers) < 2:
                await trio.lowlevel.checkpoint()
        (dropped,) = admin.events.subscribers - {first}

        for number in range(3 * WINDOW):
            admin.operator_log.record("console", "reload", str(number))
            assert (await healthy.event())[1]["what"] == str(number)
        with trio.fail_after(PATIENCE_S):
            await dropped.closed.wait()

    assert admin.events.end - admin.events.first == WINDOW
    assert len(admin.events.subscribers) == 1
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("dropped the subscriber of events at http 127.0.0.1: it missed events and took nothing for")


async def test_a9_a_subscriber_that_takes_nothing_for_30_s_is_dropped_also_where_nothing_happens(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    log = EventLog(lambda: 0.0)
    timeout_s = log.times.send_timeout_s
    asked_at = trio.current_time()

    with trio.fail_after(2 * timeout_s):
        async with Stream(log, Subscriber(log, log.end, "http 192.0.2.1")) as pieces:
            async for _ in pieces:
                await trio.sleep_forever()  # as a send does whose peer keeps its window shut

    assert trio.current_time() - asked_at == timeout_s
    assert log.subscribers == set()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "dropped the subscriber of events at http 192.0.2.1: it took nothing for 30 s"


@pytest.fixture
def follow_types(connect: Connect) -> Connect:
    """Follow the events of some types."""

    async def follow(types: str, headers: str = "") -> Follower:
        return await begun(await connect(headers, path=f"/events?types={types}"))

    return follow


async def test_only_the_types_asked_for_are_sent(admin, follow_types) -> None:
    both = await follow_types("operator,topic")
    one = await follow_types("unban")
    ann = admin.connect(4000)
    admin.chat.set_topic(ann, admin.chat.current_room(ann), "lunch")
    await admin.deliver()
    await admin.ask("POST", "/bans", json='{"network": "192.0.2.1"}')
    await admin.ask("DELETE", "/bans/192.0.2.1")

    assert [(await both.event())[0] for _ in range(3)] == ["topic", "ban", "unban"]
    assert (await one.event())[0] == "unban"


async def test_topics_nicks_and_rooms_are_told_with_their_entry(admin, follow_types) -> None:
    follower = await follow_types("topic,nick,room")
    ann = admin.connect(4000)
    admin.chat.rename(ann, "ann")
    admin.chat.set_topic(ann, admin.chat.current_room(ann), "lunch")
    await admin.deliver()

    (joined, came), (nick, renamed), (topic, told) = [await follower.event() for _ in range(3)]

    assert (joined, came["room"], came["kind"]) == ("room", "lobby", "joined")
    assert (nick, renamed["author"], renamed["text"]) == ("nick", "10.0.0.1:4000", "ann")
    assert (topic, told["author"], told["text"]) == ("topic", "ann", "lunch")


async def test_topics_that_gave_way_to_a_later_one_are_no_events(admin, follow_types) -> None:
    follower = await follow_types("topic")
    entries = await follow_types("entry")
    ann = admin.connect(4000, mode=Mode.FRAMES, session="s")
    for number in range(20):
        admin.chat.set_topic(ann, admin.chat.rooms["lobby"], f"topic {number}", key=f"k{number}")
    admin.chat.tick()
    await admin.deliver()

    events = [(await follower.event())[1] for _ in range(4)]
    while (await entries.event())[1]["text"] != "topic 19":
        pass
    admin.chat.set_topic(ann, admin.chat.rooms["lobby"], "after")
    await admin.deliver()

    assert [(event["room"], event["text"]) for event in [*events, (await follower.event())[1]]] == [
        ("lobby", text) for text in ("topic 0", "topic 1", "topic 2", "topic 19", "after")
    ]
    assert (await entries.event())[1]["text"] == "after"


async def test_what_is_said_is_sent_only_where_asked_for_and_never_what_is_told(admin, follow, follow_types) -> None:
    everything = await follow()
    entries = await follow_types("entry")
    ann, bob = admin.connect(4000), admin.connect(4001)
    admin.chat.tell(ann, bob.label, "a secret")
    admin.chat.say(ann, admin.chat.current_room(ann), "hello")
    await admin.deliver()
    await admin.ask("POST", "/bans", json='{"network": "192.0.2.1"}')

    kinds = []
    while "said" not in kinds:
        name, entry = await entries.event()
        assert name == "entry"
        assert "secret" not in entry["text"]
        kinds.append(entry["kind"])
    names = []
    while "ban" not in names:
        names.append((await everything.event())[0])
    assert "entry" not in names


async def test_what_is_said_goes_on_after_the_entry_seen_last(admin, follow_types) -> None:
    ann = admin.connect(4000)
    first = await follow_types("entry")
    for text in "abc":
        admin.chat.say(ann, admin.chat.current_room(ann), text)
    await admin.deliver()
    block = ""
    while '"text":"a"' not in block:
        block = await first.block()
    last_id = block.splitlines()[0].removeprefix("id: ")

    again = await follow_types("entry", f"Last-Event-ID: {last_id}\r\n")

    assert [(await again.event())[1]["text"] for _ in range(2)] == ["b", "c"]


async def test_after_an_entry_of_a_history_that_was_replaced_the_new_one_is_sent_whole(admin, follow_types) -> None:
    ann = admin.connect(4000)
    admin.chat.say(ann, admin.chat.current_room(ann), "new")
    await admin.deliver()

    follower = await follow_types("entry", "Last-Event-ID: 1-1-999\r\n")
    blocks = ""
    while '"text":"new"' not in blocks:
        blocks += await follower.block()

    assert "event: gap" in blocks


async def test_after_an_event_that_is_no_entry_no_entry_is_missed(admin, follow_types) -> None:
    ann = admin.connect(4000)
    first = await follow_types("entry,operator")
    admin.chat.say(ann, admin.chat.current_room(ann), "a")
    await admin.deliver()
    while '"text":"a"' not in await first.block():
        pass
    await admin.ask("POST", "/bans", json='{"network": "192.0.2.1"}')
    last_id = (await first.block()).splitlines()[0].removeprefix("id: ")
    admin.chat.say(ann, admin.chat.current_room(ann), "b")
    await admin.deliver()

    again = await follow_types("entry,operator", f"Last-Event-ID: {last_id}\r\n")

    assert (await again.event())[1]["text"] == "b"


@pytest.mark.parametrize("types", ["nonsense", "client,", "entry,Client", "%2A"])
async def test_a_type_that_no_event_has_is_named(admin, types) -> None:
    answer = await admin.ask("GET", f"/events?types={types}")

    assert answer.status == 400
    assert "known are" in answer.json["detail"]


async def test_health_and_refused_connections_become_events(
    admin, follow_types, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    log = admin.events
    cursor = log.end
    nursery.start_soon(watch_health, log, admin.journal, lambda: admin.certificate_warnings)
    nursery.start_soon(watch_refused, log, admin.refused)
    await trio.testing.wait_all_tasks_blocked()
    admin.journal.fault = "the disk is full"
    await trio.sleep(1.5 * HEALTH_INTERVAL_S)
    admin.journal.fault, admin.certificate_warnings = None, ["the certificate ends tomorrow"]
    admin.refused["banned"] += 3
    await trio.sleep(2 * REFUSED_INTERVAL_S)

    blocks = log.read(cursor, frozenset({"health", "limit"}))[0].decode().strip().split("\n\n")
    red, green, limit = [json.loads(block.rpartition("data: ")[2]) for block in blocks]

    assert (red["health"], red["reasons"]) == ("read-only", ["the disk is full"])
    assert (green["health"], green["reasons"]) == ("ok", ["the certificate ends tomorrow"])
    assert limit["refused"] == {"banned": 3}


async def test_a_topic_that_an_operator_sets_is_one_event_of_each_name(admin, follow_types) -> None:
    topics, actions = await follow_types("topic"), await follow_types("set-topic")
    await admin.ask("PUT", "/rooms/lobby/topic", json='{"topic": "lunch"}')
    await admin.ask("PUT", "/rooms/lobby/topic", json='{"topic": "dinner"}')
    await admin.deliver()

    told = [(await topics.event())[1] for _ in range(2)]
    done = [(await actions.event())[1] for _ in range(2)]

    assert [one["text"] for one in told] == ["lunch", "dinner"]
    assert [(one["action"], one["what"]) for one in done] == [("topic", "#lobby")] * 2
