"""Serve a Quart-Trio app over HTTP/1.1 so that nothing a peer does reaches beyond its own connection."""

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
from admin_api.http.hypercorn_fixes import Connection
from admin_api.http.listening import DEFAULT_LIMITS, HttpLimits, urls_of

ACCEPT_RETRY_S = 0.2
ACCEPT_LOG_S = 1

logger = logging.getLogger("trio_chat.serve.admin")


async def serve_http(
    app: QuartTrio,
    listeners: Sequence[trio.SocketListener],
    *,
    limits: HttpLimits = DEFAULT_LIMITS,
    get_context: GetContext | None = None,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer on `listeners` until cancelled, then close them; reports their URLs. With `get_context`, over TLS alone.

    Cancellation ends every connection at once, whatever its peer does. `app` runs without ASGI's lifespan: what it
    needs, and the nursery for its tasks, belong to whoever made it.
    """
    app.config.update(
        MAX_CONTENT_LENGTH=limits.body_bytes, BODY_TIMEOUT=limits.body_s, RESPONSE_TIMEOUT=limits.answer_s
    )
    server = _Server(app, limits, get_context)
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(server.accept_forever, listener)
        task_status.started(urls_of(listeners, "https" if get_context else "http"))


class _Place:
    """A place that a connection has taken: a scope to end it by, and the connection once a handshake is done."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.connection: Connection | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody is being answered there."""
        return self.connection is None or self.connection.is_idle


class _Server:
    """What the connections share: the app, the configuration and the places.

    Where all are taken, the oldest idle connection makes way for a new one, or else the next that becomes idle: however
    many are opened and say nothing, an operator gets in.
    """

    def __init__(self, app: QuartTrio, limits: HttpLimits, get_context: GetContext | None) -> None:
        self._app = ASGIWrapper(cast(ASGIFramework, app))
        self._config = _config_for(limits)
        self._limits = limits
        self._get_context = get_context
        self._free = trio.Semaphore(limits.connections)
        self._places: dict[_Place, None] = {}

    async def accept_forever(self, listener: trio.SocketListener) -> None:
        async with listener, trio.open_nursery() as nursery:
            while True:
                stream = await _accept(listener)
                try:
                    await self._take_place()
                except trio.Cancelled:
                    stream.socket.close()
                    raise
                nursery.start_soon(self._converse, stream)

    async def _take_place(self) -> None:
        if not self._free.value:
            self._make_way(1)
        await self._free.acquire()

    def _make_way(self, more: int = 0) -> None:
        """Let idle connections go, the oldest first, until as many leave as are waited for, and by so many `more`."""
        leaving = sum(place.scope.cancel_called for place in self._places)
        idle = [place for place in self._places if place.is_idle and not place.scope.cancel_called]
        for place in idle[: max(0, self._free.statistics().tasks_waiting + more - leaving)]:
            place.scope.cancel()

    async def _converse(self, stream: trio.SocketStream) -> None:
        """Run one connection; its errors end here, and nowhere else."""
        place = _Place()
        self._places[place] = None
        try:
            with place.scope:
                if self._get_context:
                    async with encrypted(stream, self._get_context(), self._limits) as inner:
                        await self._run(place, stream, inner)
                else:
                    await self._run(place, stream)
        except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        except* Exception:
            logger.exception("An HTTP connection ended by an error")
        finally:
            stream.socket.close()
            del self._places[place]
            self._free.release()

    async def _run(self, place: _Place, stream: trio.SocketStream, tls: TlsStream | None = None) -> None:
        place.connection = Connection(self._app, self._config, stream=stream, limits=self._limits, tls=tls)
        place.connection.on_idle = self._make_way
        await place.connection.run()


async def _accept(listener: trio.SocketListener) -> trio.SocketStream:
    """Accept one connection, however long the machine is out of file descriptors or memory."""
    quiet_until = -math.inf
    while True:
        try:
            return await listener.accept()
        except OSError as error:
            if trio.current_time() >= quiet_until:
                logger.error("Cannot accept HTTP connections, trying on: %s", error)
                quiet_until = trio.current_time() + ACCEPT_LOG_S
            await trio.sleep(ACCEPT_RETRY_S)


def _config_for(limits: HttpLimits) -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = logger
    config.include_server_header = False
    config.h11_max_incomplete_size = limits.header_bytes
    return config
