"""Plain clients that vanish: in a network of their own, whose cable is pulled."""

import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
import trio
import trio.testing

from bench.faults.remote_network import NotPermittedError, RemoteNetwork, remote_network
from tests.conftest import PATIENCE_S
from trio_chat.chat.counters import DisconnectReason
from trio_chat.server.delivery.liveness import watch_unacknowledged


@pytest.fixture
def network() -> Iterator[RemoteNetwork]:
    with ExitStack() as stack:
        try:
            made = stack.enter_context(remote_network())
        except NotPermittedError as error:
            pytest.skip(str(error))
        yield made


async def test_c13_one_that_is_spoken_to_after_it_vanished_is_gone_in_time(open_server, network: RemoteNetwork) -> None:
    async with open_server(host="") as server, trio.open_nursery() as nursery:
        vanished = network.connect(server.port)
        await server.changed(1)
        network.cut()

        await server.join()
        nursery.start_soon(partial(watch_unacknowledged, server.chat, dead_after_s=0.2, look_every_s=0.05))
        with trio.fail_after(PATIENCE_S):
            while not server.disconnects:
                await server.came.wait()

        assert server.disconnects[0] is DisconnectReason.DEAD
        vanished.close()
        nursery.cancel_scope.cancel()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system tells nothing")
async def test_one_that_is_only_silent_stays(open_server, autojump_clock: trio.testing.MockClock) -> None:
    async with open_server() as server, trio.open_nursery() as nursery:
        silent = await server.join()
        (client,) = server.chat.clients
        while not is_silent_and_owes_nothing(client.outlet.socket, for_ms=5):  # the system's own clock: 50 ms
            await trio.lowlevel.checkpoint()

        nursery.start_soon(partial(watch_unacknowledged, server.chat, dead_after_s=0.001, look_every_s=5))
        await trio.sleep(5 * 3)

        assert server.disconnects == []
        await silent.send(b"/who\n")
        assert await silent.line()
        nursery.cancel_scope.cancel()


def is_silent_and_owes_nothing(sock: socket.socket, for_ms: int) -> bool:
    owed, *silent_ms = struct.unpack("@24x I 24x I I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 64)[:60])
    return not owed and min(silent_ms) >= for_ms
