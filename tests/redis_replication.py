"""Several real redis-servers that belong together: a primary, its replicas, and the sentinels that watch them."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.conftest import PATIENCE_S
from tests.ports import free_port
from tests.redis_server import RedisServer

NAME = "mymaster"

DOWN_AFTER_MS, FAILOVER_TIMEOUT_MS = 5000, 3000
"""So long that no server is taken for dead because the machine is busy: tests tell the sentinel when to act."""


class Sentinel(RedisServer):
    """A sentinel, which is the same program. It writes what it learns into its configuration."""

    def __init__(self, folder: Path, primary_port: int, *, quorum: int, down_after_ms: int = DOWN_AFTER_MS) -> None:
        folder.mkdir()
        super().__init__(folder)
        self._configuration = folder / "sentinel.conf"
        lines = [
            f"sentinel monitor {NAME} 127.0.0.1 {primary_port} {quorum}",
            f"sentinel down-after-milliseconds {NAME} {down_after_ms}",
            f"sentinel failover-timeout {NAME} {FAILOVER_TIMEOUT_MS}",
        ]
        self._configuration.write_text("".join(f"{line}\n" for line in lines))
        self.settings = {
            name: value for name, value in self.settings.items() if not name.startswith(("append", "save", "repl"))
        }

    def _arguments(self, log: Path) -> list[str]:
        return [str(self._configuration), "--sentinel", *super()._arguments(log)]


class WatchedRedis:
    """Three servers, of which one is the primary at any time, and a sentinel. One alone never disagrees.

    With `electing_ms` there are three, of which two choose another primary by themselves after that time.
    """

    def __init__(self, folder: Path, stack: ExitStack, *, electing_ms: int | None = None) -> None:
        self.servers = [RedisServer(_made(folder / f"redis{number}")) for number in range(3)]
        for server in self.servers:
            stack.enter_context(server)
        first, *others = self.servers
        for server in others:
            follow(server, first)
        until(lambda: replica_count(first) == 2)
        watching = {"quorum": 1} if electing_ms is None else {"quorum": 2, "down_after_ms": electing_ms}
        self.sentinels = [
            stack.enter_context(Sentinel(folder / f"sentinel{number}", first.port, **watching))
            for number in range(1 if electing_ms is None else 3)
        ]
        self.sentinel = self.sentinels[0]
        others = f"num-other-sentinels\r\n$1\r\n{len(self.sentinels) - 1}\r\n".encode()
        until(lambda: all(others in it.ask("SENTINEL", "MASTER", NAME) for it in self.sentinels))
        self.settle()

    @property
    def hosts(self) -> str:
        """The sentinels, behind one that is down."""
        return ",".join(f"127.0.0.1:{port}" for port in (1, *(it.port for it in self.sentinels)))

    def url(self, chat: str, options: str = "") -> str:
        return f"redis+sentinel://{self.hosts}/{NAME}/0?chat={chat}{options}"

    @property
    def primary(self) -> RedisServer:
        """The primary, as the sentinel has it."""
        port = self.sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME).split(b"\r\n")[-2]
        return next(it for it in self.servers if it.port == int(port))

    @property
    def replicas(self) -> list[RedisServer]:
        primary = self.primary
        return [it for it in self.servers if it is not primary]

    def settle(self) -> None:
        """Return once two replicas follow the primary, and the sentinel knows all of that.

        Whoever is none yet becomes one at once: the sentinel waits for 8 s before it does that.
        """
        for server in self.servers:
            if not server.is_running:
                server.start()
        until(self._is_settled)

    def _is_settled(self) -> bool:
        primary = self.primary
        for server in self.servers:
            if server is not primary and not follows(server, primary):
                follow(server, primary)
        facts = self.sentinel.ask("SENTINEL", "MASTER", NAME)
        wanted = {"port": str(primary.port), "flags": "master", "num-slaves": "2"}
        return (
            all(f"\r\n{name}\r\n${len(value)}\r\n{value}\r\n".encode() in facts for name, value in wanted.items())
            and replica_count(primary) == 2
            and b"_down" not in self.sentinel.ask("SENTINEL", "REPLICAS", NAME)
        )

    def fail_over(self) -> None:
        """Let the sentinel make another server the primary, and return once it is."""
        former = self.primary

        def has_another() -> bool:
            if self.primary is former:
                self.sentinel.ask("SENTINEL", "FAILOVER", NAME)  # which it refuses while it is at it
                return False
            return True

        until(has_another)


def follow(server: RedisServer, primary: RedisServer) -> None:
    """Make a server a replica of another."""
    until(lambda: server.ask("REPLICAOF", "127.0.0.1", str(primary.port)).startswith(b"+OK"))


def follows(server: RedisServer, primary: RedisServer) -> bool:
    return b"master_port:%d\r" % primary.port in server.ask("INFO", "replication")


def replica_count(primary: RedisServer) -> int:
    """The number of replicas that have everything that there was when they came."""
    return primary.ask("INFO", "replication").count(b"state=online")


def until(is_so: Callable[[], bool]) -> None:
    """Return once something is so. A server closes connections when its part changes, and may be asked again."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with suppress(ConnectionError):
            if is_so():
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def watched_redis(folder: Path, *, electing_ms: int | None = None) -> Iterator[WatchedRedis]:
    """Start three servers and a sentinel, or three that elect."""
    with ExitStack() as stack:
        yield WatchedRedis(folder, stack, electing_ms=electing_ms)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


