"""The one nursery: journal, chat, listener, admin and console, and the order in which they start and stop.

Only this module knows that chat and HTTP share a process.
"""

import logging
import os
import socket
import sys
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

import trio

from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.dependencies import Change
from trio_chat.chat.outlet import CloseReason
from trio_chat.config import ServeSettings, ignored_variables
from trio_chat.exception_groups import leaf_exceptions
from trio_chat.journal import JournalError, open_journal
from trio_chat.serve.admin import Admin
from trio_chat.serve.ports import open_ports
from trio_chat.serve.reload import Reloaded, Reloader
from trio_chat.serve.wiring import Parts, wire
from trio_chat.server.delivery.liveness import watch_unacknowledged
from trio_chat.server.errors import SetupError
from trio_chat.server.operation import console
from trio_chat.server.operation.logs import logging_to
from trio_chat.server.operation.secret_files import AdminToken, Secrets, open_admin_token, read_secrets
from trio_chat.server.operation.shutdown import Stop, watch_for_reload, watch_for_stop
from trio_chat.server.operation.stdio import Printer, read_lines
from trio_chat.server.operation.systemd import ServiceManager, inherited_sockets
from trio_chat.server.sessions.context import SessionContext, heard
from trio_chat.server.sessions.ending import log_end
from trio_chat.server.sessions.session import serve_connection
from trio_chat.server.shutdown_timeouts import DELIVERY_S, EVENT_STREAMS_S, RECORDS_S
from trio_chat.server.transport.admission import raise_file_limit
from trio_chat.server.transport.listener import accept_forever
from trio_chat.server.upkeep.housekeeping import restore_rooms
from trio_chat.server.upkeep.operator_log import read_bans
from trio_chat.server.upkeep.session_store import restore_sessions

STDIN, STDOUT = 0, 1
TICK_S = 1.0

HEARD_PER_TURN = 2000
"""Entries put into rooms between two checkpoints: 5 ms."""

logger = logging.getLogger(__name__)


def serve(settings: ServeSettings, read: Callable[[], ServeSettings]) -> int:
    """Run the server until it is told to stop; `read` is how it reads its settings again.

    -> exit status; a reason other than 0 is one line on stderr.
    """
    raise_file_limit()
    status = 0
    try:
        with logging_to(style=settings.log_format, level=settings.log_level):
            for fault in ignored_variables(os.environ):
                logger.warning("%s", fault)
            trio.run(_serve, settings, read)
    except* (SetupError, JournalError) as failed:
        print(f"trio-chat: {leaf_exceptions(failed)[0]}", file=sys.stderr)
        status = 1
    return status


async def _serve(settings: ServeSettings, read: Callable[[], ServeSettings]) -> None:
    stop = Stop()
    async with trio.open_nursery() as watching:
        await watching.start(watch_for_stop, stop.request)
        files = await stop.run_unless_requested(lambda: (read_secrets(settings), open_admin_token(settings)))
        if files is not None:
            await _serve_until(stop, settings, read, *files)
        watching.cancel_scope.cancel()


