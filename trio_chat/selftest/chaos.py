"""The chaos test: clients talk through a faulty network to a server that is killed and restarted."""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import trio

from trio_chat.chat.events import Entry
from trio_chat.journal import open_history
from trio_chat.selftest.checker import Recording, ShownEntry, check_history
from trio_chat.selftest.participant import ROOMS, Participant, open_participant
from trio_chat.selftest.presence import presence_faults
from trio_chat.selftest.proxy import Flow, ProxiedConnection, Proxy
from trio_chat.selftest.supervisor import Supervisor, open_supervisor

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank")
BEGIN, END = "the chaos test begins", "the chaos test ends"
BROKEN_AT_START = 0.2
"""Share of the connections that have a fault injected before the first byte."""

TOLD = 0.1
"""Share of the lines that are private messages."""

LOCKED_S = (2.2, 3.2)
"""Bounds of the time for which the journal is locked: longer than the server waits for a lock, so that batches fail."""

CALM_S = 1.0
"""Connections are left alone while the journal is locked, and so long afterwards: a client that makes a new connection
repeats what it has said in its order, and one that stays on its connection has to do so too."""

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
    history = await _read_history(folder)
    report.entries = len(history)
    report.violations += check_history(history, report.recordings)
    report.violations += await presence_faults(folder)
    report.seconds = time.perf_counter() - began
    return report