class RedisCluster:
    """Three primaries, which share the keys, and a replica of the one that has those of a chat."""

    def __init__(self, folder: Path, stack: ExitStack, chat: str) -> None:
        settings = {"cluster_enabled": "yes", "cluster_node_timeout": "15000"}  # as with the sentinel
        self.nodes = [
            stack.enter_context(RedisServer(_made(folder / f"node{number}"), cluster_port=str(free_port()), **settings))
            for number in range(4)
        ]
        first, *others = self.nodes
        bounds = 0, 5461, 10923, 16384
        for node, low, high in zip(self.nodes, bounds, bounds[1:], strict=False):
            node.ask("CLUSTER", "ADDSLOTSRANGE", str(low), str(high - 1))
        for epoch, node in enumerate(self.nodes, 1):  # else they agree on them by and by
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", str(epoch))
        for node in others:
            first.ask("CLUSTER", "MEET", "127.0.0.1", str(node.port), node.settings["cluster-port"])
        until(lambda: all(self._knows_all(it) for it in self.nodes))
        self.slot = int(first.ask("CLUSTER", "KEYSLOT", f"{{{chat}}}:")[1:])
        self._chat = chat
        self.replica = self.nodes[3]
        primary = next(it for it, end in zip(self.nodes, bounds[1:], strict=False) if self.slot < end)
        self.replica.ask("CLUSTER", "REPLICATE", primary.ask("CLUSTER", "MYID").split(b"\r\n")[1].decode())
        until(lambda: replica_count(primary) == 1)
        until(lambda: all(b"slave" in it.ask("CLUSTER", "NODES") for it in self.nodes))
        until(lambda: all(b"cluster_state:ok" in it.ask("CLUSTER", "INFO") for it in self.nodes))

    def _knows_all(self, node: RedisServer) -> bool:
        facts = node.ask("CLUSTER", "NODES")
        return facts.count(b" connected") == len(self.nodes) and b"handshake" not in facts

    def primary_now(self) -> RedisServer | None:
        """The node that takes itself for the one that has the chat, if there is one."""
        key = f"{{{self._chat}}}:nothing"
        return next((it for it in self.nodes if it.is_running and not it.ask("GET", key).startswith(b"-")), None)

    @property
    def primary(self) -> RedisServer:
        """The node that has the chat."""
        until(lambda: self.primary_now() is not None)
        found = self.primary_now()
        assert found
        return found

    def take_over(self, replica: RedisServer) -> None:
        """Let a replica become the primary, without a vote, and return once it is."""
        assert replica.ask("CLUSTER", "FAILOVER", "TAKEOVER").startswith(b"+OK")
        until(lambda: self.primary_now() is replica)

    def url(self, *nodes: RedisServer, options: str = "") -> str:
        hosts = ",".join(f"127.0.0.1:{it.port}" for it in nodes or self.nodes)
        return f"redis+cluster://{hosts}?chat={self._chat}{options}"


@contextmanager
def redis_cluster(folder: Path, chat: str) -> Iterator[RedisCluster]:
    """Start a cluster of three primaries, and a replica of the one that has a chat."""
    with ExitStack() as stack:
        yield RedisCluster(folder, stack, chat)
