"""HAProxy in front of a running server: who comes through it has its own address, and its checks are nobody."""

import csv
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S
from tests.protocol.conftest import Peer, Server

PROGRAM = shutil.which("haproxy", path=f"{os.defpath}:/usr/sbin") or "haproxy"

CONFIG = """
global
    stats socket {folder}/stats level admin
defaults
    timeout connect 5s
    timeout check 20s
    timeout client 1m
    timeout server 1m
listen chat
    mode tcp
    {option}
    bind fd@{fd}
    server one 127.0.0.1:{port} check inter 20ms rise 1 fall 1 {send}
"""


class HaProxy:
    """HAProxy between its own port and one of a server."""

    def __init__(self, folder: Path, port: int, *, send: str = "", option: str = "") -> None:
        self.folder = folder
        self._peers: list[Peer] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        fd = self._listener.fileno()
        file = folder / "haproxy.cfg"
        file.write_text(CONFIG.format(folder=folder, fd=fd, port=port, send=send, option=option))
        self.process = subprocess.Popen([PROGRAM, "-db", "-f", str(file)], pass_fds=[fd])

    def connect(self) -> Peer:
        """Connect through it."""
        peer = Peer(socket.create_connection(("127.0.0.1", self.port), PATIENCE_S))
        self._peers.append(peer)
        return peer

    def check(self, status: str = "UP") -> dict[str, str]:
        """The result of a check by which it found the server to be so."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert time.monotonic() < deadline
            try:
                row = self._stats()
            except (FileNotFoundError, ConnectionRefusedError):  # it has not started yet
                continue
            if row["status"] == status and row["check_status"].startswith("L"):  # it says UP before its first check
                return row

    def _stats(self) -> dict[str, str]:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(str(self.folder / "stats"))
            sock.sendall(b"show stat\n")
            text = b"".join(iter(lambda: sock.recv(65536), b"")).decode().removeprefix("# ")
        return next(row for row in csv.DictReader(text.splitlines()) if row["svname"] == "one")

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        self._listener.close()
        for peer in self._peers:
            peer.close()


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[Callable[..., HaProxy]]:
    with ExitStack() as stack:

        def run(*arguments: int, **settings: str) -> HaProxy:
            proxy = HaProxy(tmp_path, *arguments, **settings)
            stack.callback(proxy.close)
            return proxy

        yield run


def join(server: Server, proxy: HaProxy) -> Peer:
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
