"""The one nursery: journal, chat, listener, admin and console, and the order in which they start and stop.

Only this module knows that chat and HTTP share a process.
"""

import errno
import importlib
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

import trio

from admin_api.listening import open_listeners
from trio_chat.chat.bans import Ban, Bans
from trio_chat.chat.chat import Change, Chat, Rules, Surroundings
from trio_chat.chat.client import Client, Farewell
from trio_chat.chat.log import Mode, Window
from trio_chat.chat.operator import Operator
from trio_chat.chat.tally import End
from trio_chat.config import ServeSettings
from trio_chat.journal import Journal, JournalError, open_journal
from trio_chat.server import console
from trio_chat.server.admission import Admission, Limits
from trio_chat.server.ending import log_end
from trio_chat.server.errors import SetupError
from trio_chat.server.ledger import Ledger, read_bans
from trio_chat.server.housekeeping import prune_forever, recall_rooms
from trio_chat.server.listener import accept_forever, bind
from trio_chat.server.logs import logging_to
from trio_chat.server.password import Password, read_password
from trio_chat.server.pump import Pump
from trio_chat.server.services import Pace, Services
from trio_chat.server.session import serve_connection
from trio_chat.server.stdio import Printer, read_lines
from trio_chat.server.tls import Tls
from trio_chat.wire import frames, lines

STDIN, STDOUT = 0, 1
TICK_S = 1.0

LEDGER_S = 1.0
"""How long a server that stops waits for what operators did to be written down."""

_STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM)

RESERVED_FILES = 200
"""Open files that are no clients: the journal, those who ask the admin API, and whom there is no room for."""

_REMEDIES = {errno.EADDRINUSE: "port", errno.EACCES: "port", errno.EADDRNOTAVAIL: "host"}


class StartError(Exception):
    """The server cannot start; the text says why and what to do."""


def serve(settings: ServeSettings) -> int:
    """Run the server until it is told to stop. -> exit status; a reason other than 0 is one line on stderr."""
    _reserve_standard_fds()
    _raise_file_limit()
    try:
        with logging_to(style=settings.log_format, level=settings.log_level):
            trio.run(_serve, settings)
    except (StartError, SetupError, JournalError) as failed:
        print(f"trio-chat: {failed}", file=sys.stderr)
        return 1
    return 0


