"""The reason for the end of a connection, whichever side ended it."""

import errno
import socket

import pytest
import trio

from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.outlet import CloseReason
from trio_chat.server.sessions.ending import disconnect_reason
from trio_chat.server.sessions.lines import NOTICES
from trio_chat.server.transport.socket_outlet import SocketOutlet

RESET = bytes([1, 0, 0, 0, 0, 0, 0, 0])
"""SO_LINGER that makes closing a reset."""


def outlet() -> SocketOutlet:
    with socket.socket() as sock:
        return SocketOutlet(sock, NOTICES, trio.CancelScope())


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (None, DisconnectReason.LEFT),
        (ConnectionResetError(errno.ECONNRESET, "reset"), DisconnectReason.BROKEN),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), DisconnectReason.DEAD),
        (trio.BrokenResourceError(), DisconnectReason.BROKEN),
        (ZeroDivisionError(), DisconnectReason.FAILED),
        (ExceptionGroup("of a nursery", [ConnectionResetError(errno.ECONNRESET, "reset")]), DisconnectReason.BROKEN),
        (ExceptionGroup("of a nursery", [ZeroDivisionError(), OSError()]), DisconnectReason.FAILED),
        (ExceptionGroup("of a nursery", [OSError(), ZeroDivisionError()]), DisconnectReason.FAILED),
        (ExceptionGroup("of a nursery", [OSError(), OSError(errno.ETIMEDOUT, "")]), DisconnectReason.DEAD),
    ],
)
def test_the_error_of_a_session_gives_the_reason_of_its_end(error: Exception | None, reason: DisconnectReason) -> None:
    assert disconnect_reason(outlet(), error) is reason


def test_the_first_reason_of_a_hang_up_counts() -> None:
    ours = outlet()

    ours.hang_up(CloseReason.STALLED)
    ours.hang_up(CloseReason.STOPPING)

    assert disconnect_reason(ours, ConnectionResetError()) is DisconnectReason.STALLED


async def test_leaving_breaking_and_being_kicked_are_told_apart(open_server) -> None:
    async with open_server() as server:
        leaving, breaking, _kicked = [await server.join() for _ in range(3)]

        await leaving.send(b"quit()\n")
        await server.changed(4)
        breaking.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        await breaking.stream.aclose()
        await server.changed(5)
        server.chat.kick(next(iter(server.chat.clients)))

        assert server.disconnects == [DisconnectReason.LEFT, DisconnectReason.BROKEN, DisconnectReason.KICKED]
        assert server.chat.counters.disconnects == {
            DisconnectReason.LEFT: 1,
            DisconnectReason.BROKEN: 1,
            DisconnectReason.KICKED: 1,
        }
