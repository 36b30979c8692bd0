"""Sentinels that elect another primary by themselves, again and again, while clients talk on three nodes."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import trio

from bench.faults.redis_nodes import FaultyRedis, until
from bench.faults.verdict import Verdict
from trio_chat.selftest.announced_loss import describe_loss
from trio_chat.selftest.nodes import NodesPlan, run_nodes_test

NAME = "primary"

DOWN_AFTER_MS, FAILOVER_TIMEOUT_MS = 1000, 3000

QUORUM = 2

LAG_S = 0.5

REDIS_FAULT_INTERVAL_S = 15.0
"""Average time between two kills of the primary: one that comes back is made a replica only after some 10 s."""


class WatchedRedis:
    """A primary with two replicas, and three sentinels, of which two elect another."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        folder.mkdir()
        self._servers = [FaultyRedis(folder / f"redis{number}") for number in range(3)]
        first, *others = self._servers
        for server in self._servers:
            stack.callback(server.kill)
            server.start()
        for server in others:
            server.ask(f"REPLICAOF 127.0.0.1 {first.port}")
        self._sentinels = [self._sentinel(folder / f"sentinel{number}", first.port) for number in range(3)]
        for sentinel in self._sentinels:
            stack.callback(sentinel.kill)
            sentinel.start()
        until(lambda: all(b"num-slaves\r\n$1\r\n2" in it.ask(f"SENTINEL MASTER {NAME}") for it in self._sentinels))
        until(lambda: all(b"sentinels\r\n$1\r\n2" in it.ask(f"SENTINEL MASTER {NAME}") for it in self._sentinels))

    @staticmethod
    def _sentinel(folder: Path, primary: int) -> FaultyRedis:
        folder.mkdir()
        settings = (
            f"monitor {NAME} 127.0.0.1 {primary} {QUORUM}",
            f"down-after-milliseconds {NAME} {DOWN_AFTER_MS}",
            f"failover-timeout {NAME} {FAILOVER_TIMEOUT_MS}",
        )
        (folder / "sentinel.conf").write_text("".join(f"sentinel {it}\n" for it in settings))
        return FaultyRedis(folder, str(folder / "sentinel.conf"), "--sentinel")

    def url(self, replicas: int) -> str:
        """The URL of a journal that waits for so many replicas."""
        hosts = ",".join(f"127.0.0.1:{it.port}" for it in self._sentinels)
        return f"redis+sentinel://{hosts}/{NAME}/0?replicas={replicas}"

    def kill_primary(self) -> None:
        """End the primary at once, and start it again when the sentinels have chosen another."""
        former = self._primary()
        former.kill()
        until(lambda: self._primary() is not former)
        former.start()

    def lose_the_end(self) -> None:
        """Keep what is said from the replicas for a while, and then end the primary, whose place one of them takes."""
        primary = self._primary()
        for server in self._servers:
            if server is not primary:
                server.ask("REPLICAOF 127.0.0.1 1")
        time.sleep(LAG_S)
        self.kill_primary()

    def _primary(self) -> FaultyRedis:
        answer = self._sentinels[0].ask(f"SENTINEL GET-MASTER-ADDR-BY-NAME {NAME}")
        return next(it for it in self._servers if b"\r\n%d\r\n" % it.port in answer)


def redis_sentinels(folder: Path, seconds: float) -> Iterator[Verdict]:
    """Let sentinels elect while every entry waits for one replica of two, for both, and for none, which lag then."""
    for replicas in (1, 2, 0):
        yield _elect(folder / f"replicas{replicas}", replicas, seconds)


EXPECTED = {0: "what is lost is announced", 1: "nothing lost but what is announced", 2: "nothing lost"}
"""By the number of replicas that are waited for."""


def _elect(folder: Path, replicas: int, seconds: float) -> Verdict:
    expected = EXPECTED[replicas]
    if not shutil.which("redis-server"):
        return Verdict("sentinels", "elections", expected, "there is no redis-server", None)
    folder.mkdir()
    data = folder / "chat"
    data.mkdir()
    with ExitStack() as stack:
        watched = WatchedRedis(folder / "watched", stack)
        if replicas:
            redis_faults = {"primaries killed": partial(_in_thread, watched.kill_primary)}
        else:
            redis_faults = {"replicas that lag": partial(_in_thread, watched.lose_the_end)}
        interval_s = REDIS_FAULT_INTERVAL_S if replicas else seconds / 3
        plan = NodesPlan(seconds, 1, redis_fault_interval_s=interval_s, pause_interval_s=3 * REDIS_FAULT_INTERVAL_S)
        report = trio.run(run_nodes_test, plan, watched.url(replicas), data, redis_faults)
    found = "; ".join(report.violations[:3]) or "nothing lost, doubled or out of order"
    if report.loss:
        found = "; ".join((*describe_loss(report.loss, len(report.recordings)), *report.violations[:3]))
    done = ", ".join(f"{count} {name}" for name, count in sorted(report.faults.items()))
    is_met = not report.violations and (replicas == 1 or (report.loss is None) is bool(replicas))
    return Verdict(
        "sentinels",
        f"?replicas={replicas}, {seconds:g} s: {done}",
        expected,
        f"{report.entries:,} entries; {found}",
        is_met,
    )


async def _in_thread(act: Callable[[], None], _rng: object) -> None:
    await trio.to_thread.run_sync(act)