class ChaosTest:
    """The tasks of a run and their order."""

    def __init__(self, plan: ChaosPlan, supervisor: Supervisor, proxy: Proxy, report: ChaosReport) -> None:
        self._plan = plan
        self._supervisor = supervisor
        self._proxy = proxy
        self._report = report
        self._faults_end_at = 0.0
        self._is_calm = False
        self._lock = trio.Lock()
        """Held while the server is killed and started, or its journal locked: a locked journal cannot be opened."""

    async def run(self, folder: Path, on_progress: Callable[[float], None]) -> None:
        """Start server and clients, inject faults, wait until the clients have recovered, and stop the server."""
        proxy, report = self._proxy, self._report
        proxy.target = await self._supervisor.start()
        async with AsyncExitStack() as stack:
            participants = [
                await stack.enter_async_context(open_participant(name, proxy.port, folder)) for name in self._plan.names
            ]
            report.recordings = [one.recording for one in participants]
            with trio.move_on_after(self._plan.seconds + self._plan.settle_timeout_s) as scope:
                await self._begin(participants)
                self._faults_end_at = trio.current_time() + self._plan.seconds
                await self._inject_faults(participants, on_progress)
                await self._settle(participants)
            if scope.cancelled_caught:
                report.violations.append(
                    f"the clients had not recovered {self._plan.settle_timeout_s:g} s after the last fault"
                )
        if status := await self._supervisor.stop():
            report.violations.append(f"the server stopped with exit status {status}")
        report.violations += self._supervisor.errors()

    async def _begin(self, participants: Sequence[Participant]) -> None:
        """Return when every client has been shown the first line: the check of the history starts there."""
        await participants[0].say(BEGIN)
        for one in participants:
            await one.wait_until_shown(BEGIN)

    async def _inject_faults(self, participants: Sequence[Participant], on_progress: Callable[[float], None]) -> None:
        seed = self._plan.seed
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._break_connections, Random(f"{seed} faults"))
            nursery.start_soon(self._kill_server, Random(f"{seed} kills"))
            nursery.start_soon(self._lock_journal, Random(f"{seed} locks"))
            nursery.start_soon(self._report_progress, on_progress)
            for one in participants:
                others = [name for name in self._plan.names if name != one.recording.name]
                nursery.start_soon(self._talk, one, others, Random(f"{seed} {one.recording.name}"))

    async def _settle(self, participants: Sequence[Participant]) -> None:
        """Return when every client has been shown the last line of each room: the check ends there."""
        for one in participants:
            await one.wait_until_settled()
        for room in ROOMS:
            await participants[0].say(f"{END}: {room}", room)
        for one in participants:
            for room in ROOMS:
                await one.wait_until_shown(f"{END}: {room}")
        await participants[0].wait_until_settled()

    async def _talk(self, one: Participant, others: Sequence[str], rng: Random) -> None:
        number = 0
        while await self._sleep_during_faults(rng.expovariate(1 / self._plan.line_interval_s)):
            number += 1
            text = f"{one.recording.name} {number} {'x' * rng.randrange(200)}"
            if rng.random() < TOLD:
                await one.tell(rng.choice(others), text)
            else:
                await one.say(text, rng.choice(ROOMS))

    async def _break_connections(self, rng: Random) -> None:
        """Inject faults into one connection after another, and into some as soon as they are made."""
        names: list[str] = []

        def inject_one(connection: ProxiedConnection) -> None:
            nonlocal names
            names = names or rng.sample(list(FAULTS), len(FAULTS))
            name = names.pop()
            FAULTS[name](connection, rng)
            self._report.faults[name] += 1

        self._proxy.on_connection = lambda connection: (
            inject_one(connection) if rng.random() < BROKEN_AT_START and not self._is_calm else None
        )
        while await self._sleep_during_faults(rng.expovariate(1 / self._plan.fault_interval_s)):
            if not self._is_calm and (connections := list(self._proxy.connections)):
                inject_one(rng.choice(connections))
        self._proxy.on_connection = lambda connection: None

    async def _kill_server(self, rng: Random) -> None:
        while await self._sleep_during_faults(rng.uniform(0.5, 1.5) * self._plan.kill_interval_s):
            async with self._lock:
                self._proxy.target = None
                await self._supervisor.kill()
                self._report.kills += 1
                self._proxy.target = await self._supervisor.start()

    async def _lock_journal(self, rng: Random) -> None:
        while await self._sleep_during_faults(rng.uniform(0.5, 1.5) * self._plan.lock_interval_s):
            async with self._lock:
                self._is_calm = True
                journal = self._supervisor.data / "journal.db"
                await trio.to_thread.run_sync(_lock_for, journal, rng.uniform(*LOCKED_S))
                self._report.locks += 1
                await trio.sleep(CALM_S)
                self._is_calm = False

    async def _report_progress(self, on_progress: Callable[[float], None]) -> None:
        while (left_s := self._faults_end_at - trio.current_time()) > 0:
            on_progress(self._plan.seconds - left_s)
            await trio.sleep(0.1)
        on_progress(self._plan.seconds)

    async def _sleep_during_faults(self, seconds: float) -> bool:
        """Sleep. -> whether the time of faults still lasts"""
        await trio.sleep(seconds)
        return trio.current_time() < self._faults_end_at


def _flow(connection: ProxiedConnection, rng: Random) -> Flow:
    return rng.choice((connection.up, connection.down))


def _lock_for(journal: Path, seconds: float) -> None:
    """Lock a journal against all writers, as another program would. Called in a thread."""
    with closing(sqlite3.connect(journal, isolation_level=None, timeout=LOCK_WAIT_S)) as other:
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)


async def _read_history(folder: Path) -> list[ShownEntry]:
    """Read the entries of the rooms from the journal, from the first BEGIN to the last END."""
    entries: list[Entry] = []
    async with open_history("sqlite:", data=folder) as history:
        seen = 0
        while page := await history.read(None, after=seen, limit=1000):
            seen = page[-1].id
            entries += [it for it in page if isinstance(it, Entry)]
    lines = [
        ShownEntry(entry.id, entry.draft.room, entry.draft.kind, entry.draft.author, entry.draft.text)
        for entry in entries
        if entry.draft.room in ROOMS
    ]
    texts = [line.text for line in lines]
    first = texts.index(BEGIN) if BEGIN in texts else 0
    ends = [number for number, text in enumerate(texts, 1) if text.startswith(END)]
    return lines[first : ends[-1] if ends else None]
