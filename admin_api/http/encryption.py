"""TLS for the admin app: a handshake that ends in time, and an end that the peer can read."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from admin_api.http.listening import HttpLimits

GetContext = Callable[[], ssl.SSLContext]
"""Gives what the handshakes from now on are made with: the certificate may be renewed at any time."""

DRAIN_BYTES = 65536

TlsStream = trio.SSLStream["LingeringStream"]


class LingeringStream(trio.abc.Stream):
    """A socket that is read out before it is closed, or the kernel resets it and the peer may never read its answer."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Return when the kernel has room."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Return the next bytes."""
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Say that this is the end, and wait until the other says so too. The caller bounds that."""
        try:
            await self._stream.send_eof()
            while await self._stream.receive_some(DRAIN_BYTES):
                pass
        finally:
            await self._stream.aclose()


@asynccontextmanager
async def encrypted(stream: trio.SocketStream, context: ssl.SSLContext, limits: HttpLimits) -> AsyncIterator[TlsStream]:
    """Shake hands, and give what is inside. Raises trio.BrokenResourceError where the other cannot."""
    inner = trio.SSLStream(LingeringStream(stream), context, server_side=True)
    with trio.move_on_after(limits.handshake_s) as patience:
        await inner.do_handshake()
    if patience.cancelled_caught:
        raise trio.BrokenResourceError("the handshake took too long")
    yield inner
    with trio.move_on_after(limits.linger_s):
        await inner.aclose()
