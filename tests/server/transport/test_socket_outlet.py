"""The sending half of a connection at its end."""

import socket

import pytest
import trio

from trio_chat.chat.outlet import CloseReason
from trio_chat.server.sessions.lines import NOTICES
from trio_chat.server.transport.socket_outlet import SocketOutlet


async def test_waiting_for_a_socket_that_was_closed_meanwhile_ends_at_the_edge_and_not_in_a_crash() -> None:
    ours, theirs = socket.socketpair()
    outlet = SocketOutlet(ours, NOTICES, trio.CancelScope())
    ours.close()

    with theirs, pytest.raises(trio.ClosedResourceError):
        await outlet.wait_writable()


async def test_nothing_comes_after_the_farewell(open_server) -> None:
    async with open_server() as server:
        alice = await server.join()
        client = next(iter(server.chat.clients))
        member = next(iter(client.members.values()))
        await alice.send(b"/who\n")
        await alice.line()

        server.chat.announce_in([room.name for room in server.chat.rooms], ["too late"])
        client.outlet.hang_up(CloseReason.STOPPING)
        while member.cursor == member.room.log.end:
            await trio.testing.wait_all_tasks_blocked()

        assert (await alice.rest()).endswith(b"*** the server is shutting down ***\n")


async def test_a_second_hang_up_sends_no_second_farewell(open_server) -> None:
    async with open_server() as server:
        alice = await server.join()
        [client] = server.chat.clients

        client.outlet.hang_up(CloseReason.STALLED)
        client.outlet.hang_up(CloseReason.STOPPING)

        assert (await alice.rest()) == b"*** you took nothing for too long ***\n"


async def test_a_session_that_wakes_up_while_it_is_hung_up_on_ends_all_the_same() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        outlet = SocketOutlet(ours, NOTICES)

        outlet.hang_up(CloseReason.KICKED)

        with outlet.interruptible() as scope:
            await trio.lowlevel.checkpoint()
        assert scope.cancelled_caught
