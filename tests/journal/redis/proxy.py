"""A proxy in front of a Redis that loses answers: Redis executes commands, and the client does not know."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from trio_chat.journal.redis.address import HostPort, RedisAddress


class LossyProxy:
    """A proxy. While `loses_answers`, it ends connections on which Redis answers a script that appends."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.loses_answers = False
        self.lost = 0

    async def serve(self, near: trio.SocketStream) -> None:
        """Pass bytes on in both directions, until one of them ends."""
        far = await trio.open_tcp_stream("127.0.0.1", self._port)
        is_appending = False
        async with near, far, trio.open_nursery() as nursery:

            async def ask() -> None:
                nonlocal is_appending
                async for data in near:
                    is_appending = is_appending or b"said" in data or b"joined" in data
                    await far.send_all(data)
                nursery.cancel_scope.cancel()

            nursery.start_soon(ask)
            async for data in far:
                if is_appending and self.loses_answers and not data.startswith(b"-NOSCRIPT"):
                    self.lost += 1
                    break
                is_appending = is_appending and data.startswith(b"-NOSCRIPT")
                await near.send_all(data)
            nursery.cancel_scope.cancel()

    async def handle(self, near: trio.SocketStream) -> None:
        """Serve a connection; its end is expected."""
        try:
            await self.serve(near)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            await near.aclose()


@asynccontextmanager
async def lossy_proxy(port: int) -> AsyncIterator[tuple[LossyProxy, RedisAddress]]:
    """Open a proxy to the Redis on a port. Returns it, and its address."""
    proxy = LossyProxy(port)
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, proxy.handle, [listener])
        yield proxy, RedisAddress((HostPort("127.0.0.1", listener.socket.getsockname()[1]),))
        nursery.cancel_scope.cancel()
