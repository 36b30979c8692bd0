"""A bad network: a TCP proxy that cuts, delays, halves, tears and stalls what goes through it, when it is told to."""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress

import trio

CHUNK_BYTES = 16 * 1024

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
        self._is_to_tear = False

    def delay(self, lag_s: float, *, for_s: float) -> None:
        """Let everything come late for a while."""
        self._lag_s = lag_s
        self._late_until = trio.current_time() + for_s

    def stall(self, for_s: float) -> None:
        """Let nothing pass for a while; what comes meanwhile waits, here and in the kernel."""
        self._held_until = trio.current_time() + for_s

    def tear(self) -> None:
        """Let half of what comes next pass, and cut the connection there."""
        self._is_to_tear = True

    def halve(self) -> None:
        """Close this direction alone: one side hears of an end, the other goes on and speaks into the void."""
        self._flowing.cancel()

    async def run(self) -> bool:
        """Pass bytes on until the source ends. -> whether the connection is to be cut. Raises what streams raise."""
        with self._flowing:
            is_torn = await self._pass_on()
            if not is_torn:
                await self._sink.send_eof()
            return is_torn
        await self._sink.send_eof()
        async for _ in self._source:
            pass
        return False

    async def _pass_on(self) -> bool:
        async for data in self._source:
            await trio.sleep(self._wait_s())
            if self._is_to_tear:
                await self._sink.send_all(data[: len(data) // 2])
                return True
            await self._sink.send_all(data)
        return False

    def _wait_s(self) -> float:
        now = trio.current_time()
        return max(self._held_until - now, self._lag_s if now < self._late_until else 0.0, 0.0)


class Wire:
    """A connection through the proxy: `up` to the server and `down` from it."""

    def __init__(self, client: trio.SocketStream, server: trio.SocketStream) -> None:
        self.up = Flow(client, server)
        self.down = Flow(server, client)
        self._ends = (client, server)
        self._whole = trio.CancelScope()

    def cut(self, *, is_reset: bool = False) -> None:
        """End the connection at both sides, with what is under way: in good order, or by a reset."""
        if is_reset:
            for end in self._ends:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._whole.cancel()

    async def run(self) -> None:
        """Pass bytes on in both directions until both have ended, or one of the sides is gone."""
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
    """Accepts on a port of its own, and connects each to `target`: a port of this machine, or None for nobody there.

    `on_wire` is called with each connection before anything passes.
    """

    def __init__(self) -> None:
        self.port = 0
        self.on_wire: Callable[[Wire], None] = lambda wire: None
        self.target: int | None = None
        self.wires: dict[Wire, None] = {}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Accept until cancelled. It has started once it has a port."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._relay, listeners)

    async def _relay(self, client: trio.SocketStream) -> None:
        if self.target is None:
            return
        with suppress(OSError):  # nobody is there: the client learns of that by an end
            wire = Wire(client, await trio.open_tcp_stream("127.0.0.1", self.target))
            self.wires[wire] = None
            self.on_wire(wire)
            try:
                await wire.run()
            finally:
                del self.wires[wire]
