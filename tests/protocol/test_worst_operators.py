"""Everything an operator can call in one go, in its worst form: with very many clients, and files that are far too big.

The fixture fails each test in which the loop was held.
"""

import json
import resource
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import PATIENCE_S
from tests.protocol.conftest import Peer, Server

CLIENTS = 1500
Act = Callable[[Server, list[Peer]], None]

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def post(server: Server, target: str, body: dict[str, object]) -> bytes:
    """Make one request with a body. -> the whole answer"""
    data = json.dumps(body).encode()
    head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.admin_port), PATIENCE_S) as sock:
        sock.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(data) + data)
        return b"".join(iter(lambda: sock.recv(65536), b""))


@contextmanager
def many_files() -> Iterator[None]:
    """Let this process, too, have as many sockets as there are clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def list_on_the_console(server: Server, peers: list[Peer]) -> None:
    server.type("list\nend")
    server.console("^Unknown command: end ")


def list_over_http(server: Server, peers: list[Peer]) -> None:
    assert server.http("GET /clients").count(b'"mode"') == len(peers)


def announce(server: Server, peers: list[Peer]) -> None:
    server.type("say " + "all hands " * 400)
    assert "all hands" in peers[-1].until("all hands")[-1]


def ban_everybody(server: Server, peers: list[Peer]) -> None:
    answer = post(server, "/bans", {"network": "0.0.0.0/0", "reason": "spam"})
    assert f'"kicked": {len(peers)}'.encode() in answer
    assert b"you are banned: spam" in peers[-1].rest()


def lose_all(server: Server, peers: list[Peer]) -> None:
    with server.stopped():
        for peer in peers:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            peer.close()
    gone(server, peers)


def let_all_leave(server: Server, peers: list[Peer]) -> None:
    with server.stopped():
        for peer in peers:
            peer.socket.shutdown(socket.SHUT_WR)
    gone(server, peers)


def gone(server: Server, peers: list[Peer]) -> None:
    for _ in peers:
        server.console("disconnected$")


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "acts", [(list_on_the_console, list_over_http, announce, ban_everybody), (lose_all,), (let_all_leave,)]
)
def test_c16_nothing_that_happens_to_everybody_at_once_holds_the_loop(
    start: Callable[..., Server], acts: tuple[Act, ...]
) -> None:
    with many_files():
        server = start("--max-clients", "0")
        peers = server.join_all(CLIENTS)

        for act in acts:
            act(server, peers)
            assert server.holds() == [], act.__name__
        server.close()  # while as many files may be open
