"""The chaos test of several servers on one Redis: killed, stopped and paused while clients talk through a balancer.

Whatever happens to the servers, every client is shown every entry once, in one order; nothing is said twice; and nobody
is seen to leave or to come back, since the places of all are held.
"""

import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

import trio

from trio_chat.chat.events import PRESENCE, Entry, Kind
from trio_chat.journal import open_history
from trio_chat.selftest.announced_loss import AnnouncedLoss, discount_announced_loss
from trio_chat.selftest.archive import as_shown
from trio_chat.selftest.checker import Recording, ShownEntry, check_history
from trio_chat.selftest.conversation import say_last, talk
from trio_chat.selftest.fault_period import FaultPeriod
from trio_chat.selftest.participant import Participant, open_participant
from trio_chat.selftest.proxy import Proxy
from trio_chat.selftest.supervisor import Supervisor, open_supervisor

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank")

BEGIN, END = "the test of the nodes begins", "the test of the nodes ends"

LEASE_S = 3
"""The lease of the nodes: shorter than by default, so that a pause beyond it is short."""

DRAIN_S = 0.5
"""The time for which a node is drained before it is stopped."""

KILLED_SHARE = 0.5
"""Share of the restarts in which a node is killed; in the others it is stopped."""

BALANCE_S = 0.05
"""Time between two choices of the node that gets the next connections."""

PAGE_ENTRIES = 500

InjectFault = Callable[[Random], Awaitable[None]]
"""Injects one fault, and returns when it is over."""


@dataclass(frozen=True, slots=True)
class NodesPlan:
    """Parameters of a run: its length, and the average intervals between lines of a client and between faults."""

    seconds: float
    seed: int
    names: Sequence[str] = NAMES
    nodes: int = 3
    line_interval_s: float = 0.03
    cut_interval_s: float = 0.3
    restart_interval_s: float = 3.0
    pause_interval_s: float = 4.0
    redis_fault_interval_s: float = 3.0
    settle_timeout_s: float = 60.0


@dataclass(slots=True)
class NodesReport:
    """Result of a run. `violations` are the broken promises, a sentence each; `faults` counts the faults by name."""

    plan: NodesPlan
    faults: Counter[str] = field(default_factory=Counter)
    recordings: Sequence[Recording] = ()
    entries: int = 0
    seconds: float = 0.0
    epoch: str = ""
    """The epoch of the chat when the test began."""
    loss: AnnouncedLoss | None = None
    violations: list[str] = field(default_factory=list)


class Findings(NamedTuple):
    """The number of entries in the history, the broken promises, a sentence each, and the loss that was announced."""

    entries: int
    violations: list[str]
    loss: AnnouncedLoss | None


async def run_nodes_test(
    plan: NodesPlan, url: str, folder: Path, redis_faults: Mapping[str, InjectFault] | None = None
) -> NodesReport:
    """Run the test on the empty chat that `url` names, with the data of nodes and clients in an empty folder.

    `redis_faults` are injected into the Redis, one at a time; their names are counted in the report. Raises
    SelftestError and JournalError.
    """
    report, began = NodesReport(plan), time.perf_counter()
    async with AsyncExitStack() as stack:
        supervisors: list[Supervisor] = []
        for number in range(plan.nodes):
            data = folder / f"node{number}"
            data.mkdir()
            journal = with_option(url, f"node=node{number}&lease={LEASE_S}")
            durability = "--journal-durability", "relaxed"  # it is for the operator to ask for more
            flags = "--journal", journal, *durability, "--drain", str(DRAIN_S)
            supervisors.append(await stack.enter_async_context(open_supervisor(data, flags=flags)))
        nursery = await stack.enter_async_context(trio.open_nursery())
        proxy = Proxy()
        await nursery.start(proxy.run)
        await NodesTest(plan, supervisors, proxy, report, redis_faults or {}).run(folder)
        nursery.cancel_scope.cancel()
    report.entries, violations, report.loss = await judge(url, folder, report.recordings, epoch=report.epoch)
    report.violations += violations
    report.seconds = time.perf_counter() - began
    return report


def with_option(url: str, option: str) -> str:
    """Return the URL of a journal with another option, such as `chat=NAME`."""
    return f"{url}{'&' if '?' in url else '?'}{option}"


async def judge(url: str, folder: Path, recordings: Sequence[Recording], *, epoch: str = "") -> Findings:
    """Compare what clients said and were shown, from BEGIN to END, with the history. Raises JournalError.

    `epoch` is that of the beginning. If the chat has another one now, a loss that was announced is no broken promise.
    """
    begin = min((line.id for one in recordings for line in one.shown if line.text == BEGIN), default=1)
    history, notices, epoch_now = await _read_history(url, folder, begin)
    loss = None
    if epoch not in ("", epoch_now):
        recordings, loss = discount_announced_loss(history, recordings, first_id=begin)
    if loss:
        before = [it for it in notices if it.id < loss.since]
        loss, notices = replace(loss, places=len(notices) - len(before)), before
    came_or_went = [f"the history says that {it.author} {it.kind}, though nobody came or went" for it in notices]
    return Findings(len(history), check_history(history, recordings) + came_or_went, loss)


