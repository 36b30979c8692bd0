"""The chaos test: clients talk through a faulty network to a server that is killed and restarted."""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

import trio

from trio_chat.selftest.archive import Archive
from trio_chat.selftest.checker import Recording, check_history
from trio_chat.selftest.commuter import COMMUTERS_ROOM, Commuter
from trio_chat.selftest.conversation import say_last, talk
from trio_chat.selftest.fault_period import FaultPeriod
from trio_chat.selftest.mover import MOVING_ROOMS, Mover
from trio_chat.selftest.participant import Participant, open_participant
from trio_chat.selftest.presence import presence_faults
from trio_chat.selftest.proxy import Flow, ProxiedConnection, Proxy
from trio_chat.selftest.supervisor import Supervisor, open_supervisor
from trio_chat.selftest.visits import check_visits

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank")
LISTENERS = ("zoe", "yves")
"""Clients that say nothing, so that entries which they missed may be pruned while they are away."""

MOVERS = ("gina", "hugo")
MEMBERS = ("kate",)
"""Members that stay connected at each of PLACES."""

COMMUTERS = ("liam",)
"""Members that join and leave again and again at each of PLACES."""

COMMUTER_WEIGHT = 4
"""Weight of a commuter as the recipient of a private message; anybody else has 1."""

PLACES = ("", "-phone")
"""Suffixes of the two places of each member."""

BEGIN, END = "the chaos test begins", "the chaos test ends"
BROKEN_AT_START = 0.2
"""Share of the connections that have a fault injected before the first byte."""

LOCKED_S = (2.2, 3.2)
"""Bounds of the time for which the journal is locked: longer than the server waits for a lock, so that batches fail."""

CALM_S = 1.0
"""Time after a lock of the journal in which no connection is broken, as during the lock. A client that reconnects
repeats failed messages in their order; then clients have to do so on the same connection, too."""

LOCK_WAIT_S = 10

Fault = Callable[[ProxiedConnection, Random], None]

FAULTS: Mapping[str, Fault] = {
    "cut": lambda connection, rng: connection.cut(is_reset=rng.random() < 0.5),
    "delayed": lambda connection, rng: _flow(connection, rng).delay(rng.uniform(0.01, 0.2), for_s=rng.uniform(0.2, 2)),
    "half-closed": lambda connection, rng: _flow(connection, rng).half_close(),
    "truncated": lambda connection, rng: _flow(connection, rng).truncate(),
    "stalled": lambda connection, rng: _flow(connection, rng).stall(rng.uniform(0.1, 3)),
}
"""The faults that are injected into a connection, by name."""


@dataclass(frozen=True, slots=True)
class ChaosPlan:
    """Parameters of a run: its length, and the average intervals between lines of a client, faults, kills, and
    locks of the journal by another program.

    Afterwards the clients have `settle_timeout_s` to recover: they wait up to 30 s before they reconnect. The same seed
    gives the same faults at much the same times, but not the same interleaving.
    """

    seconds: float
    seed: int
    names: Sequence[str] = NAMES
    listeners: Sequence[str] = LISTENERS
    movers: Sequence[str] = MOVERS
    members: Sequence[str] = MEMBERS
    commuters: Sequence[str] = COMMUTERS
    commute_interval_s: float = 0.1
    move_interval_s: float = 0.1
    line_interval_s: float = 0.03
    fault_interval_s: float = 0.25
    kill_interval_s: float = 4.0
    lock_interval_s: float = 5.0
    settle_timeout_s: float = 90.0


@dataclass(slots=True)
class ChaosReport:
    """Result of a run. `violations` are the broken promises, a sentence each."""

    plan: ChaosPlan
    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    locks: int = 0
    pruned: int = 0
    """Entries that the server has pruned."""
    visits: int = 0
    """Visits of rooms by those who move between them."""
    waits: int = 0
    """Private messages that waited for a member who was away."""
    gaps: int = 0
    """Gaps that were announced, since what was pruned had not been sent."""
    recordings: Sequence[Recording] = ()
    entries: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


async def run_chaos_test(
    plan: ChaosPlan, folder: Path, on_progress: Callable[[float], None] = lambda passed_s: None
) -> ChaosReport:
    """Run the test with its data in an empty folder. Raises SelftestError.

    `on_progress` is called about ten times a second with the seconds of faults that have passed.
    """
    report, began = ChaosReport(plan), time.perf_counter()
    async with open_supervisor(folder) as supervisor, trio.open_nursery() as nursery:
        proxy = Proxy()
        await nursery.start(proxy.run)
        chaos_test = ChaosTest(plan, supervisor, proxy, report)
        await chaos_test.run(folder, on_progress)
        nursery.cancel_scope.cancel()
    await _judge(chaos_test, folder)
    report.seconds = time.perf_counter() - began
    return report


