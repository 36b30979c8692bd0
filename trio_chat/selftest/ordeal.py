"""Clients talk through a bad network to a server that is killed again and again; then it must all be right."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import trio

from trio_chat.chat.events import Entry
from trio_chat.journal import open_history
from trio_chat.selftest.participant import ROOMS, Participant, participating
from trio_chat.selftest.proxy import Flow, Proxy, Wire
from trio_chat.selftest.supervisor import Supervisor, supervising
from trio_chat.selftest.verdict import Line, Recording, judge

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank")
BEGIN, END = "the ordeal begins", "the ordeal is over"
BORN_BROKEN = 0.2
"""The share of connections that something is done to before anything passes."""

Fault = Callable[[Wire, Random], None]

FAULTS: Mapping[str, Fault] = {
    "cut": lambda wire, dice: wire.cut(is_reset=dice.random() < 0.5),
    "delayed": lambda wire, dice: _flow(wire, dice).delay(dice.uniform(0.01, 0.2), for_s=dice.uniform(0.2, 2)),
    "halved": lambda wire, dice: _flow(wire, dice).halve(),
    "torn": lambda wire, dice: _flow(wire, dice).tear(),
    "stalled": lambda wire, dice: _flow(wire, dice).stall(dice.uniform(0.1, 3)),
}
"""What is done to a connection, by name."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How bad it gets, for how long. The times are seconds on average between two lines of a client, faults and kills.

    After that everything may take `settle_s` to be right again: clients wait for up to 30 s before they come back. With
    the same seed the same is done at much the same times; what comes of it is for the machine to decide.
    """

    seconds: float
    seed: int
    names: Sequence[str] = NAMES
    line_s: float = 0.03
    fault_s: float = 0.25
    kill_s: float = 4.0
    settle_s: float = 90.0


@dataclass(slots=True)
class Report:
    """What happened. `findings` are the promises that were broken."""

    plan: Plan
    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    transcripts: Sequence[Recording] = ()
    entries: int = 0
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)


async def run_ordeal(plan: Plan, folder: Path, on_progress: Callable[[float], None] = lambda passed_s: None) -> Report:
    """Make it all happen in an empty folder. -> what happened, once it is over. Raises SelftestError.

    `on_progress` is told some ten times a second how much of the bad time has passed.
    """
    report, began = Report(plan), time.perf_counter()
    async with supervising(folder) as supervisor, trio.open_nursery() as nursery:
        proxy = Proxy()
        await nursery.start(proxy.run)
        ordeal = Ordeal(plan, supervisor, proxy, report)
        await ordeal.run(folder, on_progress)
        nursery.cancel_scope.cancel()
    history = await _read_history(folder)
    report.entries = len(history)
    report.findings += judge(history, report.transcripts)
    report.seconds = time.perf_counter() - began
    return report


class Ordeal:
    """What goes on at the same time, and the order of it."""

    def __init__(self, plan: Plan, supervisor: Supervisor, proxy: Proxy, report: Report) -> None:
        self._plan = plan
        self._supervisor = supervisor
        self._proxy = proxy
        self._report = report
        self._until = 0.0

    async def run(self, folder: Path, on_progress: Callable[[float], None]) -> None:
        """Let all come, let the bad time pass, wait until all is quiet, and stop the server."""
        proxy, report = self._proxy, self._report
        proxy.target = await self._supervisor.start()
        async with AsyncExitStack() as stack:
            people = [
                await stack.enter_async_context(participating(name, proxy.port, folder)) for name in self._plan.names
            ]
            report.transcripts = [one.transcript for one in people]
            with trio.move_on_after(self._plan.seconds + self._plan.settle_s) as patience:
                await self._begin(people)
                self._until = trio.current_time() + self._plan.seconds
                await self._suffer(people, on_progress)
                await self._settle(people)
            if patience.cancelled_caught:
                report.findings.append(f"it was not all right again {self._plan.settle_s:g} s after the last fault")
        if status := await self._supervisor.stop():
            report.findings.append(f"the server stopped with exit status {status}")
        report.findings += self._supervisor.errors()

    async def _begin(self, people: Sequence[Participant]) -> None:
        """Return when all know that it begins: what came before that in the history counts for nothing."""
        await people[0].say(BEGIN)
        for one in people:
            await one.shown(BEGIN)

    async def _suffer(self, people: Sequence[Participant], on_progress: Callable[[float], None]) -> None:
        seed = self._plan.seed
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._break, Random(f"{seed} faults"))
            nursery.start_soon(self._kill, Random(f"{seed} kills"))
            nursery.start_soon(self._tell, on_progress)
            for one in people:
                nursery.start_soon(self._talk, one, Random(f"{seed} {one.transcript.name}"))

    async def _settle(self, people: Sequence[Participant]) -> None:
        for one in people:
            await one.settled()
        for room in ROOMS:
            await people[0].say(f"{END}: {room}", room)
        for one in people:
            for room in ROOMS:
                await one.shown(f"{END}: {room}")
        await people[0].settled()

    async def _talk(self, one: Participant, dice: Random) -> None:
        number = 0
        while await self._time_passes(dice.expovariate(1 / self._plan.line_s)):
            number += 1
            await one.say(f"{one.transcript.name} {number} {'x' * dice.randrange(200)}", dice.choice(ROOMS))

    async def _break(self, dice: Random) -> None:
        """Break one connection after the other, and some as soon as they are made."""
        names: list[str] = []

        def break_one(wire: Wire) -> None:
            nonlocal names
            names = names or dice.sample(list(FAULTS), len(FAULTS))
            name = names.pop()
            FAULTS[name](wire, dice)
            self._report.faults[name] += 1

        self._proxy.on_wire = lambda wire: break_one(wire) if dice.random() < BORN_BROKEN else None
        while await self._time_passes(dice.expovariate(1 / self._plan.fault_s)):
            if wires := list(self._proxy.wires):
                break_one(dice.choice(wires))
        self._proxy.on_wire = lambda wire: None

    async def _kill(self, dice: Random) -> None:
        while await self._time_passes(dice.uniform(0.5, 1.5) * self._plan.kill_s):
            self._proxy.target = None
            await self._supervisor.kill()
            self._report.kills += 1
            self._proxy.target = await self._supervisor.start()

    async def _tell(self, on_progress: Callable[[float], None]) -> None:
        while (left_s := self._until - trio.current_time()) > 0:
            on_progress(self._plan.seconds - left_s)
            await trio.sleep(0.1)
        on_progress(self._plan.seconds)

    async def _time_passes(self, seconds: float) -> bool:
        """Wait. -> whether the bad time still goes on then"""
        await trio.sleep(seconds)
        return trio.current_time() < self._until


def _flow(wire: Wire, dice: Random) -> Flow:
    return dice.choice((wire.up, wire.down))


async def _read_history(folder: Path) -> list[Line]:
    """Read from the journal what happened in the rooms from the beginning of the ordeal to its end."""
    entries: list[Entry] = []
    async with open_history("sqlite:", data=folder) as history:
        seen = 0
        while page := await history.read(None, after=seen, limit=1000):
            seen = page[-1].id
            entries += [it for it in page if isinstance(it, Entry)]
    lines = [
        Line(entry.id, entry.draft.room, entry.draft.kind, entry.draft.author, entry.draft.text)
        for entry in entries
        if entry.draft.room in ROOMS
    ]
    texts = [line.text for line in lines]
    first = texts.index(BEGIN) if BEGIN in texts else 0
    ends = [number for number, text in enumerate(texts, 1) if text.startswith(END)]
    return lines[first : ends[-1] if ends else None]
