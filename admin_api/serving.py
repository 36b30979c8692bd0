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

from admin_api.encryption import GetContext, TlsStream, encrypted
from admin_api.hypercorn_cures import Connection
from admin_api.listening import DEFAULT_LIMITS, Limits, urls_of

ACCEPT_RETRY_S = 0.2
ACCEPT_LOG_S = 1

logger = logging.getLogger("trio_chat.admin")


async def serve_http(
    app: QuartTrio,
    listeners: Sequence[trio.SocketListener],
    *,
    limits: Limits = DEFAULT_LIMITS,
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


class _Server:
    """What the connections share: the app, the configuration and the number of places."""

    def __init__(self, app: QuartTrio, limits: Limits, get_context: GetContext | None) -> None:
        self._app = ASGIWrapper(cast(ASGIFramework, app))
        self._config = _config_for(limits)
        self._limits = limits
        self._get_context = get_context
        self._places = trio.Semaphore(limits.connections)

    async def accept_forever(self, listener: trio.SocketListener) -> None:
        async with listener, trio.open_nursery() as nursery:
            while True:
                await self._places.acquire()
                nursery.start_soon(self._converse, await _accept(listener))

    async def _converse(self, stream: trio.SocketStream) -> None:
        """Run one connection; its errors end here (CONVENTIONS: one edge, one `except*`)."""
        try:
            if self._get_context:
                async with encrypted(stream, self._get_context(), self._limits) as inner:
                    await self._run(stream, inner)
            else:
                await self._run(stream)
        except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        except* Exception:
            logger.exception("An HTTP connection ended by an error")
        finally:
            stream.socket.close()
            self._places.release()

    async def _run(self, stream: trio.SocketStream, tls: TlsStream | None = None) -> None:
        await Connection(self._app, self._config, stream=stream, limits=self._limits, tls=tls).run()


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


def _config_for(limits: Limits) -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = logger
    config.include_server_header = False
    config.h11_max_incomplete_size = limits.header_bytes
    return config
