"""`trio-chat serve`: chat and admin API in one nursery, and the order in which everything starts and stops.

Start: secrets are read, the journal and the ports are opened, the components are wired and their tasks started, rooms
and sessions are restored; then the chat accepts, and after it the admin API and the console.

Stop: where the settings ask for it, people are first sent to other servers (`server.operation.drain`). Then, in the
stages of `server.shutdown_timeouts`, accepted lines are delivered, clients are told, sessions end, records are written;
all tasks are cancelled, and the ports and the journal are closed.
"""

import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import trio

from trio_chat.awake_clock import AwakeClock
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.dependencies import Change
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.wording import stops_within
from trio_chat.config import CollectedSettings, ServeSettings, unknown_variable_warnings
from trio_chat.exception_groups import leaf_exceptions
from trio_chat.journal import Durability, JournalError, OperatorStore, need, open_journal
from trio_chat.serve.admin import Admin
from trio_chat.serve.garbage import GarbageCollection
from trio_chat.serve.io_batches import bound_io_batches
from trio_chat.serve.ports import open_ports
from trio_chat.serve.reload import Reloader, ReloadResult, apply_names_file
from trio_chat.serve.settings_in_force import SettingsInForce
from trio_chat.serve.startup_responder import StartupResponder
from trio_chat.serve.wiring import Components, read_kept_records, wire
from trio_chat.server.credentials.names_file import NamesFile
from trio_chat.server.delivery.liveness import watch_unacknowledged
from trio_chat.server.errors import SetupError
from trio_chat.server.operation import console
from trio_chat.server.operation.console_input import read_commands
from trio_chat.server.operation.drain import HANG_UPS_PER_TURN, drain
from trio_chat.server.operation.logs import STDERR, is_journald, logging_to, priority_of
from trio_chat.server.operation.secret_files import (
    AdminToken,
    Secrets,
    needs_own_certificate,
    open_admin_token,
    open_secrets,
)
from trio_chat.server.operation.shutdown import Stop, watch_for_reload, watch_for_stop
from trio_chat.server.operation.stdio import Printer
from trio_chat.server.operation.systemd import ServiceManager, inherited_sockets
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.ending import log_disconnect
from trio_chat.server.sessions.read_marks import note_sent_forever
from trio_chat.server.sessions.session import serve_connection
from trio_chat.server.sessions.settling import settled
from trio_chat.server.sessions.sticker_news import share_stickers
from trio_chat.server.shutdown_timeouts import DELIVERY_S, EVENT_STREAMS_S, RECORDS_S
from trio_chat.server.transport.admission import raise_file_limit
from trio_chat.server.transport.certificate import fingerprint_of
from trio_chat.server.transport.listener import accept_forever
from trio_chat.server.upkeep.housekeeping import restore_rooms
from trio_chat.server.upkeep.session_restore import restore_sessions
from trio_chat.server.upkeep.sticker_keeping import StickerKeeping
from trio_chat.server.upkeep.waiting_counts import restore_waiting
from trio_chat.wire.lines import encode_notice

STDIN, STDOUT = 0, 1

TICK_INTERVAL_S = 1.0
"""Between two calls of `Chat.tick`."""

CERTIFICATE_CHECK_INTERVAL_S = 86400.0

GARBAGE_CHECK_INTERVAL_S = 60.0

ENTRIES_PER_TURN = 2000
"""Entries appended to rooms between two checkpoints, in some 5 ms."""

logger = logging.getLogger(__name__)


def serve(found: CollectedSettings, read_settings: Callable[[], CollectedSettings]) -> int:
    """Run the server until it is told to stop. `read_settings` reads the settings again, for a reload.

    An admin port in use leaves the admin API off instead of ending the start, unless it was asked for. Raises
    ConfigError.

    -> exit status; the reason for one other than 0 is one line on stderr.
    """
    raise_file_limit()
    settings = found.build(ServeSettings)
    garbage = GarbageCollection()
    status = 0
    try:
        with garbage.in_pieces(), logging_to(style=settings.log_format, level=settings.log_level):
            for warning in unknown_variable_warnings(os.environ):
                logger.warning("%s", warning)
            trio.run(
                partial(_serve, garbage=garbage),
                SettingsInForce(settings, found.sources),
                read_settings,
                clock=AwakeClock(on_standstill=_log_standstill),
            )
    except* (SetupError, JournalError) as errors:
        priority = priority_of(logging.ERROR) if is_journald(STDERR, os.environ) else ""
        print(f"{priority}trio-chat: {leaf_exceptions(errors)[0]}", file=sys.stderr)
        status = 1
    return status


async def _serve(
    in_force: SettingsInForce, read_settings: Callable[[], CollectedSettings], *, garbage: GarbageCollection
) -> None:
    """Watch for signals, read the secrets and serve."""
    bound_io_batches()
    stop = Stop()
    async with trio.open_nursery() as nursery:
        await nursery.start(watch_for_stop, stop)
        nursery.start_soon(_collect_garbage, garbage)
        files = await stop.run_unless_requested(
            lambda: (open_secrets(in_force.settings), open_admin_token(in_force.settings))
        )
        if files is not None:
            try:
                await _serve_until(stop, in_force, read_settings, *files, background=nursery)
            except JournalError:
                if not stop.is_requested:  # else it was not opened to the end, and nothing was kept or lost
                    raise
        nursery.cancel_scope.cancel()


