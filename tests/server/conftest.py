"""A server in this process: chat, journal in memory, pump and listener, but no files and no console."""

import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.loop_watch import watching
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.dependencies import Change
from trio_chat.chat.operators.bans import Bans
from trio_chat.chat.operators.mutes import Mutes
from trio_chat.config import ServeSettings
from trio_chat.journal import open_journal
from trio_chat.serve.wiring import KeptRecords, wire
from trio_chat.server.operation.secret_files import Password, Secrets
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.session import serve_connection
from trio_chat.server.sessions.throttle import RateLimit
from trio_chat.server.transport.admission import AdmissionLimits
from trio_chat.server.transport.listener import accept_forever, bind
from trio_chat.server.transport.tls import Tls

PATIENCE_S = 1000
"""After this long without what a test waits for, it fails; some let the clock jump."""


@dataclass
class RunningServer:
    """A server, with all that a test inspects or changes."""

    context: SessionContext
    port: int
    bans: Bans
    mutes: Mutes
    changes: list[tuple[Change, str]] = field(default_factory=list)
    disconnects: list[DisconnectReason] = field(default_factory=list)
    came: trio.Event = field(default_factory=trio.Event)
    streams: list[trio.SocketStream] = field(default_factory=list)

    @property
    def chat(self) -> Chat:
        return self.context.chat

    async def connect(self) -> "Line":
        """Connect as `nc` would."""
        self.streams.append(await trio.open_tcp_stream("127.0.0.1", self.port))
        return Line(self.streams[-1])

    def call(self) -> "Line":
        """Return a connection that begins with the first bytes that are sent.

        Where the loop stands still between the two for as long as a silent client has to wait, a frame would come late.
        """

        def begin(first: bytes) -> trio.SocketStream:
            sock = socket.create_connection(("127.0.0.1", self.port))
            sock.sendall(first)
            self.streams.append(trio.SocketStream(trio.socket.from_stdlib_socket(sock)))
            return self.streams[-1]

        return Line(begin)

    async def join(self, header: bytes = b"") -> "Line":
        """Connect and wait until that is a client."""
        count = len(self.changes)
        line = await self.connect()
        if header:
            await line.send(header)
        await self.changed(count + 1)
        return line

    async def changed(self, count: int) -> None:
        """Return when so many clients have come or gone."""
        while len(self.changes) < count:
            await self.came.wait()

    def report(self, change: Change, client: Client, reason: DisconnectReason | None) -> None:
        self.changes.append((change, client.peer))
        if reason:
            self.disconnects.append(reason)
        self.came.set()
        self.came = trio.Event()


class Line:
    """The other end of a connection that speaks lines."""

    stream: trio.abc.Stream

    def __init__(self, stream: trio.abc.Stream | Callable[[bytes], trio.abc.Stream]) -> None:
        """`stream` is one, or begins one by sending its first bytes."""
        self._begin = None
        if isinstance(stream, trio.abc.Stream):
            self.stream = stream
        else:
            self._begin = stream
        self._rest = b""

    async def send(self, data: bytes) -> None:
        if self._begin:
            self.stream, self._begin = self._begin(data), None
        else:
            await self.stream.send_all(data)

    async def line(self) -> str:
        """The next line."""
        with trio.fail_after(PATIENCE_S):
            while b"\n" not in self._rest:
                data = await self.stream.receive_some()
                assert data, f"the connection ended after {self._rest!r}"
                self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    async def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        with trio.fail_after(PATIENCE_S):
            try:
                async for data in self.stream:
                    self._rest += data
            except trio.BrokenResourceError:
                pass
        rest, self._rest = self._rest, b""
        return rest


@asynccontextmanager
async def _open_server(
    limits: AdmissionLimits = AdmissionLimits(),  # noqa: B008  # frozen
    *,
    rate_limit: RateLimit | None = None,
    password: str = "",
    tls: Tls | None = None,
    host: str = "127.0.0.1",
    journal_url: str = "memory:",
    data: Path = Path(),
) -> AsyncIterator[RunningServer]:
    (listener,) = bind(host, 0)
    with listener:
        async with open_journal(journal_url, data=data) as journal, trio.open_nursery() as nursery:
            parts = wire(
                ServeSettings(),
                journal,
                nursery,
                secrets=Secrets(Password(password), tls),
                kept=KeptRecords(),
                on_change=lambda _chat, change, client, reason: server.report(change, client, reason),
                on_record=lambda who, action, what: None,
            )
            context = parts.context
            context.admission.limits = limits
            context.rate_limit = rate_limit or RateLimit()
            server = RunningServer(context, listener.getsockname()[1], parts.operator.bans, parts.operator.mutes)

            async def hear() -> None:
                async for entries in parts.news:
                    context.chat.deliver(entries)

            for part in (context.pump, context.heartbeats):
                nursery.start_soon(part.run)
            nursery.start_soon(hear)
            nursery.start_soon(accept_forever, listener, partial(serve_connection, context), nursery)
            try:
                with watching(nursery):
                    yield server
            finally:
                for stream in server.streams:
                    stream.socket.close()
            nursery.cancel_scope.cancel()


OpenServer = Callable[..., AbstractAsyncContextManager[RunningServer]]


@pytest.fixture
def open_server() -> OpenServer:
    """Open a server inside the test: with limits, a rate limit, a password, a certificate."""
    return _open_server


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Ask what was logged so far, from `info` on."""
    caplog.set_level(logging.INFO, "trio_chat")
    return lambda: [record.getMessage() for record in caplog.records]
