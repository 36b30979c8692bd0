"""TLS for the admin app: a handshake with a deadline, and a close that does not reset the connection."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from admin_api.http.listening import HttpLimits

GetContext = Callable[[], ssl.SSLContext]
"""Returns the context for the next handshake: the certificate may be renewed at any time."""

DRAIN_CHUNK_BYTES = 65536

TlsStream = trio.SSLStream["LingeringStream"]


class LingeringStream(trio.abc.Stream):
    """A socket that is drained before it is closed: otherwise the kernel resets it and the peer may lose its answer."""

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
        """Send the end of the stream, and drain until the peer sends its own. The caller sets a deadline."""
        try:
            await self._stream.send_eof()
            while await self._stream.receive_some(DRAIN_CHUNK_BYTES):
                pass
        finally:
            await self._stream.aclose()


@asynccontextmanager
async def encrypted(stream: trio.SocketStream, context: ssl.SSLContext, limits: HttpLimits) -> AsyncIterator[TlsStream]:
    """Do the handshake and yield the decrypted stream; close it after the block. Raises trio.BrokenResourceError."""
    inner = trio.SSLStream(LingeringStream(stream), context, server_side=True)
    with trio.move_on_after(limits.handshake_s) as handshake:
        await inner.do_handshake()
    if handshake.cancelled_caught:
        raise trio.BrokenResourceError("the handshake took too long")
    yield inner
    with trio.move_on_after(limits.linger_s):
        await inner.aclose()