async def _serve_until(
    stop: Stop, settings: ServeSettings, read: Callable[[], ServeSettings], secrets: Secrets, token: AdminToken
) -> None:
    """Open what a server stands on, wire it together and run it. What was opened first is closed last."""
    async with (
        open_journal(settings.journal, data=settings.data, close_by=lambda: stop.deadline) as journal,
        open_ports(settings, inherited_sockets(os.environ)) as (chat_socket, admin_listeners),
    ):
        admin = Admin(settings, token, admin_listeners)
        bans = await read_bans(journal)
        printer = Printer(STDOUT)
        async with trio.open_nursery() as nursery:
            parts = wire(
                settings,
                journal,
                nursery,
                secrets=secrets,
                bans=bans,
                on_change=partial(_report, printer, admin),
                on_record=admin.events.note_deed,
            )
            server = Server(
                settings=settings,
                parts=parts,
                admin=admin,
                nursery=nursery,
                printer=printer,
                reloader=Reloader(settings, parts.context, parts.pruning, read=read),
                stop=stop,
                manager=ServiceManager(os.environ),
            )
            await server.run(chat_socket)
            nursery.cancel_scope.cancel()
        printer.flush_nowait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What runs beside each other. `nursery` holds all but the sessions, and outlives them."""

    settings: ServeSettings
    parts: Parts
    admin: Admin
    nursery: trio.Nursery
    printer: Printer
    reloader: Reloader
    stop: Stop
    manager: ServiceManager

    async def run(self, chat_socket: socket.socket) -> None:
        """Start everything, and return when the sessions have ended after a request to stop."""
        self._start_tasks()
        await self._recall()
        async with trio.open_nursery() as sessions:
            sessions.start_soon(self._accept, chat_socket, sessions)
            self.printer.print(f"Chat Server started on port: {chat_socket.getsockname()[1]}")
            self.printer.hold()  # who comes before the admin app is there is told of below its address
            sessions.start_soon(self._open_to_operators)
            await self.stop.requested()
            self.manager.stopping()
            await self._let_be_heard()
            for client in tuple(self.context.chat.clients):
                self.context.pump.flush(client)
                client.outlet.hang_up(CloseReason.STOPPING)
            sessions.cancel_scope.cancel()
        await self._settle()

    @property
    def context(self) -> SessionContext:
        """What sessions work with."""
        return self.parts.context

    def _start_tasks(self) -> None:
        context, start = self.context, self.nursery.start_soon
        for part in (self.printer, context.pump, context.pulse, context.places, self.parts.operator_log):
            start(part.run)
        start(watch_for_reload, partial(self.reloader.request, "SIGHUP"), self.stop.request, STDIN)
        start(self.reloader.run, self._tell_reload, self.manager)
        start(self.manager.watch)
        start(watch_unacknowledged, context.chat)
        start(self._hear)
        start(self._tick)

    async def _recall(self) -> None:
        """Know who and what was here before; only then is anything pruned."""
        chat, journal = self.context.chat, self.context.journal
        await restore_rooms(chat, journal)
        await restore_sessions(chat, journal, self.context.places)
        self.nursery.start_soon(self.parts.pruning.run)

    async def _let_be_heard(self) -> None:
        """Bring what was said before the stop to its rooms, if that can be done soon."""
        with self.stop.stage(DELIVERY_S):
            await self.context.journal.settled()
            await heard(self.context)

    async def _settle(self) -> None:
        """Have written down what the end of the sessions came to, for as long as there is time."""
        self.context.chat.sum_up()
        with self.stop.stage(RECORDS_S):
            async with trio.open_nursery() as settling:
                settling.start_soon(self.context.places.settled)
                settling.start_soon(self.parts.operator_log.settled, RECORDS_S)
                settling.start_soon(self.admin.events.aclose, EVENT_STREAMS_S)

    async def _open_to_operators(self) -> None:
        """Start the admin app and the console; a stop need not wait for that."""
        self.printer.release(await self.admin.start(self.nursery, self.parts.operator, self.context))
        if self.settings.console:
            self.nursery.start_soon(self._obey_console)
        self.manager.ready()

    async def _accept(self, chat_socket: socket.socket, sessions: trio.Nursery) -> None:
        await accept_forever(chat_socket, partial(serve_connection, self.context), sessions)

    async def _hear(self) -> None:
        """Bring what is durable to the rooms, a portion at a time: no number of entries holds up the loop."""
        async for entries in self.context.journal.follow():
            for start in range(0, len(entries), HEARD_PER_TURN):
                self.context.chat.hear(entries[start : start + HEARD_PER_TURN])
                await trio.lowlevel.checkpoint()

    async def _tick(self) -> None:
        while True:
            await trio.sleep(TICK_S)
            self.context.chat.tick()

    async def _obey_console(self) -> None:
        have_reloaded = partial(self.reloader.have_reloaded, console.BY)
        desk = console.ConsoleContext(self.parts.operator, self.context.journal, have_reloaded)
        try:
            async with aclosing(read_lines(STDIN)) as lines:
                async for line in lines:
                    for row in await console.obey(desk, line):
                        self.printer.print(row)
        except console.Quit:
            self.stop.request()

    def _tell_reload(self, by: str, reloaded: Reloaded) -> None:
        self.parts.operator_log.record(by, "reload", reloaded.summary)
        for line in reloaded.lines:
            self.printer.print(line)


def _report(
    printer: Printer, admin: Admin, chat: Chat, change: Change, client: Client, end: DisconnectReason | None
) -> None:
    printer.print(console.change_line(change, client))
    log_end(client, end)
    admin.events.note_change(chat, change, client, end)