async def _serve_until(
    stop: Stop,
    in_force: SettingsInForce,
    read_settings: Callable[[], CollectedSettings],
    secrets: Secrets,
    token: AdminToken,
    *,
    background: trio.Nursery,
) -> None:
    """Open the ports and the journal, wire the server and run it. What was opened first is closed last."""
    settings, needs_admin = in_force.settings, "admin_port" in in_force.sources
    async with AsyncExitStack() as stack:
        ports = open_ports(settings, inherited_sockets(os.environ), needs_admin=needs_admin)
        chat_sockets, admin_listeners = await stack.enter_async_context(ports)
        answered = () if settings.admin_tls else admin_listeners
        with StartupResponder(answered).running_in(background):
            journal = await stack.enter_async_context(
                open_journal(
                    settings.journal,
                    data=settings.data,
                    close_by=lambda: stop.deadline,
                    durability=Durability(settings.journal_durability),
                )
            )
        admin = Admin(in_force, token, admin_listeners)
        kept = await read_kept_records(journal)
        printer = Printer(STDOUT)
        async with trio.open_nursery() as nursery:
            components = wire(
                settings,
                journal,
                nursery,
                secrets=secrets,
                kept=kept,
                on_change=partial(_report_change, printer, admin),
                on_record=admin.events.append_action,
            )
            server = Server(
                settings=settings,
                names=secrets.names,
                components=components,
                admin=admin,
                nursery=nursery,
                printer=printer,
                reloader=Reloader(
                    in_force,
                    components.context,
                    components.pruning,
                    names=secrets.names,
                    name_keeping=components.name_keeping,
                    read_settings=read_settings,
                ),
                stop=stop,
                manager=ServiceManager(os.environ),
            )
            await server.run(chat_sockets)
            nursery.cancel_scope.cancel()
        printer.flush_nowait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The tasks of a server. `nursery` has all tasks but the sessions, and outlives these."""

    settings: ServeSettings
    names: NamesFile
    components: Components
    admin: Admin
    nursery: trio.Nursery
    printer: Printer
    reloader: Reloader
    stop: Stop
    manager: ServiceManager

    @property
    def context(self) -> SessionContext:
        """The context of all sessions."""
        return self.components.context

    async def run(self, chat_sockets: Sequence[socket.socket]) -> None:
        """Run the server until a stop; return when the sessions have ended and the records are written."""
        self._start_tasks()
        await self._restore()
        async with trio.open_nursery() as sessions:
            for chat_socket in chat_sockets:
                sessions.start_soon(self._accept, chat_socket, sessions)
            for port in dict.fromkeys(chat_socket.getsockname()[1] for chat_socket in chat_sockets):
                self.printer.print(f"Chat Server started on port: {port}")
            self.admin.chat_port = chat_sockets[0].getsockname()[1]
            self.printer.hold()  # connections are printed after the address of the admin API
            sessions.start_soon(self._start_admin_and_console)
            self.stop.drain_s = self.settings.drain
            await self.stop.announced()
            self.manager.stopping()
            if not self.stop.is_requested:
                await self.stop.run_until_requested(self._drain)
                self.stop.request()
            await self._deliver_accepted()
            await self._hang_up_all()
            sessions.cancel_scope.cancel()
        await self._write_records()

    def _start_tasks(self) -> None:
        context, start = self.context, self.nursery.start_soon
        for part in (
            self.printer,
            context.pump,
            context.heartbeats,
            self.components.operator_log,
            context.memories,
        ):
            start(part.run)
        start(watch_for_reload, partial(self.reloader.request, "SIGHUP"), self.stop.request, STDIN)
        start(self.reloader.run, self._report_reload, self.manager)
        start(self.manager.watch)
        start(watch_unacknowledged, context.chat)
        start(self._follow_journal)
        start(self._tick)
        start(note_sent_forever, context)
        start(self._watch_certificates)

    async def _restore(self) -> None:
        """Restore rooms, sessions and numbers of messages from the journal; only then start pruning."""
        chat, journal = self.context.chat, self.context.journal
        await restore_rooms(chat, journal)
        for warning in await apply_names_file(self.context.accounts, self.names):
            self.printer.print(warning)
        await restore_sessions(chat, journal, self.context.admission.origin_of)
        await restore_waiting(chat, journal)
        self.nursery.start_soon(self.components.node_delegate.run)
        chat.nodes.attach(self.components.node_delegate)
        self.nursery.start_soon(self.components.pruning.run)
        self.nursery.start_soon(self.components.name_keeping.run)
        stickers = StickerKeeping(self.settings.stickers, on_change=partial(share_stickers, self.context))
        await stickers.look()
        self.nursery.start_soon(stickers.run)

    async def _accept(self, chat_socket: socket.socket, sessions: trio.Nursery) -> None:
        await accept_forever(chat_socket, partial(serve_connection, self.context), sessions)

    async def _start_admin_and_console(self) -> None:
        """Open the admin API. This runs among the sessions, so that a stop cancels it: the import can take seconds."""
        operator, context = self.components.operator, self.context
        rows = await self.admin.start(self.nursery, operator, context, is_stopping=lambda: self.stop.is_announced)
        if needs_own_certificate(self.settings) and context.tls:
            rows = [*rows, f"TLS certificate: {fingerprint_of(context.tls.certificate_digest)}"]
        self.printer.release(rows)
        if self.settings.console:
            self.nursery.start_soon(self._run_console)
        self.manager.ready()

    async def _drain(self) -> None:
        """Send people to other servers, as long as the settings say."""
        chat, seconds = self.context.chat, self.settings.drain
        logger.info("draining: %d clients have %g s to go to other servers", len(chat.clients), seconds)
        hang_up = partial(self._hang_up, reason=CloseReason.DRAINED)
        await drain(lambda: chat.clients, seconds, warn=self._warn, hang_up=hang_up)

    def _warn(self, client: Client) -> None:
        """Ask a plain client to connect again, unless it takes nothing just now."""
        self.context.pump.notify(client, encode_notice(stops_within(self.settings.drain)))

    async def _deliver_accepted(self) -> None:
        """Stage 1 of a stop: write accepted lines to the journal and deliver them to their rooms."""
        self.context.chat.notices.sum_up()
        with self.stop.stage(DELIVERY_S):
            await settled(self.context)

    async def _hang_up_all(self) -> None:
        """Stage 2 of a stop: tell every client; the sessions then flush, each within its timeout.

        They end in turns, and those who came meanwhile all at once.
        """
        for number, client in enumerate(tuple(self.context.chat.clients), 1):
            self._hang_up(client)
            if number % HANG_UPS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
        for client in tuple(self.context.chat.clients):
            self._hang_up(client)

    def _hang_up(self, client: Client, reason: CloseReason = CloseReason.STOPPING) -> None:
        self.context.pump.flush(client)
        client.outlet.hang_up(reason)

    async def _write_records(self) -> None:
        """Stage 3 of a stop: write sessions and operator records to the journal, and end event streams."""
        self.context.chat.notices.sum_up()
        with self.stop.stage(RECORDS_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.context.journal.settled)
                nursery.start_soon(self.components.operator_log.settled, RECORDS_S)
                nursery.start_soon(self.context.memories.keep_last)
                nursery.start_soon(self.admin.events.aclose, EVENT_STREAMS_S)
                nursery.start_soon(self.admin.withdraw)

    async def _follow_journal(self) -> None:
        """Append durable entries to their rooms, a bounded number at a time, so as not to hold the loop."""
        async for entries in self.components.news:
            for start in range(0, len(entries), ENTRIES_PER_TURN):
                turn = entries[start : start + ENTRIES_PER_TURN]
                self.context.chat.deliver(turn)
                self.admin.events.append_entries(turn)
                await trio.lowlevel.checkpoint()

    async def _tick(self) -> None:
        while True:
            await trio.sleep(TICK_INTERVAL_S)
            self.context.chat.tick()
            while self.context.chat.end_overdue_sessions():
                await trio.lowlevel.checkpoint()

    async def _watch_certificates(self) -> None:
        """Log a warning about each certificate that clients refuse by its dates, or soon will, now and every day."""
        while True:
            for level, text in self.context.certificate_warnings(time.time()):
                logger.log(level, "%s", text)
            await trio.sleep(CERTIFICATE_CHECK_INTERVAL_S)

    async def _run_console(self) -> None:
        """Run the commands typed on stdin until a stop is requested, when the terminal is restored at once."""
        reload = partial(self.reloader.request_and_wait, console.BY)
        journal = self.context.journal
        context = console.ConsoleContext(self.components.operator, need(journal, OperatorStore), journal, reload)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_commands, context, self.printer, self.stop.request, (STDIN, STDOUT, STDERR))
            await self.stop.requested()
            nursery.cancel_scope.cancel()

    def _report_reload(self, by: str, result: ReloadResult) -> None:
        self.components.operator_log.record(by, "reload", result.summary)
        for line in result.lines:
            self.printer.print(line)


async def _collect_garbage(garbage: GarbageCollection) -> None:
    while True:
        await trio.sleep(GARBAGE_CHECK_INTERVAL_S)
        garbage.collect_if_due()


def _log_standstill(seconds: float) -> None:
    logger.warning("the server stood still for %.1f s: nobody is disconnected for that", seconds)


def _report_change(
    printer: Printer, admin: Admin, chat: Chat, change: Change, client: Client, reason: DisconnectReason | None
) -> None:
    """Report the beginning or end of a connection to the console, the log and the event streams."""
    printer.print(console.change_line(change, client))
    log_disconnect(client, reason)
    admin.events.append_change(chat, change, client, reason)
