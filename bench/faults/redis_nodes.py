"""M9: faults of the Redis that several nodes share, and of the way to it. All go on in one order, and say why."""

import json
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import trio

from bench.faults.clients import LineClient
from bench.faults.redis_way import RedisWay
from bench.faults.server_process import ServerProcess, serving
from bench.faults.verdict import Verdict
from trio_chat.selftest.nodes import NodesPlan, run_nodes_test

PAUSE_S, CUT_S, FULL_S = 10, 60, 5

CHAOS_FAULTS_S = 0, 6, 3, 2
"""Durations of the faults of Redis, in their order, where they come at random."""

BACK_S = 5.0
"""All nodes are well again within this time after a fault."""

LOG_LINES_MAX = 12

READY_S = 20

Harm = Callable[[], object]

Fault = tuple[str, float, Harm, Harm]
"""Its name, its duration in seconds, how it is done, and how it is undone."""


class FaultyRedis:
    """A redis-server on a free port, whose files survive its end. `configuration` makes something else of it."""

    def __init__(self, folder: Path, *configuration: str) -> None:
        folder.mkdir(exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._command = ["redis-server", *configuration, "--port", str(self.port), "--dir", str(folder)]
        self._command += ["--bind", "127.0.0.1", "--logfile", "log"]
        if not configuration:
            self._command += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
            self._command += ["--repl-diskless-sync-delay", "0"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return once it answers."""
        self._process = subprocess.Popen(self._command)
        until(lambda: b"PONG" in self.ask("PING"))

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        assert self._process
        self._process.kill()
        self._process.wait()

    def ask(self, *words: str) -> bytes:
        """Send a command. -> the beginning of the answer"""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(f"{' '.join(words)}\r\n".encode())
            return connection.recv(4096)


def until(is_so: Callable[[], bool]) -> None:
    """Return once something is so, which Redis is asked. Raises RuntimeError where that takes long."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        with suppress(OSError):
            if is_so():
                return
        time.sleep(0.02)
    raise RuntimeError("redis-server does not answer as it should")


@contextmanager
def _running(folder: Path) -> Iterator[FaultyRedis]:
    redis = FaultyRedis(folder)
    redis.start()
    try:
        yield redis
    finally:
        redis.kill()


def redis_nodes(folder: Path, chaos_s: float) -> Iterator[Verdict]:
    """Do one fault after the other to the Redis of two nodes, then many at random to that of three, for a while."""
    if not shutil.which("redis-server"):
        yield Verdict("M9", "faults of a shared Redis", "one order on all nodes", "there is no redis-server", None)
        return
    with ExitStack() as stack:
        redis = stack.enter_context(_running(folder / "redis"))
        way = stack.enter_context(closing(RedisWay(redis.port)))
        ports = {"one": redis.port, "two": way.port}
        nodes = [
            stack.enter_context(serving(folder / name, "--journal", f"redis://127.0.0.1:{port}/0?node={name}"))
            for name, port in ports.items()
        ]
        cut_off: Fault = ("one node cut off from Redis", CUT_S, way.cut, way.mend)
        flushed: Fault = ("Redis flushed", 0, partial(redis.ask, "FLUSHALL"), lambda: None)
        for what, for_s, harm, heal in (*_faults(redis), cut_off, flushed):
            yield _judge(what, for_s, nodes, harm, heal)
    with _running(folder / "chaos-redis") as redis:
        yield _chaos(redis, folder / "chaos", chaos_s)


def _faults(redis: FaultyRedis) -> Iterator[Fault]:
    yield "Redis killed and started again", 0, redis.kill, redis.start
    yield "Redis paused", PAUSE_S, partial(redis.signal, signal.SIGSTOP), partial(redis.signal, signal.SIGCONT)
    full, free = partial(redis.ask, "CONFIG SET maxmemory 1"), partial(redis.ask, "CONFIG SET maxmemory 0")
    yield "Redis full", FULL_S, full, free
    yield "Redis a replica", FULL_S, partial(redis.ask, "REPLICAOF 127.0.0.1 1"), partial(redis.ask, "REPLICAOF NO ONE")


def _judge(what: str, for_s: float, nodes: list[ServerProcess], harm: Harm, heal: Harm) -> Verdict:
    """Do one thing while somebody talks on each node, and see how all of it goes on."""
    logged = [len(_told_by(node)) for node in nodes]
    talkers = [LineClient(node.port) for node in nodes]
    for number, talker in enumerate(talkers):
        talker.say(*(f"before {number}.{count}" for count in range(50)))
    harm()
    for number, talker in enumerate(talkers):
        with suppress(OSError):
            talker.say(*(f"meanwhile {number}.{count}" for count in range(5)))
    time.sleep(for_s)
    heal()
    began = time.monotonic()
    while not all(_is_well(node) for node in nodes) and time.monotonic() < began + READY_S:
        time.sleep(0.05)
    back_s = time.monotonic() - began
    last = [_say_last(node, f"last {number} of {what}") for number, node in enumerate(nodes)]
    histories = _histories(nodes)
    lines = max(len(_told_by(node)) - before for node, before in zip(nodes, logged, strict=True))
    is_one, faults = histories[0] == histories[1], "".join(node.faults() for node in nodes)
    is_once = len({*histories[0]}) == len(histories[0])
    found = f"{'one order' if is_one else 'TWO ORDERS'}, back in {back_s:.1f} s, {lines} lines in a log{faults}"
    is_met = is_one and is_once and all(last) and not faults and back_s <= BACK_S and lines <= LOG_LINES_MAX
    for talker in talkers:
        talker.sock.close()
    done = f"{what}, for {for_s:g} s" if for_s else what
    return Verdict("M9", done, f"one order, back in {BACK_S:g} s, few lines in the log", found, is_met)


def _say_last(node: ServerProcess, text: str) -> bool:
    """Say a line by a new client. -> whether another one reads it"""
    reader, writer = LineClient(node.port), LineClient(node.port)
    with closing(reader.sock), closing(writer.sock):
        reader.say("/nick")
        reader.until("***")
        writer.say(text)
        return reader.until(text).endswith(text)


def _told_by(node: ServerProcess) -> list[str]:
    """Return the log, without the ends of connections: each has a line."""
    return [line for line in node.log.read_text().splitlines() if " INFO client " not in line]


def _get(node: ServerProcess, path: str) -> dict[str, object]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{node.admin_port}{path}", timeout=10) as answer:
            found: dict[str, object] = json.load(answer)
    except urllib.error.HTTPError as error:
        found = json.load(error)
    return found


def _is_well(node: ServerProcess) -> bool:
    """Tell whether a node keeps what is said, and can read it: it has a connection to Redis for each."""
    return _get(node, "/health")["status"] == "ok" and "entries" in _get(node, "/rooms/lobby/entries?limit=1")


def _histories(nodes: list[ServerProcess]) -> list[list[tuple[int, str]]]:
    """Read the newest lines by each node: again where they differ, as somebody may have left meanwhile."""
    deadline = time.monotonic() + BACK_S
    while True:
        found = [_history(node) for node in nodes]
        if found[0] == found[1] or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def _history(node: ServerProcess) -> list[tuple[int, str]]:
    entries = _get(node, "/rooms/lobby/entries?limit=200")["entries"]
    assert isinstance(entries, list)
    return [(it["id"], it["text"]) for it in entries if it.get("kind") == "said"]


def _chaos(redis: FaultyRedis, folder: Path, seconds: float) -> Verdict:
    """Let clients talk on three nodes that are killed, stopped and paused, and so is their Redis."""

    async def held(harm: Harm, heal: Harm, for_s: float, _rng: object) -> None:
        await trio.to_thread.run_sync(harm)
        await trio.sleep(for_s)
        await trio.to_thread.run_sync(heal)

    redis_faults = {
        what: partial(held, harm, heal, for_s)
        for (what, _, harm, heal), for_s in zip(_faults(redis), CHAOS_FAULTS_S, strict=True)
    }
    folder.mkdir()
    plan = NodesPlan(seconds, 1, redis_fault_interval_s=8.0)
    report = trio.run(run_nodes_test, plan, f"redis://127.0.0.1:{redis.port}/0", folder, redis_faults)
    done = ", ".join(f"{count} {name}" for name, count in sorted(report.faults.items()))
    found = f"{report.entries:,} entries; " + (
        "; ".join(report.violations[:3]) or "nothing lost, doubled or out of order"
    )
    return Verdict(
        "M9", f"three nodes for {seconds:g} s: {done}", "nothing lost or doubled", found, not report.violations
    )
