"""Answers of the admin port while the journal is being opened."""

import json
from collections.abc import AsyncIterator

import pytest
import trio

from tests.conftest import PATIENCE_S
from trio_chat.serve.startup_responder import CONNECTIONS_MAX, REQUEST_BYTES_MAX, StartupResponder


@pytest.fixture
async def listener() -> AsyncIterator[trio.SocketListener]:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        yield listener


async def ask(listener: trio.SocketListener, request: bytes) -> tuple[bytes, bytes]:
    """Send a request. -> the first line of the answer, and its body"""
    with trio.fail_after(PATIENCE_S):
        async with await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1]) as stream:
            await stream.send_all(request)
            answer = b"".join([data async for data in stream])
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], body


@pytest.mark.parametrize(
    "request_", [b"GET /health HTTP/1.1\r\n\r\n", b"POST /x HTTP/1.1\r\nHost: a\r\n\r\n", b"x" * REQUEST_BYTES_MAX]
)
async def test_whoever_asks_is_told_that_the_server_is_starting(
    listener: trio.SocketListener, nursery: trio.Nursery, request_: bytes
) -> None:
    with StartupResponder([listener], grace_s=0).running_in(nursery):
        line, body = await ask(listener, request_)

    assert line == b"HTTP/1.1 503 Service Unavailable"
    assert json.loads(body)["status"] == "starting"


async def test_the_process_is_said_to_live(listener: trio.SocketListener, nursery: trio.Nursery) -> None:
    with StartupResponder([listener], grace_s=0).running_in(nursery):
        line, _ = await ask(listener, b"GET /health/live HTTP/1.1\r\n\r\n")

    assert line == b"HTTP/1.1 200 OK"


async def test_those_who_ask_nothing_keep_nobody_out_for_long(
    listener: trio.SocketListener, nursery: trio.Nursery, autojump_clock: trio.abc.Clock
) -> None:
    port = listener.socket.getsockname()[1]
    with StartupResponder([listener], grace_s=0).running_in(nursery):
        silent = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(CONNECTIONS_MAX)]
        line, _ = await ask(listener, b"GET / HTTP/1.1\r\n\r\n")
        for stream in silent:
            await stream.aclose()

    assert line.startswith(b"HTTP/1.1 503")


async def test_the_listeners_can_be_used_afterwards(listener: trio.SocketListener, nursery: trio.Nursery) -> None:
    with StartupResponder([listener], grace_s=0).running_in(nursery):
        await ask(listener, b"GET / HTTP/1.1\r\n\r\n")

    async with await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1]) as stream:
        with trio.fail_after(PATIENCE_S):
            near = await listener.accept()
        await near.send_all(b"mine")
        assert await stream.receive_some(9) == b"mine"
        await near.aclose()
