"""Serving a Quart-Trio app over HTTP/1.1, so that no peer can affect more than its own connection."""

import logging
import math
from collections.abc import Sequence
from typing import cast

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework
from quart_trio import QuartTrio

from admin_api.http.encryption import GetContext, TlsStream, encrypted
from admin_api.http.hypercorn_fixes import Connection, HttpContext
from admin_api.http.listening import DEFAULT_LIMITS, HttpLimits, urls_of

ACCEPT_RETRY_S = 0.2
ACCEPT_LOG_INTERVAL_S = 1

logger = logging.getLogger("trio_chat.serve.admin")


async def serve_http(
    app: QuartTrio,
    listeners: Sequence[trio.SocketListener],
    *,
    limits: HttpLimits = DEFAULT_LIMITS,
    get_context: GetContext | None = None,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve on `listeners` until cancelled, then close them; reports their URLs. With `get_context`, over TLS only.

    Cancellation ends every connection at once, whatever its peer does. `app` runs without ASGI's lifespan: its maker
    owns its resources and the nursery of its tasks.
    """
    app.config.update(
        MAX_CONTENT_LENGTH=limits.body_bytes, BODY_TIMEOUT=limits.body_s, RESPONSE_TIMEOUT=limits.answer_s
    )
    server = _Server(app, limits, get_context)
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(server.accept_forever, listener)
        task_status.started(urls_of(listeners, "https" if get_context else "http"))


class _Slot:
    """One of the connections allowed at once: its cancel scope, and the connection itself after the handshake."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.connection: Connection | None = None
        self._since = trio.current_time()

    @property
    def makes_way(self) -> bool:
        """True if it waits for its peer or is delayed, so that it may be closed for a new connection."""
        return not self.scope.cancel_called and (self.connection is None or self.connection.makes_way)

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Sort key for closing: delayed connections first, then those that have waited longest, then slow readers."""
        if self.connection is None:
            return False, True, self._since
        return self.connection.is_read_slowly, not self.connection.is_delayed, self.connection.waiting_since


class _Server:
    """The connections and their shared state.

    If all slots are taken, the connection that has waited longest for its peer is closed for a new one, or else the
    next that waits: however many silent connections, slow bodies, slow readers and wrong tokens there are, an operator
    is served.
    """

    def __init__(self, app: QuartTrio, limits: HttpLimits, get_context: GetContext | None) -> None:
        self._context = HttpContext(ASGIWrapper(cast(ASGIFramework, app)), _config_for(limits), limits)
        self._get_context = get_context
        self._free = trio.Semaphore(limits.connections)
        self._slots: dict[_Slot, None] = {}

    async def accept_forever(self, listener: trio.SocketListener) -> None:
        async with listener, trio.open_nursery() as nursery:
            while True:
                stream = await _accept(listener)
                try:
                    await self._acquire_slot()
                except trio.Cancelled:
                    stream.socket.close()
                    raise
                nursery.start_soon(self._run_connection, stream)

    async def _acquire_slot(self) -> None:
        has_slot = False
        while not has_slot:
            if not self._free.value:
                self._close_waiting(1)
            with trio.move_on_after(self._context.limits.slow_s):  # others may be found to be slow by then
                await self._free.acquire()
                has_slot = True

    def _close_waiting(self, more: int = 0) -> None:
        """Close connections that make way: one for each new connection that waits for a slot, and `more`."""
        leaving = sum(slot.scope.cancel_called for slot in self._slots)
        wanted = max(0, self._free.statistics().tasks_waiting + more - leaving)
        if wanted:
            waiting = sorted((slot for slot in self._slots if slot.makes_way), key=lambda slot: slot.rank)
            for slot in waiting[:wanted]:
                slot.scope.cancel()

    async def _run_connection(self, stream: trio.SocketStream) -> None:
        """Run a connection, and log its error if it fails."""
        slot = _Slot()
        self._slots[slot] = None
        try:
            with slot.scope:
                if self._get_context:
                    async with encrypted(stream, self._get_context(), self._context.limits) as inner:
                        await self._run(slot, stream, inner)
                else:
                    await self._run(slot, stream)
        except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        except* Exception:
            logger.exception("An HTTP connection failed")
        finally:
            stream.socket.close()
            del self._slots[slot]
            self._free.release()

    async def _run(self, slot: _Slot, stream: trio.SocketStream, tls: TlsStream | None = None) -> None:
        slot.connection = Connection(self._context, stream, tls, on_waiting=self._close_waiting)
        await slot.connection.run()


async def _accept(listener: trio.SocketListener) -> trio.SocketStream:
    """Accept a connection, and retry while the machine is out of file descriptors or memory."""
    quiet_until = -math.inf
    while True:
        try:
            return await listener.accept()
        except OSError as error:
            if trio.current_time() >= quiet_until:
                logger.error("Cannot accept HTTP connections, retrying: %s", error)
                quiet_until = trio.current_time() + ACCEPT_LOG_INTERVAL_S
            await trio.sleep(ACCEPT_RETRY_S)


def _config_for(limits: HttpLimits) -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = logger
    config.include_server_header = False
    config.h11_max_incomplete_size = limits.header_bytes
    return config
