"""The scenarios and their targets. Each yields rows and is independent of the others.

For a ratio, both servers are measured in turns, and the ratio is the median of those of the turns, since the load of
the machine changes over time.
"""

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from bench.fill import fill_journal
from bench.loadgen import FLOOD_LINES, flooded
from bench.phases import Result, Span, closed_loop, open_loop
from bench.replay_client import ReplayClient
from bench.servers import Command, Cores, Server, other, ours, running
from bench.swarm import FRAMES, LINES, LINES_LIKE_FRAMES, REDIS, Swarm, settle
from bench.table import Row

LIMIT, OURS, MEMORY, PEER = "limit", "ours", "memory:", "redis"

SPARE_FILES = 200

MISSED = 100_000

_numbers = count()


@dataclass(frozen=True, slots=True)
class Setup:
    """The environment of a run. `limit` is None without a C compiler, `peer` without Redis.

    `other` is the command of a server to measure instead of ours.
    """

    folder: Path
    cores: Cores
    files: int
    span: Span
    rounds: int
    is_quick: bool
    limit: Command | None
    peer: Command | None
    other: str | None

    def start(self, name: str, *, data: Path | None = None) -> AbstractContextManager[Server]:
        """Start the server of a name, by default with an empty data folder."""
        if name == LIMIT and self.limit:
            command = self.limit
        elif name == PEER and self.peer:
            command = self.peer
        elif self.other:
            command = other(self.other)
        else:
            journal = MEMORY if name == MEMORY else "sqlite:"
            command = ours(data or self.folder / f"data-{next(_numbers)}", journal=journal)
        return running(command, self.cores, self.folder)

    def start_all(self, stack: ExitStack, names: Sequence[str]) -> dict[str, Server]:
        """Start several servers, which stop with the stack."""
        return {name: stack.enter_context(self.start(name)) for name in names}

    def present(self, *names: str) -> list[str]:
        """Return the names of the servers that can be started."""
        absent = {LIMIT: not self.limit, PEER: not self.peer, MEMORY: bool(self.other)}
        return [name for name in names if not absent.get(name)]

    def clients(self, wished: int, *, swarms: int = 1) -> int:
        """Return the wished number of clients, or as many as the limit of open files allows."""
        return min(wished, (self.files - SPARE_FILES) // swarms)


Scenario = Callable[[Setup], Iterator[Row]]


def deliveries(setup: Setup) -> Iterator[Row]:
    """Throughput: deliveries a second."""
    for wished, target, memory_target, peer_target in (
        (100, 0.4, 0.8, 0.8),
        (1000, 0.7, 0.9, 2.0),
        (5000, 0.9, 1.0, 4.0),
    ):
        names = setup.present(LIMIT, OURS, MEMORY, PEER)
        clients = setup.clients(wished, swarms=len(names))
        with ExitStack() as stack:
            swarms = _swarms(stack, setup.start_all(stack, names), clients)
            results = _in_turns(setup, swarms, partial(closed_loop, span=setup.span))
        rates = {name: [r.deliveries_per_s for r in results[name]] for name in names}
        what = f"deliveries/s to {clients} clients"
        yield _above(what, target, "of the limit", _rates(results), _ratio(rates, OURS, LIMIT))
        yield _cpu_row("  CPU per delivery", results)
        if PEER in names:
            yield _above("  beside Redis", peer_target, "times Redis", "", _ratio(rates, OURS, PEER))
        if MEMORY in names:
            yield _above("  without journal", memory_target, "of the limit", "", _ratio(rates, MEMORY, LIMIT))


def frames(setup: Setup) -> Iterator[Row]:
    """Throughput to listeners of frames. The C limit sends lines as long as a frame."""
    for wished, target in ((100, 0.4), (1000, 0.7), (5000, 0.9)):
        names = setup.present(LIMIT, OURS)
        clients = setup.clients(wished, swarms=len(names))
        with ExitStack() as stack:
            swarms = _swarms(stack, setup.start_all(stack, names), clients, frames=True)
            loads = _in_turns(setup, swarms, partial(closed_loop, span=setup.span))
            paced = _in_turns(setup, swarms, partial(open_loop, span=setup.span, rate=200)) if wished == 1000 else {}
        rates = {name: [r.deliveries_per_s for r in loads[name]] for name in names}
        what = f"deliveries/s to {clients} clients of frames"
        yield _above(what, target, "of the limit", _rates(loads), _ratio(rates, OURS, LIMIT))
        if paced:
            yield from _paced_rows(f"200 lines/s to {clients} clients of frames: p99", paced)


def replay(setup: Setup) -> Iterator[Row]:
    """Time to replay many missed entries to one client, and the latency of the others meanwhile."""
    calm, busy = "calm", "meanwhile"
    data = setup.folder / "missed"
    epoch = fill_journal(data, MISSED)
    with ExitStack() as stack:
        server = stack.enter_context(setup.start(OURS, data=data))
        swarm = _swarms(stack, {OURS: server}, 100)[OURS]
        results: dict[str, list[Result]] = {calm: [], busy: []}
        seconds = []
        for _ in range(setup.rounds):
            one = ReplayClient(epoch, MISSED, swarm)
            results[calm].append(open_loop(swarm, setup.span, rate=200))
            results[busy].append(open_loop(swarm, setup.span, rate=200, meanwhile=one.begin))
            seconds.append(one.finish())
    took_s = median(seconds)
    yield Row(f"{MISSED} missed entries to one client", "at most 2 s", f"{took_s:.2f} s", is_met=took_s <= 2)
    p99 = {name: [r.percentile_ms(0.99) for r in found] for name, found in results.items()}
    yield _below("  others' p99", 1.5, "times", _times(p99, results), _ratio(p99, busy, calm))


def latency(setup: Setup) -> Iterator[Row]:
    """Latency of a line to a thousand clients."""
    names = setup.present(LIMIT, OURS, PEER)
    clients = setup.clients(1000, swarms=len(names))
    with ExitStack() as stack:
        swarms = _swarms(stack, setup.start_all(stack, names), clients)
        alone = _in_turns(setup, swarms, partial(open_loop, span=setup.span, rate=20, senders=1))
        calm = _in_turns(setup, swarms, partial(open_loop, span=setup.span, rate=100))
        busy = _in_turns(setup, swarms, partial(open_loop, span=setup.span, rate=200))
    p50 = {name: [r.percentile_ms(0.5) for r in alone[name]] for name in names}
    what = f"one line to {clients} clients, nothing else: p50"
    yield _below(what, 1.5, "times the limit's", _times(p50, alone), _ratio(p50, OURS, LIMIT))
    yield _cpu_row(f"100 lines/s to {clients} clients: CPU per delivery", calm, 1.2)
    yield from _paced_rows(f"200 lines/s to {clients} clients: p99", busy)


def _paced_rows(what: str, results: Mapping[str, Sequence[Result]]) -> Iterator[Row]:
    p99 = {name: [r.percentile_ms(0.99) for r in found] for name, found in results.items()}
    yield Row(what, "at most 10 ms", _times(p99, results), is_met=median(p99[OURS]) <= 10)
    yield _cpu_row("  CPU per delivery", results)
    if PEER in p99:
        yield _below("  beside Redis", 1.0, "times Redis's", "", _ratio(p99, OURS, PEER))


def _cpu_row(what: str, results: Mapping[str, Sequence[Result]], target: float | None = None) -> Row:
    """Compare CPU per delivery: it holds on a machine that has other things to do, where times do not."""
    cpu_us = {name: [r.cpu_us for r in found] for name, found in results.items()}
    measured = ", ".join(f"{name} {_spread(found, 2)} us" for name, found in cpu_us.items())
    ratio = _ratio(cpu_us, OURS, LIMIT)
    if target is None:
        return Row(what, measured=measured, ratio=_verdict(ratio, True)[0])
    return _below(what, target, "times the limit's", measured, ratio)


def idle(setup: Setup) -> Iterator[Row]:
    """Cost of ten thousand idle clients."""
    clients = setup.clients(10_000)
    with ExitStack() as stack:
        server = stack.enter_context(setup.start(OURS))
        if not setup.other:
            server.admin_url()  # the admin app is imported once this is printed
        before = server.rss_bytes()
        swarm = stack.enter_context(closing(Swarm(server.port, accepted=server.accepted)))
        per_s = clients / swarm.connect(clients)
        settle([swarm])
        kib = (server.rss_bytes() - before) / clients / 1024
        yield Row("connections accepted/s", "at least 5000", f"{per_s:.0f}", is_met=per_s >= 5000)
        what = f"RSS per idle connection of {clients}"
        yield Row(what, "at most 5 KiB", f"{kib:.2f} KiB", is_met=kib <= 5)
        if not setup.other:
            yield _listing(server, clients)


def _listing(server: Server, clients: int) -> Row:
    """Measure listing all clients: CPU time of the whole process, which includes the loop's."""
    url, times = f"{server.admin_url()}/clients", 4
    before = server.cpu_s()
    for _ in range(times):
        with urllib.request.urlopen(url, timeout=10) as answer:
            listed = len(json.load(answer)["clients"])
    cpu_ms = (server.cpu_s() - before) / times * 1000
    is_met = cpu_ms <= 50 and listed == clients
    return Row(f"GET /clients with {clients} clients", "at most 50 ms of CPU", f"{cpu_ms:.0f} ms", is_met=is_met)


def stuck(setup: Setup) -> Iterator[Row]:
    """Effect of a hundred clients that never read on nine hundred others."""
    free, held = "all read", "100 stuck"
    clients = setup.clients(1000, swarms=2)
    span = Span(min(setup.span.seconds, 2.0), setup.span.warm_s)  # the server ends stuck connections after 30 s
    with ExitStack() as stack:
        servers = {name: stack.enter_context(setup.start(OURS)) for name in (free, held)}
        swarms = _swarms(stack, servers, clients)
        swarms[held].stop_reading(clients // 10)
        for swarm in swarms.values():
            closed_loop(swarm, Span(1.0))  # until the kernel's buffers of the stuck are full
        loads = _in_turns(setup, swarms, partial(closed_loop, span=span))
        paced = _in_turns(setup, swarms, partial(open_loop, span=span, rate=200))
        rss = {name: [server.rss_bytes() / 2**20] for name, server in servers.items()}
    p99 = {name: [r.percentile_ms(0.99) for r in paced[name]] for name in swarms}
    rates = {name: [r.deliveries_per_s for r in loads[name]] for name in swarms}
    what = f"{clients // 10} stuck readers of {clients}"
    yield _below(f"{what}: others' p99", 1.2, "times", _times(p99, paced), _ratio(p99, held, free))
    yield _above("  deliveries/s", 0.8, "of without", _rates(loads), _ratio(rates, held, free))
    memory = ", ".join(f"{name} {mib[0]:.0f} MiB" for name, mib in rss.items())
    yield _below("  RSS", 1.1, "times", memory, _ratio(rss, held, free))


def flood(setup: Setup) -> Iterator[Row]:
    """Effect of a client that sends many lines at once on the others."""
    calm, full = "calm", "flooded"
    with ExitStack() as stack:
        swarm = _swarms(stack, setup.start_all(stack, [OURS]), 100)[OURS]
        phases = {calm: partial(open_loop, rate=200, senders=3), full: partial(flooded, rate=200)}
        results: dict[str, list[Result]] = {name: [] for name in phases}
        for _ in range(setup.rounds):
            for name, phase in phases.items():
                results[name].append(phase(swarm, setup.span))
    p99 = {name: [r.percentile_ms(0.99) for r in results[name]] for name in phases}
    what = f"one client sends {FLOOD_LINES} lines at once: others' p99"
    yield _below(what, 1.5, "times", _times(p99, results), _ratio(p99, full, calm))


def durable(setup: Setup) -> Iterator[Row]:
    """Durable lines a second."""
    with ExitStack() as stack:
        swarm = _swarms(stack, setup.start_all(stack, [OURS]), 51, senders=50)[OURS]
        results = [closed_loop(swarm, setup.span) for _ in range(setup.rounds)]
    per_s = median(r.lines_per_s for r in results)
    measured = f"{per_s:.0f}{_missing(results)}"
    yield Row("durable lines/s, 50 senders to one reader", "at least 30000", measured, is_met=per_s >= 30_000)


def start(setup: Setup) -> Iterator[Row]:
    """Time from the start to the first accepted connection."""
    seconds = _ready_s(setup, 3)
    yield Row("first accept after the start", "at most 0.6 s", f"{seconds:.2f} s", is_met=seconds <= 0.6)
    if setup.other:
        return
    what, target = "  with a million entries", "at most 1 s"
    if setup.is_quick:
        yield Row(what, target, "not measured by --quick")
        return
    data = setup.folder / "million"
    fill_journal(data, 1_000_000)
    seconds = _ready_s(setup, 2, data)
    shutil.rmtree(data)
    yield Row(what, target, f"{seconds:.2f} s", is_met=seconds <= 1)


SCENARIOS: Mapping[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (deliveries, frames, latency, idle, stuck, flood, replay, durable, start)
}


def _ready_s(setup: Setup, times: int, data: Path | None = None) -> float:
    found = []
    for _ in range(times):
        with setup.start(OURS, data=data) as server:
            found.append(server.ready_s)
        time.sleep(0.1)
    return median(found)


def _swarms(
    stack: ExitStack, servers: Mapping[str, Server], clients: int, *, senders: int = 4, frames: bool = False
) -> dict[str, Swarm]:
    """Connect a swarm to each server. With `frames`, its listeners use frames, or lines as long for the C limit."""
    swarms = {}
    for name, server in servers.items():
        dialect = REDIS if name == PEER else LINES
        if frames:
            dialect = LINES_LIKE_FRAMES if name == LIMIT else FRAMES
        swarm = stack.enter_context(
            closing(Swarm(server.port, senders=senders, dialect=dialect, accepted=server.accepted, cpu_s=server.cpu_s))
        )
        swarm.connect(clients)
        swarms[name] = swarm
    settle(swarms.values())
    return swarms


def _in_turns(
    setup: Setup, swarms: Mapping[str, Swarm], phase: Callable[[Swarm], Result]
) -> Mapping[str, Sequence[Result]]:
    results: dict[str, list[Result]] = {name: [] for name in swarms}
    for _ in range(setup.rounds):
        for name, swarm in swarms.items():
            results[name].append(phase(swarm))
    return results


# Rows


def _ratio(values: Mapping[str, Sequence[float]], one: str, other: str) -> float:
    """Return the median of the ratios of all turns; NaN if one of the two was not measured."""
    if one not in values or other not in values:
        return float("nan")
    return median(a / b if b else float("nan") for a, b in zip(values[one], values[other], strict=True))


def _above(what: str, target: float, of: str, measured: str, ratio: float) -> Row:
    return Row(what, f"at least {target} {of}", measured, *_verdict(ratio, ratio >= target))


def _below(what: str, target: float, of: str, measured: str, ratio: float) -> Row:
    return Row(what, f"at most {target} {of}", measured, *_verdict(ratio, ratio <= target))


def _verdict(ratio: float, is_met: bool) -> tuple[str, bool | None]:
    return ("no C compiler", None) if ratio != ratio else (f"{ratio:.2f}", is_met)


def _rates(results: Mapping[str, Sequence[Result]]) -> str:
    return ", ".join(
        f"{name} {_spread([r.deliveries_per_s / 1e6 for r in found], 2)} M{_missing(found)}"
        for name, found in results.items()
    )


def _times(percentiles: Mapping[str, Sequence[float]], results: Mapping[str, Sequence[Result]]) -> str:
    return ", ".join(f"{name} {_spread(ms, 1)} ms{_missing(results[name])}" for name, ms in percentiles.items())


def _spread(found: Sequence[float], digits: int) -> str:
    """-> the median, and the least and the greatest where there are several"""
    middle, least, most = (f"{value:.{digits}f}" for value in (median(found), min(found), max(found)))
    return middle if len(found) == 1 else f"{middle} ({least}-{most})"


def _missing(results: Sequence[Result]) -> str:
    missing = sum(result.missing_lines for result in results)
    return f" ({missing} LINES MISSING)" if missing else ""
