"""Redis as a journal: started on the core of the load generator, measured from outside, and its nodes."""

import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bench.servers import Command, Server, other, ours, running
from bench.setup import Setup
from bench.swarm import CPU, Swarm
from bench.table import Row

EVERYSEC, ALWAYS = "everysec", "always"

REDIS_CPU, BYTES_OUT, BYTES_IN = "redis_cpu_s", "bytes_out", "bytes_in"
"""Counters of a Redis."""

SENDERS = 50

LEASE_S = 60
"""So long a node may stand still: one that is paused to fall behind must not be taken for gone."""

_numbers = count()


class NoRedisError(Exception):
    """There is no Redis here, or nothing to speak to it; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Store:
    """A Redis, with `appendfsync` as it was started with."""

    server: Server
    fsync: str

    def node(self, folder: Path, name: str = "") -> Command:
        """Make the command of a node that has its journal here."""
        more = ("--journal-durability", "relaxed") if self.fsync == EVERYSEC else ()
        url = f"redis://127.0.0.1:{self.server.port}/0?lease={LEASE_S}"
        number = next(_numbers)
        return ours(folder / f"node-{number}", journal=f"{url}&node={name or f'n{number}'}", more=more)

    def info(self) -> Mapping[str, str]:
        """Return what Redis says of itself."""
        with socket.create_connection(("127.0.0.1", self.server.port)) as asking:
            asking.sendall(b"INFO\r\n")
            with asking.makefile("rb") as answer:
                lines = answer.read(int(answer.readline()[1:])).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def bytes_out(self) -> float:
        """Return the bytes that Redis has sent so far."""
        return float(self.info()["total_net_output_bytes"])

    def bytes_in(self) -> float:
        """Return the bytes that Redis has received so far."""
        return float(self.info()["total_net_input_bytes"])

    def memory_bytes(self) -> float:
        """Return the memory that Redis uses."""
        return float(self.info()["used_memory"])


@contextmanager
def redis_store(setup: Setup, fsync: str) -> Iterator[Store]:
    """Run a Redis on the core of the load generator during the block. It never rewrites its file."""
    folder = setup.folder / f"redis-{next(_numbers)}"
    folder.mkdir()
    files = f"--dir {folder} --appendonly yes --appendfsync {fsync} --save '' --auto-aof-rewrite-percentage 0"
    command = other(f"redis-server --port {{port}} --bind 127.0.0.1 {files}")
    with running(command, setup.cores.generator, setup.folder) as server:
        yield Store(server, fsync)


def require_redis() -> None:
    """Raise NoRedisError where the journal in Redis cannot be measured."""
    if not shutil.which("redis-server"):
        raise NoRedisError("there is no redis-server")
    try:
        import coredis  # noqa: F401
    except ImportError:
        raise NoRedisError("trio-chat[redis] is not installed") from None


def absent_row(setup: Setup) -> Row | None:
    """Return the row that says why Redis is left out, if it is."""
    if setup.other:
        return Row("a journal in Redis", measured="left out: another server is measured")
    try:
        require_redis()
    except NoRedisError as error:
        return Row("a journal in Redis", measured=f"left out: {error}")
    return None


def start_node(stack: ExitStack, setup: Setup, store: Store) -> Server:
    """Start another node, which stops with the stack."""
    return stack.enter_context(running(store.node(setup.folder), setup.cores.server, setup.folder))


def counters_of(store: Store) -> Mapping[str, Callable[[], float]]:
    """Return the counters of a Redis."""
    return {REDIS_CPU: store.server.cpu_s, BYTES_OUT: store.bytes_out, BYTES_IN: store.bytes_in}


def open_swarm(stack: ExitStack, server: Server, counters: Mapping[str, Callable[[], float]], senders: int) -> Swarm:
    """Open a swarm at a server, without any connection yet. `counters` are those beside its CPU time."""
    more = {CPU: server.cpu_s, **counters}
    return stack.enter_context(closing(Swarm(server.port, senders=senders, accepted=server.accepted, counters=more)))