async def _read_history(url: str, folder: Path, first_id: int) -> tuple[list[ShownEntry], list[ShownEntry], str]:
    """Read the entries up to the last line of the test. -> all of them, those about presence, the epoch"""
    lines: list[ShownEntry] = []
    async with open_history(url, data=folder) as history:
        seen, epoch = first_id - 1, history.epoch
        while page := await history.read(None, after=seen, limit=PAGE_ENTRIES):
            seen = page[-1].id
            lines += [as_shown(it) for it in page if isinstance(it, Entry)]
    texts = [it.text if it.kind == Kind.SAID else "" for it in lines]
    ends = [number for number, text in enumerate(texts, 1) if text.startswith(END)]
    lines = lines[: ends[-1] if ends else None]
    return lines, [it for it in lines if it.kind in PRESENCE], epoch


class NodesTest:
    """The tasks of a run and their order."""

    def __init__(
        self,
        plan: NodesPlan,
        supervisors: Sequence[Supervisor],
        proxy: Proxy,
        report: NodesReport,
        redis_faults: Mapping[str, InjectFault],
    ) -> None:
        self._plan, self._supervisors, self._proxy, self._report = plan, supervisors, proxy, report
        self._redis_faults = redis_faults
        self._ports: dict[Supervisor, int] = {}
        """The nodes that take connections."""
        self._fault_period = FaultPeriod(plan.seed)
        self._busy = trio.Lock()
        """Held during a fault of a node or of the Redis: there is one at a time."""

    async def run(self, folder: Path) -> None:
        """Start the nodes and the clients, inject faults, wait until the clients have recovered, and stop the nodes."""
        plan, report = self._plan, self._report
        for node in self._supervisors:
            self._ports[node] = await node.start()
        async with AsyncExitStack() as stack:
            balancing = await stack.enter_async_context(trio.open_nursery())
            balancing.start_soon(self._balance, self._fault_period.rng("balance"))
            await trio.sleep(2 * BALANCE_S)
            participants = [
                await stack.enter_async_context(open_participant(name, self._proxy.port, folder)) for name in plan.names
            ]
            report.recordings = [one.recording for one in participants]
            with trio.move_on_after(plan.seconds + plan.settle_timeout_s) as scope:
                await participants[0].say(BEGIN)
                for one in participants:
                    await one.wait_until_shown(BEGIN)
                report.epoch = participants[0].epoch
                self._fault_period.begin(plan.seconds)
                await self._inject_faults(participants)
                await self._settle(participants)
            if scope.cancelled_caught:
                report.violations.append(
                    f"the clients had not recovered {plan.settle_timeout_s:g} s after the last fault"
                )
            balancing.cancel_scope.cancel()
        for node in self._supervisors:
            if status := await node.stop():
                report.violations.append(f"a server stopped with exit status {status}")
            report.violations += node.errors()

    async def _inject_faults(self, participants: Sequence[Participant]) -> None:
        plan, rng = self._plan, self._fault_period.rng
        async with trio.open_nursery() as nursery:
            for one in participants:
                others = [name for name in plan.names if name != one.recording.name]
                nursery.start_soon(partial(talk, one, others, self._fault_period, interval_s=plan.line_interval_s))
            nursery.start_soon(self._cut_connections, rng("cuts"))
            nursery.start_soon(self._repeat, self._restart_node, plan.restart_interval_s, rng("kills"))
            nursery.start_soon(self._repeat, self._pause_node, plan.pause_interval_s, rng("pauses"))
            if self._redis_faults:
                nursery.start_soon(
                    self._repeat, self._inject_redis_fault, plan.redis_fault_interval_s, rng("Redis faults")
                )

    async def _settle(self, participants: Sequence[Participant]) -> None:
        """Return when every client has been shown the last line of each room."""
        for one in participants:
            await one.wait_until_settled()
        await say_last(participants, END)

    async def _balance(self, rng: Random) -> None:
        """Direct new connections to a random node of those that accept any, and choose again every BALANCE_S."""
        while True:
            self._proxy.target = rng.choice(list(self._ports.values())) if self._ports else None
            await trio.sleep(BALANCE_S)

    async def _cut_connections(self, rng: Random) -> None:
        while await self._fault_period.goes_on_after(rng.expovariate(1 / self._plan.cut_interval_s)):
            if connections := list(self._proxy.connections):
                rng.choice(connections).cut(is_reset=rng.random() < 0.5)
                self._report.faults["connections cut"] += 1

    async def _repeat(self, fault: InjectFault, interval_s: float, rng: Random) -> None:
        while await self._fault_period.goes_on_after(rng.uniform(0.5, 1.5) * interval_s):
            async with self._busy:
                await fault(rng)

    async def _restart_node(self, rng: Random) -> None:
        """Kill or stop a node, and start it again: at once, or once the others have noticed."""
        node = rng.choice(self._supervisors)
        del self._ports[node]
        if is_killed := rng.random() < KILLED_SHARE:
            await node.kill()
        elif status := await node.stop():
            self._report.violations.append(f"a server stopped with exit status {status}")
        await trio.sleep(rng.choice((0, 2 * LEASE_S)))
        self._ports[node] = await node.start()
        self._report.faults["nodes killed" if is_killed else "nodes stopped"] += 1

    async def _pause_node(self, rng: Random) -> None:
        """Stop a node's process for less or for more than its lease, and let it go on."""
        node = rng.choice(self._supervisors)
        port = self._ports.pop(node)
        node.send_signal(signal.SIGSTOP)
        await trio.sleep(rng.choice((0.3, 2)) * LEASE_S)
        node.send_signal(signal.SIGCONT)
        self._ports[node] = port
        self._report.faults["nodes paused"] += 1

    async def _inject_redis_fault(self, rng: Random) -> None:
        name = rng.choice(list(self._redis_faults))
        await self._redis_faults[name](rng)
        self._report.faults[name] += 1
