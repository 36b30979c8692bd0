"""Clients that have sent nothing yet: little is kept for them, and their connections can be ended all the same."""

import gc

import pytest
import trio

from trio_chat.chat.counters import DisconnectReason
from trio_chat.server.sessions.lines import LinesSession

MADE_LATE = (LinesSession, trio.CancelScope)


def count_made_late() -> int:
    return sum(isinstance(it, MADE_LATE) for it in gc.get_objects())


async def test_no_session_and_no_scope_is_made_before_a_client_sends_something(open_server, autojump_clock) -> None:
    async with open_server() as server:
        first = await server.join()
        await trio.testing.wait_all_tasks_blocked()
        before = count_made_late()

        for _ in range(10):
            await server.join()
        await trio.testing.wait_all_tasks_blocked()
        assert count_made_late() == before

        await first.send(b"hello\n")
        await server.streams[-1].receive_some()
        await trio.testing.wait_all_tasks_blocked()
        assert count_made_late() == before + len(MADE_LATE)


@pytest.mark.parametrize("sent", [b"", b"half a line", b"hello\n"])
async def test_a_client_can_be_kicked_whatever_it_has_sent(open_server, autojump_clock, sent: bytes) -> None:
    async with open_server() as server:
        alice, bob = await server.join(), await server.join()
        if sent:
            await alice.send(sent)
        await trio.testing.wait_all_tasks_blocked()

        server.chat.kick(next(iter(server.chat.clients)))

        assert (await alice.rest()).endswith(b"*** you were kicked ***\n")
        while "was kicked" not in await bob.line():
            pass
        assert server.disconnects == [DisconnectReason.KICKED]


async def test_a_silent_client_that_reads_nothing_can_be_kicked(open_server, autojump_clock) -> None:
    async with open_server() as server:
        stuck, bob = await server.join(), await server.join()
        client = next(iter(server.chat.clients))
        while not client.outlet.is_paused:
            await bob.send(b"x" * 4000 + b"\n")
            await trio.testing.wait_all_tasks_blocked()

        server.chat.kick(client)
        await server.changed(3)
        await trio.testing.wait_all_tasks_blocked()

        assert not server.context.pump.is_draining(client.outlet)
        assert (await stuck.rest()).count(b"\n") > 1
