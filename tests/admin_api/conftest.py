"""Apps behind `serve_http` on a real loopback socket, and peers that send bytes to them.

`Site` serves a small app for the tests of HTTP itself, `AdminServer` the admin app over a real chat and journal.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from quart import Response, request, websocket
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from admin_api.app import ENDPOINTS, create_app
from admin_api.event_log import EventLog
from admin_api.http.access import Access
from admin_api.http.authentication import Authentication
from admin_api.http.guard import guard
from admin_api.http.listening import HttpLimits, open_listeners
from admin_api.http.openapi import GUARDED
from admin_api.http.problems import register_problems
from admin_api.http.routing import routable
from admin_api.http.serving import serve_http
from admin_api.series import Series
from admin_api.state import AdminState
from tests.conftest import PATIENCE_S
from tests.dependencies import at_once, make_dependencies
from tests.loop_watch import watching
from trio_chat.chat.accounts.accounts import Accounts
from trio_chat.chat.accounts.names import Names
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.dependencies import Change, Rules
from trio_chat.chat.events import LOBBY
from trio_chat.chat.histogram import Histogram
from trio_chat.chat.log import Mode
from trio_chat.chat.operators.bans import Ban, Bans
from trio_chat.chat.operators.hooks import Hooks
from trio_chat.chat.operators.mutes import Mutes
from trio_chat.chat.operators.operator import Operator
from trio_chat.chat.outlet import TAKES_NOTHING, Backlog, CloseReason
from trio_chat.config import ServeSettings
from trio_chat.journal import Journal, open_journal
from trio_chat.serve.settings_in_force import SettingsInForce
from trio_chat.server.credentials.crypto import ThreadedCrypto
from trio_chat.server.transport.admission import REFUSALS
from trio_chat.server.upkeep.account_keeper import JournalAccountKeeper
from trio_chat.server.upkeep.operator_log import OperatorLog

LARGE = b"x" * (64 * 1024 * 1024)


class Site:
    """A small app that is served; `acts` are the methods by which its view was called."""

    def __init__(self, app: QuartTrio | None = None) -> None:
        self.acts: list[str] = []
        self.is_asleep = trio.Event()
        self.wake = trio.Event()
        self.is_given_up = trio.Event()
        self.url = ""
        self.app = app or make_app(self)

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", int(self.url.rpartition(":")[2]))

    async def ask(self, request_bytes: bytes) -> bytes:
        """Send bytes and read until the server closes."""
        with trio.fail_after(PATIENCE_S):
            async with await self.connect() as stream:
                await stream.send_all(request_bytes)
                return await read_all(stream)


Serve = Callable[[HttpLimits], Awaitable[Site]]


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
    guard(app, Authentication(Access()), ("chat.example.org",))

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
        await site.wake.wait()
        return ""

    @app.get("/stubborn")
    async def stubborn() -> str:
        with trio.CancelScope(shield=True):
            return await asleep()

    @app.get("/broken")
    async def broken() -> str:
        raise RuntimeError("a secret")

    @app.websocket("/echo")
    async def echo() -> None:
        while True:
            await websocket.send(await websocket.receive())

    @app.websocket("/hesitates")
    async def hesitates() -> None:
        await asleep()
        await websocket.accept()

    return app


@pytest.fixture
def make_site() -> type[Site]:
    """The class of a site, which the test itself serves."""
    return Site


@pytest.fixture
def read_to_the_end() -> Callable[[trio.SocketStream], Awaitable[bytes]]:
    """Read to the end of a connection, even if that is a reset."""
    return read_all


@pytest.fixture
async def serve(nursery: trio.Nursery) -> Serve:
    async def serve_with(limits: HttpLimits) -> Site:
        site = Site()
        listeners = await open_listeners("127.0.0.1", 0, limits)
        (site.url,) = await nursery.start(partial(serve_http, site.app, listeners, limits=limits))
        return site

    return serve_with


@pytest.fixture
async def site(serve: Serve) -> Site:
    return await serve(HttpLimits(keep_alive_s=60, body_s=60, linger_s=60))


@pytest.fixture
async def site_scope(nursery: trio.Nursery) -> tuple[Site, Callable[[], Awaitable[None]]]:
    """A site that waits very long for its peers, and a function that stops it and waits for that."""
    site, scope, stopped = Site(), trio.CancelScope(), trio.Event()
    listeners = await open_listeners("127.0.0.1", 0)
    long_s = 10 * PATIENCE_S
    limits = HttpLimits(keep_alive_s=long_s, body_s=long_s, answer_s=long_s, linger_s=long_s)

    async def run(task_status: trio.TaskStatus[list[str]]) -> None:
        with scope:
            await serve_http(site.app, listeners, limits=limits, task_status=task_status)
        stopped.set()

    async def stop() -> None:
        scope.cancel()
        await stopped.wait()

    (site.url,) = await nursery.start(run)
    return site, stop


class HeldOutlet:
    """An outlet without a connection."""

    sink = TAKES_NOTHING
    is_paused = False
    backlog: Backlog | None = None
    bytes_out = 210
    unsent_bytes = 7
    is_encrypted = False
    close_reason: CloseReason | None = None
    close_text = ""

    def write(self, data: bytes) -> None:
        """Nothing is sent."""

    def hang_up(self, reason: CloseReason, text: str = "") -> None:
        self.close_reason, self.close_text = reason, text


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class AdminServer:
    """The admin app over a chat whose clock stands still; `changes` are the changes of clients that were reported."""

    journal: Journal
    access: Access
    keep_timeout_s: float = 3.0
    bans: Iterable[Ban] = ()
    changes: list[tuple[Change, str]] = field(default_factory=list)
    troubles: set[str] = field(default_factory=set)
    now: float = 1795507200.9  # 2026-11-24T08:00:00Z and a bit

    def __post_init__(self) -> None:
        self._delivered_to = 0
        self.events = EventLog(lambda: self.now)
        deps = make_dependencies(
            self.journal.post,
            wall_clock=lambda: self.now,
            clock=lambda: self.now,
            on_change=self.note,
            mute_of=lambda client: self.operator.mutes.refusal(client, self.now),
        )
        self.chat = Chat(deps, rules=Rules())
        self.operator_log = OperatorLog(self.journal, lambda: self.now, on_record=self.events.append_action)
        log = self.operator_log
        bans, mutes, hooks = Bans(self.bans, log), Mutes(store=log), Hooks(self.chat, store=log)
        self.operator = Operator(self.chat, bans, mutes, log, lambda: self.now, at_once, hooks)
        self.refused: Counter[str] = Counter(dict.fromkeys(REFUSALS, 0))
        self.loop_delay = Histogram((0.001, 0.1))
        self.delivery_delay = Histogram((0.001, 0.1))
        self.series = Series(self.chat, self.delivery_delay, lambda: self.now)
        self.certificate_warnings: list[str] = []
        self.rate = (5.0, 20.0)
        self.accounts = Accounts(
            Names(),
            JournalAccountKeeper(self.journal),
            ThreadedCrypto(),
            lambda: self.now,
            places=self.chat.places,
            reserved_nicks=self.chat.free_nicks.reserved,
            sleep=trio.sleep,
        )
        self.state = AdminState(
            self.operator,
            self.accounts,
            self.journal,
            self.events,
            self.series,
            SettingsInForce(ServeSettings(), {"port": "--port"}).rows,
            self.refused,
            self.loop_delay,
            self.delivery_delay,
            keep_timeout_s=self.keep_timeout_s,
            certificate_warnings=lambda: self.certificate_warnings,
            is_stopping=lambda: "is_stopping" in self.troubles,
            certificate_digest=lambda: "ab" * 32,
            chat_port=lambda: 5555,
            hook_rate=lambda: self.rate,
            is_full=lambda: "is_full" in self.troubles,
        )
        self.site = Site(create_app(self.state, self.access))

    def note(self, change: Change, client: Client, reason: DisconnectReason | None) -> None:
        self.changes.append((change, client.peer))
        self.events.append_change(self.chat, change, client, reason)

    def connect(self, port: int, address: str = "10.0.0.1", *, mode: Mode = Mode.LINES, session: str = "") -> Client:
        client = self.chat.connect(address, port, mode=mode, outlet=HeldOutlet(), session=session)
        self.chat.join(client, LOBBY)
        return client

    async def deliver(self) -> None:
        """Put everything that was posted into the rooms and the events, as a server does."""
        await self.journal.settled()
        entries = list(await self.journal.read(None, limit=1000, after=self._delivered_to))
        self._delivered_to = self.journal.last_id
        self.chat.deliver(entries)
        self.events.append_entries(entries)

    async def ask(self, method: str, path: str, *, json: str = "", headers: str = "") -> Answer:
        if json:
            headers += f"Content-Type: application/json\r\nContent-Length: {len(json.encode())}\r\n"
        request_text = f"{method} {path} HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n{json}"
        head, _, body = (await self.site.ask(request_text.encode())).decode().partition("\r\n\r\n")
        status_line, *lines = head.split("\r\n")
        fields = [line.lower().split(": ", 1) for line in lines]
        status = int(status_line.split(" ")[1])
        assert self._is_declared(method, path, status), f"{method} {path} does not declare that it answers {status}"
        return Answer(status, dict(fields), body)

    async def post(self, path: str, body: str, kind: str = "", headers: str = "") -> Answer:
        """Send a text, as a body of some content type."""
        data = body.encode()
        headers += f"Content-Type: {kind}\r\n" * bool(kind) + f"Content-Length: {len(data)}\r\n"
        request = f"POST {path} HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n".encode() + data
        head, _, text = (await self.site.ask(request)).decode().partition("\r\n\r\n")
        status_line, *lines = head.split("\r\n")
        return Answer(int(status_line.split(" ")[1]), dict(line.lower().split(": ", 1) for line in lines), text)

    def _is_declared(self, method: str, path: str, status: int) -> bool:
        """Tell whether the endpoint of a request, if there is one, declares a status."""
        try:
            name, _ = self.site.app.url_map.bind("localhost").match(routable(path.partition("?")[0]), method)
        except HTTPException:
            return True
        one = next(one for one in ENDPOINTS if one.view.__name__ == name)
        return method != one.method or status in (*one.operation.answers, *one.operation.refusals, *GUARDED)


OpenAdmin = Callable[..., AbstractAsyncContextManager[AdminServer]]


@asynccontextmanager
async def open_admin_server(
    access: Access = Access(),  # noqa: B008  # frozen
    *,
    keep_timeout_s: float = 3.0,
    bans: Iterable[Ban] = (),
) -> AsyncIterator[AdminServer]:
    async with open_journal("memory:", data=Path()) as journal, trio.open_nursery() as nursery:
        admin = AdminServer(journal, access, keep_timeout_s, bans)
        nursery.start_soon(admin.operator_log.run)
        listeners = await open_listeners("127.0.0.1", 0)
        (admin.site.url,) = await nursery.start(serve_http, admin.site.app, listeners)
        with watching(nursery):
            yield admin
        nursery.cancel_scope.cancel()


@pytest.fixture(scope="session")
def open_admin() -> OpenAdmin:
    """Serve an admin app with some access settings during a block."""
    return open_admin_server


@pytest.fixture
async def admin(nursery: trio.Nursery) -> AsyncIterator[AdminServer]:
    async with open_admin_server() as admin:
        yield admin
