import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import trio

from tests.conftest import PATIENCE_S
from trio_chat.selftest.proxy import ProxiedConnection, Proxy

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Ends:
    """Both ends of a connection through a proxy, and the proxy's middle of it."""

    client: trio.SocketStream
    server: trio.SocketStream
    connection: ProxiedConnection


@pytest.fixture
async def proxy(nursery: trio.Nursery) -> Proxy:
    proxy = Proxy()
    await nursery.start(proxy.run)
    return proxy


@pytest.fixture
async def ends(proxy: Proxy) -> AsyncIterator[Ends]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        proxy.target = listener.socket.getsockname()[1]
        client = await trio.open_tcp_stream("127.0.0.1", proxy.port)
        server = await listener.accept()
        async with client, server:
            await until(lambda: bool(proxy.connections))
            yield Ends(client, server, next(iter(proxy.connections)))


async def until(is_so: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not is_so():
            await trio.lowlevel.checkpoint()


async def until_end(stream: trio.SocketStream) -> bytes:
    with trio.fail_after(PATIENCE_S):
        return b"".join([data async for data in stream])


async def carry(source: trio.SocketStream, sink: trio.SocketStream, data: bytes) -> None:
    await source.send_all(data)
    got = b""
    with trio.fail_after(PATIENCE_S):
        while len(got) < len(data):
            got += await sink.receive_some() or pytest.fail(f"it ended after {got!r}")
    assert got == data


async def test_bytes_pass_in_both_directions_up_to_both_ends(proxy: Proxy, ends: Ends) -> None:
    await carry(ends.client, ends.server, b"hello")
    await carry(ends.server, ends.client, b"hello yourself")

    await ends.client.send_eof()
    assert await until_end(ends.server) == b""
    await ends.server.send_all(b"bye")
    await ends.server.send_eof()

    assert await until_end(ends.client) == b"bye"


async def test_a_cut_ends_both_sides(proxy: Proxy, ends: Ends) -> None:
    ends.connection.cut()

    assert (await until_end(ends.client), await until_end(ends.server)) == (b"", b"")
    await until(lambda: not proxy.connections)


async def test_a_reset_is_told_to_both_sides(ends: Ends) -> None:
    ends.connection.cut(is_reset=True)

    for stream in (ends.client, ends.server):
        with pytest.raises(trio.BrokenResourceError):
            await until_end(stream)


async def test_a_halved_connection_ends_for_one_side_and_the_other_speaks_into_the_void(ends: Ends) -> None:
    ends.connection.up.half_close()

    assert await until_end(ends.server) == b""
    await ends.client.send_all(b"x" * 1_000_000)
    await carry(ends.server, ends.client, b"still here")


async def test_truncated_bytes_arrive_in_part_and_then_the_connection_ends(ends: Ends) -> None:
    ends.connection.down.truncate()

    await ends.server.send_all(b"0123456789")

    assert await until_end(ends.client) == b"01234"


async def test_stalled_or_delayed_bytes_arrive_whole_after_a_while(ends: Ends) -> None:
    for hold in (lambda: ends.connection.up.stall(0.05), lambda: ends.connection.up.delay(0.05, for_s=PATIENCE_S)):
        began = trio.current_time()
        hold()

        await carry(ends.client, ends.server, b"hello")

        assert trio.current_time() - began >= 0.05


async def test_a_proxy_without_a_server_hangs_up_on_clients(proxy: Proxy) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    closed_port = listener.socket.getsockname()[1]
    await listener.aclose()

    for target in (None, closed_port):
        proxy.target = target
        async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as client:
            assert await until_end(client) == b""


async def test_a_side_that_is_gone_closes_the_other(proxy: Proxy, ends: Ends) -> None:
    ends.server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)  # as when a process is killed
    await trio.aclose_forcefully(ends.server)

    assert await until_end(ends.client) == b""
    await until(lambda: not proxy.connections)


async def test_a_connection_that_has_just_ended_can_be_cut(ends: Ends, proxy: Proxy) -> None:
    await ends.client.aclose()
    await ends.server.aclose()
    await until(lambda: not proxy.connections)

    ends.connection.cut(is_reset=True)
