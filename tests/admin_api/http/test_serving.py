"""The traps of hypercorn 0.18 and quart-trio 0.12, and FAULTS A7 and A8: each against a running server, in bytes."""

import errno
import json
import os
import re
import resource
import socket
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from typing import Any

import pytest
import trio
import trio.testing

from admin_api.http.access import Access
from admin_api.http.endpoint import METHODS
from admin_api.http.listening import DEFAULT_LIMITS, HttpLimits, open_listeners, urls_of
from admin_api.http.serving import serve_http
from tests.conftest import PATIENCE_S

GET = b"GET /acts HTTP/1.1\r\nHost: localhost\r\n\r\n"
GET_CLOSE = b"GET /acts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
UPGRADE = (
    b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bKdPyn3u98cTfZJSh4TNeQ==\r\n\r\n"
)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def problem_in(answer: bytes) -> dict[str, Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\ncontent-type: application/problem+json\r\n" in head
    assert b"\r\ncontent-length: %d\r\n" % len(body) in head
    return json.loads(body)


async def receive_until(stream: trio.SocketStream, end: bytes) -> bytes:
    answer = b""
    while end not in answer:
        chunk = await stream.receive_some()
        assert chunk, answer
        answer += chunk
    return answer


def test_the_cures_are_for_the_versions_that_are_installed():
    assert version("hypercorn").startswith("0.18.")
    assert version("quart-trio").startswith("0.12.")


def test_a7_nobody_is_waited_for_longer_than_10_seconds():
    assert max(DEFAULT_LIMITS.handshake_s, DEFAULT_LIMITS.keep_alive_s, DEFAULT_LIMITS.body_s) <= 10
    assert DEFAULT_LIMITS.stuck_s <= 10


async def test_a_connection_serves_one_request_after_the_other(site):
    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as stream:
            for _ in range(3):
                await stream.send_all(GET)

                assert status_of(await receive_until(stream, b"done\n")) == 200


async def test_pipelined_requests_are_answered_in_turn(site):
    answer = await site.ask(GET + GET + GET_CLOSE)

    assert answer.count(b"done\n") == 3


async def test_a_request_to_close_the_connection_is_obeyed(site):
    answer = await site.ask(GET_CLOSE)

    assert answer.endswith(b"done\n")


async def test_an_http_1_0_connection_is_closed_after_its_answer(site):
    answer = await site.ask(b"GET /acts HTTP/1.0\r\nHost: localhost\r\n\r\n")

    assert answer.endswith(b"done\n")


@pytest.mark.parametrize("sent", [b"", b"GET /acts HT", b"GET /acts HTTP/1.1\r\nHost: localhost\r\n", GET])
async def test_an_idle_connection_and_an_unfinished_header_are_closed_in_time(serve, sent):
    site = await serve(HttpLimits(keep_alive_s=0.1))

    answer = await site.ask(sent)

    assert answer.endswith(b"done\n") is (sent == GET)


@pytest.mark.parametrize("sent", [b'{"type":"hello","protocol":1}\n', b"hello\n", b"hello there\r\n", b"GET /acts\n"])
async def test_one_who_took_the_port_for_another_is_answered_at_once(serve, sent):
    site = await serve(HttpLimits(keep_alive_s=60, linger_s=0.1))

    answer = await site.ask(sent)

    assert status_of(answer) == problem_in(answer)["status"] == 400
    assert site.acts == []


async def test_a_request_line_may_come_in_pieces(site):
    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as stream:
            for piece in (b"GET /ac", b"ts HTT", b"P/1.1\r", b"\nHost:", b" localhost\r\n\r\n"):
                await stream.send_all(piece)
                await trio.testing.wait_all_tasks_blocked(0.01)

            assert status_of(await receive_until(stream, b"done\n")) == 200


async def dribble_until_closed(stream: trio.SocketStream) -> None:
    is_closed = False
    with suppress(trio.BrokenResourceError):
        while not is_closed:
            await stream.send_all(b"X")
            with trio.move_on_after(0.01):
                is_closed = await stream.receive_some() == b""


async def test_a_header_that_dribbles_in_gains_no_time(serve):
    site = await serve(HttpLimits(keep_alive_s=0.1))

    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as stream:
            await dribble_until_closed(stream)


async def test_a_header_of_64_kib_is_refused(site):
    answer = await site.ask(b"GET /acts HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 65536 + b"\r\n\r\n")

    assert status_of(answer) == 431
    assert problem_in(answer)["status"] == 431
    assert site.acts == []


async def test_a2_a_request_line_of_a_million_digits_is_refused_as_what_it_is(site):
    answer = await site.ask(b"GET /acts/" + b"4" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert status_of(answer) == 400
    assert problem_in(answer)["detail"] == "A request line may have at most 16384 bytes."


async def test_a_refusal_of_a_head_request_is_its_header_alone(site):
    head, _, body = (await site.ask(b"HEAD //acts HTTP/9.9\r\nHost: a\r\n\r\n")).partition(b"\r\n\r\n")

    assert status_of(head) == 505
    assert b"\r\ncontent-type: application/problem+json\r\n" in head
    assert body == b""


async def test_a_refusal_after_a_head_request_has_a_body(site):
    answer = await site.ask(b"HEAD /acts HTTP/1.1\r\nHost: a\r\n\r\nGET /acts HTTP/1.1\r\n\r\n")

    served, _, refused = answer.partition(b"HTTP/1.1 400 ")
    assert status_of(served) == 200
    assert problem_in(refused)["status"] == 400


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (b"POST /acts HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /acts HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (b"POST /acts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST /acts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
        (b"GET http://localhost/acts HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET ?acts HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /acts HTTP/1.1\r\n\r\n", 400),
        (b"GET /acts HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET /acts HTTP/9.9\r\nHost: a\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff", 505),
        (b"\x16\x03\x01\x00\xff\r\n\r\n", 400),
    ],
)
async def test_a_malformed_or_ambiguous_request_is_refused_and_closed(site, caplog, refused, status):
    answer = await site.ask(refused)

    assert status_of(answer) == problem_in(answer)["status"] == status
    assert problem_in(answer)["detail"]
    assert site.acts == []
    assert caplog.records == []


async def test_an_upgrade_to_http_2_is_ignored(site):
    answer = await site.ask(
        b"GET /acts HTTP/1.1\r\nHost: localhost\r\nConnection: close, Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: !!!\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"done\n")


async def test_a_body_of_10_gib_is_refused_by_its_announced_length_though_the_peer_sends_on(site):
    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as stream:
            await stream.send_all(b"POST /acts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10737418240\r\n\r\n")
            await stream.send_all(b"x" * 1_000_000)
            answer = await receive_until(stream, b"}")

    assert status_of(answer) == 413
    assert site.acts == []


async def test_the_413_reaches_a_peer_that_reads_only_when_it_has_sent(site):
    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as stream:
            await stream.send_all(b"POST /acts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000000\r\n\r\n")
            await stream.send_all(b"x" * 20_000_000)
            answer = await receive_until(stream, b"}")

    assert status_of(answer) == 413


async def test_an_endless_chunked_body_is_refused(site):
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"

    answer = await site.ask(b"POST /acts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 4)

    assert status_of(answer) == 413
    assert site.acts == []


async def test_a_body_that_never_comes_is_refused_in_time(serve):
    site = await serve(HttpLimits(body_s=0.1))

    answer = await site.ask(b"DELETE /acts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n")

    assert status_of(answer) == 408
    assert site.acts == []


@pytest.mark.parametrize("path", [b"/echo", b"/acts", b"/nowhere"])
@pytest.mark.parametrize("behind", [b"x\r\n", b"\xff" * 5, b"\x88\x80mask" * 3, b"x" * 100_000])
async def test_bytes_behind_a_websocket_upgrade_are_refused(site, caplog, path, behind):
    answer = await site.ask(UPGRADE % path + behind)

    assert status_of(answer) == problem_in(answer)["status"] == 400
    assert status_of(await site.ask(GET_CLOSE)) == 200
    assert caplog.records == []


@pytest.mark.parametrize("path", [b"/echo", b"/acts", b"/nowhere"])
async def test_bytes_that_come_before_a_handshake_is_answered_end_nothing_but_their_connection(site, caplog, path):
    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as stream:
            await stream.send_all(UPGRADE % path)
            await stream.send_all(b"\x88\x80mask")
            answer = await receive_until(stream, b"\r\n\r\n")

    assert status_of(answer) in {101, 400, 404}
    assert caplog.records == []


async def test_bytes_that_come_while_the_app_thinks_about_a_handshake_are_refused(site, caplog, read_to_the_end):
    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as stream:
            await stream.send_all(UPGRADE % b"/hesitates")
            await site.is_asleep.wait()
            await stream.send_all(b"\x88\x80mask")
            await stream.send_eof()
            answer = await read_to_the_end(stream)

    assert status_of(answer) == problem_in(answer)["status"] == 400
    assert caplog.records == []


@pytest.mark.parametrize("missing", [b"Sec-WebSocket-Key: bKdPyn3u98cTfZJSh4TNeQ==\r\n", b"Connection: Upgrade\r\n"])
async def test_half_a_websocket_handshake_is_refused_and_closed(site, missing):
    answer = await site.ask((UPGRADE % b"/echo").replace(missing, b""))

    assert status_of(answer) == problem_in(answer)["status"] == 400


async def test_bytes_behind_a_websockets_close_end_nothing_but_their_connection(serve):
    site = await serve(HttpLimits(linger_s=0))
    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as stream:
            await stream.send_all(UPGRADE % b"/echo")
            await receive_until(stream, b"\r\n\r\n")

            await stream.send_all(b"\x88\x80mask" + b"\xff" * 100)
            await receive_until(stream, b"\x88")

    assert status_of(await site.ask(GET_CLOSE)) == 200


async def test_a_half_closed_peer_gets_its_answer(site):
    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as stream:
            await stream.send_all(GET)
            await stream.send_eof()

            answer = await receive_until(stream, b"done\n")
            end = await stream.receive_some()

    assert status_of(answer) == 200
    assert end == b""


@pytest.mark.parametrize("path", [b"/asleep", b"/stubborn"])
async def test_a_peer_that_resets_while_it_is_answered_leaves_no_trace(site, caplog, path):
    """The second is answered all the same, behind the reset: its answer is cut off as it begins."""
    with trio.fail_after(PATIENCE_S):
        stream = await site.connect()
        await stream.send_all(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
        await site.is_asleep.wait()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await stream.aclose()
        await trio.testing.wait_all_tasks_blocked(0.05)
        site.wake.set()

    assert status_of(await site.ask(GET_CLOSE)) == 200
    assert caplog.records == []


@pytest.mark.parametrize(
    "sent", [b"", b"GET /ac", GET, GET * 50, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n", UPGRADE % b"/echo"]
)
async def test_the_server_stops_at_once_whatever_its_peers_do(site_scope, sent):
    site, stop = site_scope
    async with await site.connect() as stream:
        await stream.send_all(sent)
        if sent not in (b"", b"GET /ac"):
            await stream.receive_some(1)

        with trio.fail_after(PATIENCE_S):
            await stop()


async def test_an_answer_that_nobody_takes_is_given_up_in_time(serve):
    site = await serve(HttpLimits(answer_s=0.1))
    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as stream:
            await stream.send_all(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")

            await site.is_given_up.wait()


async def test_a_listener_drops_peers_that_take_nothing():
    (listener,) = await open_listeners("127.0.0.1", 0, HttpLimits(stuck_s=7))
    async with (
        listener,
        await trio.testing.open_stream_to_socket_listener(listener),
        await listener.accept() as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000


async def test_connections_above_the_limit_wait_for_one_that_is_busy(serve):
    site = await serve(HttpLimits(connections=1))
    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as first:
            await first.send_all(GET_CLOSE.replace(b"/acts", b"/asleep"))
            await site.is_asleep.wait()
            async with await site.connect() as second:
                await second.send_all(GET)
                await trio.testing.wait_all_tasks_blocked(0.01)
                served_before = list(site.acts)
                site.wake.set()
                while await first.receive_some():
                    pass
                await first.aclose()
                await receive_until(second, b"done\n")

    assert served_before == []
    assert site.acts == ["GET"]


async def test_connections_above_the_limit_wait_no_longer_than_until_one_is_idle(serve, read_to_the_end):
    site = await serve(HttpLimits(connections=1, keep_alive_s=60))
    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as first:
            await first.send_all(GET.replace(b"/acts", b"/asleep"))
            await site.is_asleep.wait()
            async with await site.connect() as second:
                await second.send_all(GET)
                await trio.testing.wait_all_tasks_blocked(0.01)
                site.wake.set()
                await receive_until(second, b"done\n")
                answer = await read_to_the_end(first)

    assert status_of(answer) == 200


async def test_two_connections_at_once_close_two_idle_ones(nursery, make_site):
    site, limits = make_site(), HttpLimits(connections=3, keep_alive_s=60)
    listeners = [listener for _ in range(2) for listener in await open_listeners("127.0.0.1", 0, limits)]
    await nursery.start(partial(serve_http, site.app, listeners, limits=limits))
    with trio.fail_after(PATIENCE_S):
        idle = []
        for listener in (*listeners, listeners[0]):
            idle.append(await trio.testing.open_stream_to_socket_listener(listener))
            await idle[-1].send_all(GET)
            await receive_until(idle[-1], b"done\n")

        newcomers = [socket.create_connection(listener.socket.getsockname()) for listener in listeners]

        for stream in idle[:2]:
            assert not await stream.receive_some()
        await idle[2].send_all(GET)
        await receive_until(idle[2], b"done\n")
        for stream in idle:
            await trio.aclose_forcefully(stream)
    for newcomer in newcomers:
        newcomer.close()


@pytest.mark.parametrize("sent", [b"", b"GET /acts HTTP/1.1\r\n", GET])
async def test_at_the_limit_idle_connections_are_closed_the_oldest_first(serve, sent):
    site = await serve(HttpLimits(connections=3, keep_alive_s=60))
    with trio.fail_after(PATIENCE_S):
        idle = []
        for _ in range(8):
            idle.append(await site.connect())
            await idle[-1].send_all(sent)
            if sent == GET:
                await receive_until(idle[-1], b"done\n")
        async with await site.connect() as stream:
            await stream.send_all(GET)
            await receive_until(stream, b"done\n")

        for stream in idle[:6]:
            assert not await stream.receive_some()
        await idle[-1].send_all(GET if sent != b"GET /acts HTTP/1.1\r\n" else b"Host: localhost\r\n\r\n")
        await receive_until(idle[-1], b"done\n")
        for stream in idle:
            await trio.aclose_forcefully(stream)


@pytest.mark.parametrize(
    "header", [b"Content-Length: 1000\r\n\r\nslow", b"Transfer-Encoding: chunked\r\n\r\n4\r\nslow"]
)
async def test_a11_at_the_limit_slow_bodies_make_way(serve, header):
    site = await serve(HttpLimits(connections=3, keep_alive_s=60, body_s=60))
    with trio.fail_after(PATIENCE_S):
        slow = [await site.connect() for _ in range(8)]
        for stream in slow:
            await stream.send_all(b"POST /acts HTTP/1.1\r\nHost: localhost\r\n" + header)
        for _ in range(5):
            async with await site.connect() as stream:
                await stream.send_all(GET_CLOSE)
                assert await receive_until(stream, b"done\n")

        for stream in slow:
            await trio.aclose_forcefully(stream)


@pytest.mark.parametrize("path", [b"/large", b"/endless"])
async def test_a11_at_the_limit_slow_readers_make_way(serve, path):
    site = await serve(HttpLimits(connections=3, keep_alive_s=600, slow_s=0.01, stuck_s=600, answer_s=600))
    with trio.fail_after(PATIENCE_S):
        slow = [await site.connect() for _ in range(8)]
        for stream in slow:
            await stream.send_all(GET.replace(b"/acts", path))

        async with await site.connect() as stream:
            await stream.send_all(GET)
            await receive_until(stream, b"done\n")
        for stream in slow:
            await trio.aclose_forcefully(stream)


async def test_a10_answers_that_are_delayed_for_wrong_tokens_make_way_for_the_right_one(open_admin):
    wrong, right = (
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\nConnection: close\r\n\r\n" % token
        for token in (b"wrong", b"right")
    )
    async with open_admin(Access("right")) as admin:
        with trio.fail_after(PATIENCE_S):
            guessers = [await admin.site.connect() for _ in range(2 * DEFAULT_LIMITS.connections)]
            for stream in guessers:
                await stream.send_all(wrong)
            answers = [status_of(await admin.site.ask(right)) for _ in range(5)]

            for stream in guessers:
                await trio.aclose_forcefully(stream)

    assert answers == [200] * 5


@pytest.mark.parametrize(
    ("request_bytes", "status_line"),
    [
        (GET_CLOSE, b"HTTP/1.1 200 OK"),
        (b"GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"HTTP/1.1 404 Not Found"),
        (b"GET\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (b"GET /acts HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"HTTP/1.1 403 Forbidden"),
        (b"delete /acts HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 405 Method Not Allowed"),
    ],
)
async def test_an_answer_has_a_reason_phrase_and_tells_a_browser_to_guess_and_run_nothing(
    site, request_bytes, status_line
):
    head = (await site.ask(request_bytes)).partition(b"\r\n\r\n")[0].split(b"\r\n")

    assert head[0] == status_line
    assert b"x-content-type-options: nosniff" in head
    assert b"content-security-policy: default-src 'none'; frame-ancestors 'none'" in head


@pytest.mark.parametrize("method", [b"delete", b"Delete", b"deletE", b"get"])
async def test_a11_a_method_in_small_letters_has_no_effect(site, method):
    answer = await site.ask(method + b" /acts HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert problem_in(answer)["status"] == 405
    allowed = re.search(rb"\r\nallow: (.+)\r\n", answer)
    assert allowed
    assert set(allowed[1].decode().split(", ")) == {*METHODS, "HEAD", "OPTIONS"}
    assert site.acts == []


@pytest.mark.parametrize(
    "head",
    [
        b"POST /acts HTTP/1.1\nHost: localhost\n\n",
        b"POST /acts HTTP/1.1\r\nHost: localhost\n\r\n",
        b"POST /acts HTTP/1.1\r\nHost: localhost\r\n\n",
        b"POST /acts HTTP/1.1\nHost: localhost\r\n\r\n",
        b"POST /acts HTTP/1.1\r\nX: a\nHost: localhost\r\n\r\n",
        b"POST /acts HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n",
        b"POST /acts HTTP/1.1\r\nHost:\r\n localhost\r\n\r\n",
        b"POST /acts HTTP/1.1\r\nHost: localhost\r\nX: a\r\n\t\r\n\r\n",
    ],
)
@pytest.mark.parametrize("before", [b"", b"GET /acts HTTP/1.1\r\nHost: localhost\r\n\r\n"], ids=["first", "second"])
@pytest.mark.parametrize("is_dribbled", [False, True])
async def test_a11_a_folded_line_or_a_lone_lf_in_a_header_is_refused(site, head, before, is_dribbled, read_to_the_end):
    with trio.fail_after(PATIENCE_S):
        async with await site.connect() as stream:
            for piece in (bytes([byte]) for byte in before + head) if is_dribbled else [before + head]:
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(piece)
            await stream.send_eof()
            answer = await read_to_the_end(stream)

    assert b"HTTP/1.1 400 Bad Request\r\n" in answer
    assert "POST" not in site.acts


class FaultyStream:
    def __init__(self, stream: trio.SocketStream) -> None:
        self.socket = stream.socket

    async def receive_some(self, max_bytes: int) -> bytes:
        raise RuntimeError("a defect")


class FaultyListener(trio.abc.AsyncResource):
    """Accepts one stream with a defect, then good ones."""

    def __init__(self, listener: trio.SocketListener) -> None:
        self.listener = listener
        self.socket = listener.socket
        self.is_good = False

    async def accept(self) -> trio.SocketStream | FaultyStream:
        stream = await self.listener.accept()
        if self.is_good:
            return stream
        self.is_good = True
        return FaultyStream(stream)

    async def aclose(self) -> None:
        await self.listener.aclose()


async def test_a_defect_in_one_connection_is_one_log_line_and_ends_no_other(site, nursery, caplog):
    (listener,) = await open_listeners("127.0.0.1", 0)
    site.url, *_ = await nursery.start(partial(serve_http, site.app, [FaultyListener(listener)]))

    faulty = await site.ask(b"")
    good = await site.ask(GET_CLOSE)

    assert faulty == b""
    assert status_of(good) == 200
    assert [record.message for record in caplog.records] == ["An HTTP connection failed"]


class PoorListener(FaultyListener):
    async def accept(self) -> trio.SocketStream:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


async def test_being_out_of_file_descriptors_is_logged_once_a_second(site, nursery, caplog, autojump_clock):
    (listener,) = await open_listeners("127.0.0.1", 0)
    await nursery.start(partial(serve_http, site.app, [PoorListener(listener)]))

    await trio.sleep(3.9)

    assert [record.message for record in caplog.records] == [
        "Cannot accept HTTP connections, retrying: [Errno 24] Too many open files"
    ] * 4


async def test_it_accepts_again_when_there_are_file_descriptors_again(site, caplog):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with trio.fail_after(PATIENCE_S), socket.socket() as peer:
        free = os.open(os.devnull, os.O_RDONLY)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            peer.connect(("127.0.0.1", int(site.url.rpartition(":")[2])))
            while not caplog.records:
                await trio.lowlevel.checkpoint()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(peer))
        await stream.send_all(GET)

        assert status_of(await receive_until(stream, b"done\n")) == 200


@pytest.mark.parametrize(("host", "urls"), [("127.0.0.1", ["http://127.0.0.1:"]), ("::1", ["http://[::1]:"])])
async def test_it_reports_the_bound_addresses(host, urls):
    listeners = await open_listeners(host, 0)

    told = urls_of(listeners)

    assert [url.rstrip("0123456789") for url in told] == urls
    assert all(int(url.rpartition(":")[2]) > 0 for url in told)
    for listener in listeners:
        await listener.aclose()


async def test_a_port_that_is_taken_is_an_oserror():
    async with (await open_listeners("127.0.0.1", 0))[0] as listener:
        with pytest.raises(OSError, match="in use"):
            await open_listeners("127.0.0.1", listener.socket.getsockname()[1])
