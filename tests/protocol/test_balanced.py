"""Two nodes behind HAProxy, by the configuration for operators."""

import http.client
import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S
from tests.haproxy import HaProxy, NodeAddress, config_for, redis_settings
from tests.protocol.conftest import Peer, Server
from tests.protocol.nodes import StartNode, until
from tests.redis_server import RedisServer

FLAGS = ("--proxy", "127.0.0.0/8", "--drain", "10m")


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), **redis_settings()) as server:
        yield server


@dataclass
class Site:
    """Two nodes, and HAProxy in front of them."""

    nodes: dict[str, Server]
    haproxy: HaProxy
    peers: ExitStack = field(default_factory=ExitStack)

    def join(self) -> Peer:
        """Come in lines. -> a client whose address the nodes know"""
        sock = socket.create_connection(("127.0.0.1", self.haproxy.ports["chat"]), PATIENCE_S)
        peer = Peer(self.peers.enter_context(closing(sock)))
        peer.send(b"/who\n")
        peer.until_match(rf"\[127\.0\.0\.1:{peer.port}\] \(you\)")
        return peer

    def node_of(self, peer: Peer) -> str:
        """The name of the node that somebody is on, as any node tells it soon."""
        (row,) = until(lambda: [row for row in self.clients() if row["port"] == peer.port])
        return str(row["node"])

    def clients(self) -> list[dict[str, object]]:
        """The clients that the admin API tells of through HAProxy."""
        connection = http.client.HTTPConnection("127.0.0.1", self.haproxy.ports["admin"], timeout=PATIENCE_S)
        with closing(connection):
            connection.request("GET", "/clients")
            return list(json.load(connection.getresponse())["clients"])

    def drain(self, name: str) -> None:
        """Send SIGTERM to a node, and wait until HAProxy has noticed."""
        self.nodes[name].process.send_signal(signal.SIGTERM)
        self.haproxy.until("ready", name, "DOWN")


@pytest.fixture
def site(node: StartNode, tmp_path: Path) -> Iterator[Site]:
    nodes = {name: node(name, *FLAGS) for name in ("node1", "node2")}
    places = {name: NodeAddress("127.0.0.1", it.port, it.admin_port) for name, it in nodes.items()}
    site = Site(nodes, HaProxy(tmp_path, config_for(places)))
    try:
        for name in nodes:
            for backend in ("ready", "alive", "admin"):
                site.haproxy.until(backend, name, "UP")
        yield site
    finally:
        site.peers.close()
        site.haproxy.close()


def on_node(site: Site, name: str, join: Callable[[], Peer]) -> Peer:
    """Come until that is on this node: new connections go to the node with the fewest."""
    while True:
        if site.node_of(peer := join()) == name:
            return peer


def test_people_are_spread_over_the_nodes_and_leave_a_draining_one_as_they_like(site: Site) -> None:
    alice = on_node(site, "node1", site.join)
    bob = on_node(site, "node2", site.join)

    site.drain("node1")
    late = [site.join() for _ in range(3)]
    alice.send(b"still here\n")
    bob.until(f"[127.0.0.1:{alice.port}]> still here")
    bob.send(b"good\n")
    alice.until(f"[127.0.0.1:{bob.port}]> good")

    assert [site.node_of(peer) for peer in late] == ["node2"] * 3
    assert site.node_of(alice) == "node1"


def test_people_can_come_while_no_node_is_ready(site: Site) -> None:
    for name in site.nodes:
        site.drain(name)

    alice, bob = site.join(), site.join()
    alice.send(b"anyone?\n")

    bob.until(f"[127.0.0.1:{alice.port}]> anyone?")


def test_operators_are_answered_by_another_node_once_the_first_is_gone(site: Site) -> None:
    alice = on_node(site, "node2", site.join)

    site.nodes["node1"].process.kill()
    site.haproxy.until("admin", "node1", "DOWN")

    assert site.node_of(alice) == "node2"
