"""HAProxy in front of a running server: who comes through it has its own address, and its checks are nobody."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S
from tests.haproxy import HaProxy, Row
from tests.protocol.conftest import Peer, Server

CONFIG = """
defaults
    timeout connect 5s
    timeout check 20s
    timeout client 1m
    timeout server 1m
listen chat
    mode tcp
    {option}
    bind fd@chat
    server one 127.0.0.1:{port} check inter 20ms rise 1 fall 1 {send}
"""


class Proxy:
    """HAProxy between its own port and one of a server."""

    def __init__(self, folder: Path, port: int, *, send: str = "", option: str = "") -> None:
        self._haproxy = HaProxy(folder, CONFIG.format(port=port, send=send, option=option))
        self._peers: list[Peer] = []

    def connect(self) -> Peer:
        """Connect through it."""
        peer = Peer(socket.create_connection(("127.0.0.1", self._haproxy.ports["chat"]), PATIENCE_S))
        self._peers.append(peer)
        return peer

    def check(self, status: str = "UP") -> Row:
        """The result of a check by which it found the server to be so."""
        return self._haproxy.until("chat", "one", status)

    def close(self) -> None:
        """End it."""
        self._haproxy.close()
        for peer in self._peers:
            peer.close()


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[Callable[..., Proxy]]:
    with ExitStack() as stack:

        def run(*arguments: int, **settings: str) -> Proxy:
            proxy = Proxy(tmp_path, *arguments, **settings)
            stack.callback(proxy.close)
            return proxy

        yield run


def join(server: Server, proxy: Proxy) -> Peer:
    """Come through the proxy, and wait until that is a client, by its own address."""
    peer = proxy.connect()
    server.console(rf"^Client \[127\.0\.0\.1, {peer.port}\] connected$")
    return peer


@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2"])
def test_who_comes_through_haproxy_has_its_own_address_and_its_checks_are_nobody(start, haproxy, send: str) -> None:
    server = start("--proxy", "127.0.0.0/8")
    proxy = haproxy(server.port, send=send)
    alice = join(server, proxy)
    bob = join(server, proxy)

    bob.send(b"hello\n")
    health = proxy.check()
    bob.send(b"quit()\n")

    assert alice.line() == f"*** [127.0.0.1:{bob.port}] joined the chat ***"
    assert alice.line() == f"[127.0.0.1:{bob.port}]> hello"
    assert alice.line() == f"*** [127.0.0.1:{bob.port}] left the chat ***"
    assert bob.rest().endswith(b"*** you have left ***\n")
    assert health["check_status"] == "L4OK"
    assert [line.count(" connected") for line in server.seen if line.startswith("Client")] == [1, 1]


@pytest.mark.parametrize(
    ("option", "status", "code"),
    [
        ("option httpchk", "L7OK", "204"),
        ("option httpchk GET /health", "L7OK", "200"),
        ("option tcp-check", "L4OK", ""),
    ],
)
def test_a_check_of_haproxy_is_answered_though_it_has_no_host_header(
    server, haproxy, option: str, status: str, code: str
) -> None:
    health = haproxy(server.admin_port, option=option).check()

    assert (health["check_status"], health["check_code"]) == (status, code)


def test_a_red_server_is_down_for_haproxy(start, haproxy, tmp_path: Path) -> None:
    server = start()
    os.rename(tmp_path / "journal.db", tmp_path / "gone.db")

    health = haproxy(server.admin_port, option="option httpchk GET /health").check("DOWN")

    assert (health["check_status"], health["check_code"]) == ("L7STS", "503")
