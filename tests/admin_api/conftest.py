"""A small app behind `serve_http`, on a real loopback socket, and a peer that speaks bytes to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest
import trio
from quart import Response, request, websocket
from quart_trio import QuartTrio

from admin_api.guard import guard
from admin_api.listening import Limits, open_listeners
from admin_api.problems import register_problems
from admin_api.serving import serve_http

LARGE = b"x" * (64 * 1024 * 1024)


class Site:
    """A running server; `acts` is what its views were made to do."""

    def __init__(self) -> None:
        self.acts: list[str] = []
        self.is_asleep = trio.Event()
        self.is_given_up = trio.Event()
        self.url = ""
        self.app = make_app(self)

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", int(self.url.rpartition(":")[2]))

    async def ask(self, request_bytes: bytes) -> bytes:
        """Send and read until the server closes, which must not take long."""
        with trio.fail_after(2):
            async with await self.connect() as stream:
                await stream.send_all(request_bytes)
                return await read_all(stream)


Serve = Callable[[Limits], Awaitable[Site]]


async def read_all(stream: trio.SocketStream) -> bytes:
    answer = bytearray()
    try:
        async for chunk in stream:
            answer += chunk
    except trio.BrokenResourceError:
        answer += b"<reset>"
    return bytes(answer)


def make_app(site: Site) -> QuartTrio:
    app = QuartTrio("site")
    register_problems(app)
    guard(app, allowed_hosts=["chat.example.org"])

    @app.route("/acts", methods=["GET", "POST", "DELETE"])
    async def acts() -> str:
        site.acts.append(request.method)
        return "done\n"

    @app.get("/large")
    async def large() -> Response:
        return Response(LARGE)

    @app.get("/endless")
    async def endless() -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 65536
            finally:
                site.is_given_up.set()

        return Response(chunks())

    @app.get("/asleep")
    async def asleep() -> str:
        site.is_asleep.set()
        await trio.sleep_forever()
        return ""

    @app.get("/broken")
    async def broken() -> str:
        raise RuntimeError("a secret")

    @app.websocket("/echo")
    async def echo() -> None:
        while True:
            await websocket.send(await websocket.receive())

    return app


@pytest.fixture
async def serve(nursery: trio.Nursery) -> Serve:
    async def serve_with(limits: Limits) -> Site:
        site = Site()
        listeners = await open_listeners("127.0.0.1", 0, limits)
        (site.url,) = await nursery.start(partial(serve_http, site.app, listeners, limits=limits))
        return site

    return serve_with


@pytest.fixture
async def site(serve: Serve) -> Site:
    return await serve(Limits(keep_alive_s=60, body_s=60, linger_s=60))


@pytest.fixture
async def site_scope(nursery: trio.Nursery) -> tuple[Site, Callable[[], Awaitable[None]]]:
    """A site, and a function that stops it and returns when it has."""
    site, scope, stopped = Site(), trio.CancelScope(), trio.Event()
    listeners = await open_listeners("127.0.0.1", 0)

    async def run(task_status: trio.TaskStatus[list[str]]) -> None:
        with scope:
            await serve_http(site.app, listeners, task_status=task_status)
        stopped.set()

    async def stop() -> None:
        scope.cancel()
        await stopped.wait()

    (site.url,) = await nursery.start(run)
    return site, stop