async def _serve(settings: ServeSettings) -> None:
    secrets = _read_secrets(settings)
    async with (
        open_journal(settings.journal, data=settings.data) as journal,
        _open_ports(settings) as (chat_socket, admin_listeners),
    ):
        async with trio.open_nursery() as nursery:
            server = Server(settings, journal, nursery, secrets, bans=await read_bans(journal))
            await server.run(chat_socket, admin_listeners)
            nursery.cancel_scope.cancel()
        server.printer.flush_nowait()


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is in files of their own."""

    password: Password
    tls: Tls | None


def _read_secrets(settings: ServeSettings) -> Secrets:
    """Read what the settings name. Raises SetupError."""
    if settings.tls_cert is None and (settings.tls_required or settings.tls_key):
        raise SetupError("there is no TLS without a certificate: give one with --tls-cert")
    password = read_password(settings.password_file)
    if settings.tls_cert is None:
        return Secrets(password, None)
    return Secrets(password, Tls(settings.tls_cert, settings.tls_key, is_required=settings.tls_required))


@asynccontextmanager
async def _open_ports(settings: ServeSettings) -> AsyncIterator[tuple[socket.socket, list[trio.SocketListener]]]:
    """Bind both ports before anything starts, so that one that is taken is said at once. Both are closed at the end."""
    with ExitStack() as opened:
        with _explaining("", settings.host, settings.port):
            chat_socket = opened.enter_context(bind(settings.host, settings.port))
        with _explaining("admin-", settings.admin_host, settings.admin_port):
            admin_listeners = await open_listeners(settings.admin_host, settings.admin_port)
        for listener in admin_listeners:
            opened.enter_context(listener.socket)
        yield chat_socket, admin_listeners


class Server:
    """What runs beside each other, wired together. `nursery` holds all but the sessions, and outlives them."""

    def __init__(
        self, settings: ServeSettings, journal: Journal, nursery: trio.Nursery, secrets: Secrets, *, bans: Iterable[Ban]
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._nursery = nursery
        self._stop = trio.Event()
        self.printer = Printer(STDOUT)
        self._pump = Pump(nursery, stall_timeout_s=settings.stall_timeout)
        outside = Surroundings(
            post=journal.post,
            encoders={Mode.LINES: lines.encode_entry, Mode.FRAMES: frames.encode_entry},
            wall_clock=time.time,
            clock=time.monotonic,
            on_change=self._report,
            on_news=self._pump.has_news,
        )
        rules = Rules(
            window=Window(settings.window_entries, settings.window_bytes),
            hold_s=settings.hold,
            announce_max_members=settings.announce_max,
        )
        self._chat = Chat(outside, rules=rules, last_id=journal.last_id)
        self._ledger = Ledger(journal, time.time)
        self._operator = Operator(self._chat, Bans(bans, self._ledger), self._ledger, time.time)
        self._services = Services(
            self._chat,
            journal,
            self._pump,
            admission=Admission(_limits(settings), self._operator.bans),
            pace=Pace(settings.rate, settings.burst),
            password=secrets.password,
            tls=secrets.tls,
        )

    async def run(self, chat_socket: socket.socket, admin_listeners: list[trio.SocketListener]) -> None:
        """Start everything, and return when the sessions have ended after a request to stop."""
        for task in (self._watch_signals, self.printer.run, self._pump.run, self._ledger.run, self._hear, self._tick):
            self._nursery.start_soon(task)
        await recall_rooms(self._chat, self._journal)
        self._nursery.start_soon(prune_forever, self._journal, self._settings.keep)
        async with trio.open_nursery() as sessions:
            sessions.start_soon(self._accept, chat_socket, sessions)
            self.printer.print(f"Chat Server started on port: {chat_socket.getsockname()[1]}")
            await self._start_admin(admin_listeners)
            if self._settings.console:
                self._nursery.start_soon(self._obey_console)
            await self._stop.wait()
            for client in tuple(self._chat.clients):
                client.outlet.hang_up(Farewell.STOPPING)
            sessions.cancel_scope.cancel()
        await self._ledger.settled(LEDGER_S)

    async def _accept(self, chat_socket: socket.socket, sessions: trio.Nursery) -> None:
        await accept_forever(chat_socket, partial(serve_connection, self._services), sessions)

    async def _hear(self) -> None:
        """Bring what is durable to the rooms."""
        async for entries in self._journal.follow():
            self._chat.hear(entries)

    async def _tick(self) -> None:
        while True:
            await trio.sleep(TICK_S)
            self._chat.tick()

    async def _start_admin(self, listeners: list[trio.SocketListener]) -> None:
        """Start the admin app.

        It is imported now, since that takes longer than all else and chat need not wait for it.
        """
        admin = await trio.to_thread.run_sync(importlib.import_module, "admin_api.app")
        urls = await self._nursery.start(admin.serve_admin, self._chat, self._journal, listeners)
        self.printer.print(f"Admin API started on: {urls[0]}")

    async def _obey_console(self) -> None:
        desk = console.Desk(self._operator, self._journal)
        try:
            async for line in read_lines(STDIN):
                for row in await console.obey(desk, line):
                    self.printer.print(row)
        except console.Quit:
            self._stop.set()

    async def _watch_signals(self) -> None:
        """The first signal stops the server in good order; a second one ends it at once."""
        for number in _STOPPING_SIGNALS:  # in force again after the block, which hands over what it has not seen
            signal.signal(number, _exit_at_once)
        with trio.open_signal_receiver(*_STOPPING_SIGNALS) as signals:
            async for _ in signals:
                break
        self._stop.set()

    def _report(self, change: Change, client: Client, end: End | None) -> None:
        self.printer.print(console.change_line(change, client))
        log_end(client, end)


def _limits(settings: ServeSettings) -> Limits:
    """What the settings say of who may connect. More clients than there can be open files are none."""
    files, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = files - min(RESERVED_FILES, files // 4) if files != resource.RLIM_INFINITY else 0
    return Limits(
        clients=min(filter(None, (settings.max_clients, room)), default=0),
        per_address=settings.max_per_address,
        connect_rate=settings.connect_rate,
        allow=settings.allow,
        deny=settings.deny,
        proxies=settings.proxy,
    )


@contextmanager
def _explaining(prefix: str, host: str, port: int) -> Iterator[None]:
    """Turn what keeps us from listening into one line that says what to do."""
    try:
        yield
    except (socket.gaierror, UnicodeError) as error:  # UnicodeError: no name can be like that
        raise StartError(
            f"cannot listen on {host!r}: there is no such name or address; choose another with --{prefix}host"
        ) from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        hint = f"; choose another with --{prefix}{_REMEDIES[error.errno]}" if error.errno in _REMEDIES else ""
        raise StartError(f"cannot listen on {host or '*'} port {port}: {reason}{hint}") from error


def _exit_at_once(number: int, _frame: object) -> None:
    """Exit as a signal would make us. The default action will not do: the first process of a container has none."""
    os._exit(128 + number)


def _reserve_standard_fds() -> None:
    """Fill a closed stdin, stdout or stderr with /dev/null, or the next socket would take its number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)


def _raise_file_limit() -> None:
    """Use all the file descriptors that the system grants: each client is one."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
