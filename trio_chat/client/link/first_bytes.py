"""A stream that remembers the first bytes received, to explain a server that does not speak TLS."""

import trio

REMEMBERED_BYTES = 4096


class FirstBytes(trio.abc.Stream):
    """Passes everything through to the stream inside, and remembers the first bytes until `forget`."""

    def __init__(self, inside: trio.SocketStream) -> None:
        self._inside = inside
        self._is_over = False
        self.received = b""
        """The first bytes, REMEMBERED_BYTES at most."""

    def forget(self) -> None:
        """Remember nothing more."""
        self._is_over, self.received = True, b""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send. Raises what the stream inside does."""
        await self._inside.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait. Raises what the stream inside does."""
        await self._inside.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive. Raises what the stream inside does."""
        data = await self._inside.receive_some(max_bytes)
        if not self._is_over:
            self.received = (self.received + data)[:REMEMBERED_BYTES]
        return data

    async def aclose(self) -> None:
        """Close the stream inside."""
        await self._inside.aclose()
