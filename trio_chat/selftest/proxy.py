"""A TCP proxy that injects faults on request: it cuts, delays, half-closes, truncates and stalls connections."""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress

import trio

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Flow:
    """One direction of a connection: bytes from `source` to `sink`, in their order."""

    def __init__(self, source: trio.SocketStream, sink: trio.SocketStream) -> None:
        self._source = source
        self._sink = sink
        self._flowing = trio.CancelScope()
        self._held_until = 0.0
        self._late_until = 0.0
        self._lag_s = 0.0
        self._is_to_truncate = False

    def delay(self, lag_s: float, *, for_s: float) -> None:
        """Deliver everything `lag_s` late, for a while."""
        self._lag_s = lag_s
        self._late_until = trio.current_time() + for_s

    def stall(self, for_s: float) -> None:
        """Deliver nothing for a while; what arrives meanwhile waits, here and in the kernel."""
        self._held_until = trio.current_time() + for_s

    def truncate(self) -> None:
        """Deliver half of the next chunk, then cut the connection."""
        self._is_to_truncate = True

    def half_close(self) -> None:
        """Close this direction only: the sink gets EOF, and what the source still sends is discarded."""
        self._flowing.cancel()

    async def run(self) -> bool:
        """Pass bytes on until the source ends. -> whether the connection is to be cut. Raises the errors of streams."""
        with self._flowing:
            is_truncated = await self._pass_on()
            if not is_truncated:
                await self._sink.send_eof()
            return is_truncated
        await self._sink.send_eof()
        async for _ in self._source:
            pass
        return False

    async def _pass_on(self) -> bool:
        async for data in self._source:
            await trio.sleep(self._wait_s())
            if self._is_to_truncate:
                await self._sink.send_all(data[: len(data) // 2])
                return True
            await self._sink.send_all(data)
        return False

    def _wait_s(self) -> float:
        now = trio.current_time()
        return max(self._held_until - now, self._lag_s if now < self._late_until else 0.0, 0.0)


class ProxiedConnection:
    """A connection through the proxy: flow `up` to the server and `down` from it."""

    def __init__(self, client: trio.SocketStream, server: trio.SocketStream) -> None:
        self.up = Flow(client, server)
        self.down = Flow(server, client)
        self._ends = (client, server)
        self._whole = trio.CancelScope()

    def cut(self, *, is_reset: bool = False) -> None:
        """Close both sides and drop what is in transit, in good order or with a reset."""
        if is_reset:
            for end in self._ends:
                with suppress(OSError):  # it is just being closed
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._whole.cancel()

    async def run(self) -> None:
        """Pass bytes on in both directions until both have ended, or one side has closed."""
        client, server = self._ends
        async with client, server:
            try:
                with self._whole:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._run, self.up)
                        nursery.start_soon(self._run, self.down)
            except* (trio.BrokenResourceError, trio.ClosedResourceError):
                pass

    async def _run(self, flow: Flow) -> None:
        if await flow.run():
            self.cut()


class Proxy:
    """Accepts on a port of its own, and connects each client to the local port `target`; None refuses them.

    `on_connection` is called with each connection before the first byte.
    """

    def __init__(self) -> None:
        self.port = 0
        self.on_connection: Callable[[ProxiedConnection], None] = lambda connection: None
        self.target: int | None = None
        self.connections: dict[ProxiedConnection, None] = {}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Accept until cancelled. Reports `started` once `port` is known."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._relay, listeners)

    async def _relay(self, client: trio.SocketStream) -> None:
        if self.target is None:
            return
        with suppress(OSError):  # no server: the client gets EOF
            connection = ProxiedConnection(client, await trio.open_tcp_stream("127.0.0.1", self.target))
            self.connections[connection] = None
            self.on_connection(connection)
            try:
                await connection.run()
            finally:
                del self.connections[connection]