async def _judge(test: "ChaosTest", folder: Path) -> None:
    """Compare what clients sent and were shown with everything that was ever in the journal."""
    report, archive, movers, commuters = test.report, test.archive, test.movers, test.commuters
    await archive.update(folder)
    history = archive.lines(BEGIN, END)
    moving = [recording for recordings in test.stays for recording in recordings]
    report.entries, report.pruned = len(history), len(archive.pruned_ids)
    report.visits = sum(len(list(mover.visits)) for mover in movers)
    report.gaps = sum(len(recording.gaps) for recording in (*report.recordings, *moving))
    report.waits = sum(recording.waits for recording in (*report.recordings, *moving))
    report.violations += check_history(
        history,
        report.recordings,
        pruned_ids=archive.pruned_ids,
        movers=moving,
        elsewhere=(*MOVING_ROOMS, COMMUTERS_ROOM),
        mail={one.name: one.mail for one in commuters},
    )
    for mover in movers:
        report.violations += check_visits(mover.name, [*mover.visits], history, archive.pruned_ids)
    pruned = [entry for entry in archive.entries if entry.id in archive.pruned_ids]
    report.violations += await presence_faults(folder, pruned)


class ChaosTest:
    """The tasks of a run and their order."""

    def __init__(self, plan: ChaosPlan, supervisor: Supervisor, proxy: Proxy, report: ChaosReport) -> None:
        self._plan = plan
        self._supervisor = supervisor
        self._proxy = proxy
        self.report = report
        self.archive = Archive()
        self.movers: list[Mover] = []
        self.commuters: list[Commuter] = []
        self._participants: list[Participant] = []
        self._fault_period = FaultPeriod(plan.seed)
        self._is_calm = False
        self._lock = trio.Lock()
        """Held while the server is killed and started, or its journal locked: a locked journal cannot be opened."""

    @property
    def stays(self) -> list[list[Recording]]:
        """The recordings of all stays of each mover and each commuter."""
        return [*(one.recordings for one in self.movers), *(one.recordings for one in self.commuters)]

    async def run(self, folder: Path, on_progress: Callable[[float], None]) -> None:
        """Start server and clients, inject faults, wait until the clients have recovered, and stop the server."""
        proxy, report = self._proxy, self.report
        proxy.target = await self._supervisor.start()
        async with AsyncExitStack() as stack:
            names = (*self._plan.names, *self._plan.listeners)
            participants = [
                await stack.enter_async_context(open_participant(name, proxy.port, folder)) for name in names
            ]
            participants += await self._open_members(stack, folder)
            self._participants = participants
            self.commuters = [
                Commuter(name, place, proxy.port, folder, self._fault_period.rng(f"{name}{place}"))
                for name in self._plan.commuters
                for place in PLACES
            ]
            self.movers = [Mover(name, proxy.port, folder, self._fault_period.rng(name)) for name in self._plan.movers]
            report.recordings = [one.recording for one in participants]
            with trio.move_on_after(self._plan.seconds + self._plan.settle_timeout_s) as scope:
                await self._begin(participants)
                self._fault_period.begin(self._plan.seconds)
                await self._inject_faults(participants, on_progress)
                await self._settle(participants)
            if scope.cancelled_caught:
                report.violations.append(
                    f"the clients had not recovered {self._plan.settle_timeout_s:g} s after the last fault"
                )
        if status := await self._supervisor.stop():
            report.violations.append(f"the server stopped with exit status {status}")
        report.violations += self._supervisor.errors()

    async def _open_members(self, stack: AsyncExitStack, folder: Path) -> list[Participant]:
        """Claim the names of members and commuters. -> the places of the members, which stay connected"""
        port, staying = self._proxy.port, list[Participant]()
        for name in self._plan.members:
            first = await stack.enter_async_context(open_participant(name, port, folder))
            await first.claim_name()
            others = [open_participant(name, port, folder, place=place) for place in PLACES[1:]]
            staying += [first, *[await stack.enter_async_context(other) for other in others]]
        for name in self._plan.commuters:
            async with open_participant(name, port, folder, [COMMUTERS_ROOM]) as one:
                await one.claim_name()
                await one.leave_chat()
        return staying

    async def _begin(self, participants: Sequence[Participant]) -> None:
        """Return when every client has been shown the first line: the check of the history starts there.

        A private message then waits for each commuter, so that some messages wait however slow the machine is.
        """
        first = participants[0]
        await first.say(BEGIN)
        for one in participants:
            await one.wait_until_shown(BEGIN)
        for name in self._plan.commuters:
            await first.tell(name, f"{first.recording.title} 0 to {name}")

    async def _inject_faults(self, participants: Sequence[Participant], on_progress: Callable[[float], None]) -> None:
        say = partial(talk, interval_s=self._plan.line_interval_s)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._break_connections, self._fault_period.rng("faults"))
            nursery.start_soon(self._kill_server, self._fault_period.rng("kills"))
            nursery.start_soon(self._lock_journal, self._fault_period.rng("locks"))
            nursery.start_soon(self._report_progress, on_progress)
            for mover in self.movers:
                nursery.start_soon(mover.run, self._plan.move_interval_s, self._fault_period.is_over)
            for commuter in self.commuters:
                others = self._others(commuter.name)
                nursery.start_soon(commuter.run, others, self._plan.commute_interval_s, self._fault_period.is_over)
            for one in participants:
                if one.recording.name not in self._plan.listeners:
                    others = self._others(one.recording.name)
                    nursery.start_soon(say, one, others, self._fault_period)

    def _others(self, name: str) -> list[str]:
        """Return the possible recipients of somebody's private messages, with each commuter COMMUTER_WEIGHT times."""
        plan = self._plan
        return [other for other in (*plan.names, *plan.members, *[*plan.commuters] * COMMUTER_WEIGHT) if other != name]

    async def _settle(self, participants: Sequence[Participant]) -> None:
        """Return when every client has been shown the last line of each room: the check ends there."""
        for one in participants:
            await one.wait_until_settled()
        for commuter in self.commuters:
            await commuter.collect_mail()
        await say_last(participants, END)

    async def _break_connections(self, rng: Random) -> None:
        """Inject faults into one connection after another, and into some as soon as they are made."""
        names: list[str] = []

        def inject_one(connection: ProxiedConnection) -> None:
            nonlocal names
            names = names or rng.sample(list(FAULTS), len(FAULTS))
            name = names.pop()
            FAULTS[name](connection, rng)
            self.report.faults[name] += 1

        self._proxy.on_connection = lambda connection: (
            inject_one(connection) if rng.random() < BROKEN_AT_START and not self._is_calm else None
        )
        while await self._fault_period.goes_on_after(rng.expovariate(1 / self._plan.fault_interval_s)):
            if not self._is_calm and (connections := list(self._proxy.connections)):
                inject_one(rng.choice(connections))
        self._proxy.on_connection = lambda connection: None

    async def _kill_server(self, rng: Random) -> None:
        while await self._fault_period.goes_on_after(rng.uniform(0.5, 1.5) * self._plan.kill_interval_s):
            await self._restart(prunes=True)
        await self._restart(prunes=False)  # from here on nothing is pruned that is not in the archive

    async def _restart(self, *, prunes: bool) -> None:
        """Kill the server and start it again. If it `prunes`, it keeps every message that its sender may repeat.

        The clients come back once it has pruned: what they said before that might be pruned, and then be kept twice.
        """
        async with self._lock:
            self._proxy.target = None
            await self._supervisor.kill()
            self.report.kills += 1
            await self.archive.update(self._supervisor.data)
            speakers: tuple[Participant | Mover | Commuter, ...] = (*self._participants, *self.movers, *self.commuters)
            pending = [key for one in speakers for key in one.unacknowledged]
            keep = self.archive.to_keep(pending) if prunes else None
            port = await self._supervisor.start(keep=keep)
            if keep is not None:
                await self.archive.wait_until_pruned(self._supervisor.data, keep)
            self._proxy.target = port

    async def _lock_journal(self, rng: Random) -> None:
        while await self._fault_period.goes_on_after(rng.uniform(0.5, 1.5) * self._plan.lock_interval_s):
            async with self._lock:
                self._is_calm = True
                journal = self._supervisor.data / "journal.db"
                await trio.to_thread.run_sync(_lock_for, journal, rng.uniform(*LOCKED_S))
                self.report.locks += 1
                await trio.sleep(CALM_S)
                self._is_calm = False

    async def _report_progress(self, on_progress: Callable[[float], None]) -> None:
        while (left_s := self._fault_period.left_s) > 0:
            on_progress(self._plan.seconds - left_s)
            await trio.sleep(0.1)
        on_progress(self._plan.seconds)


def _flow(connection: ProxiedConnection, rng: Random) -> Flow:
    return rng.choice((connection.up, connection.down))


def _lock_for(journal: Path, seconds: float) -> None:
    """Lock a journal against all writers, as another program would. Called in a thread."""
    with closing(sqlite3.connect(journal, isolation_level=None, timeout=LOCK_WAIT_S)) as other:
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)
