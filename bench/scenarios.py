"""The scenarios and their targets. Each yields rows and is independent of the others."""

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from bench.bare import bare
from bench.beside import beside
from bench.fill import fill_journal
from bench.formats import formats
from bench.loadgen import FLOOD_LINES, flooded
from bench.nodes import nodes
from bench.phases import Result, Span, closed_loop, open_loop
from bench.ratios import at_least, at_most, cpu_row, missing_in, rates_in, ratio_of, times_in
from bench.redis_scenarios import behind, redis
from bench.replay_client import ReplayClient
from bench.servers import Server
from bench.setup import LIMIT, MEMORY, OURS, PEER, Setup, connect_swarms, in_turns
from bench.single_line import single
from bench.swarm import FRAMES, LINES, Dialect, Swarm, settle
from bench.table import Row

MISSED = 100_000


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
            swarms = connect_swarms(stack, setup.start_all(stack, names), clients)
            results = in_turns(setup, swarms, partial(closed_loop, span=setup.span))
        rates = {name: [r.deliveries_per_s for r in results[name]] for name in names}
        what = f"deliveries/s to {clients} clients"
        yield at_least(what, target, "of the limit", rates_in(results), ratio_of(rates, OURS, LIMIT))
        yield cpu_row("  CPU per delivery", results)
        if PEER in names:
            yield at_least("  beside Redis", peer_target, "times Redis", "", ratio_of(rates, OURS, PEER))
        if MEMORY in names:
            yield at_least("  without journal", memory_target, "of the limit", "", ratio_of(rates, MEMORY, LIMIT))


def frames(setup: Setup) -> Iterator[Row]:
    """Throughput to listeners of frames. The C limit sends lines as long as a frame."""
    for wished, target in ((100, 0.4), (1000, 0.7), (5000, 0.9)):
        names = setup.present(LIMIT, OURS)
        clients = setup.clients(wished, swarms=len(names))
        with ExitStack() as stack:
            swarms = connect_swarms(stack, setup.start_all(stack, names), clients, frames=True)
            loads = in_turns(setup, swarms, partial(closed_loop, span=setup.span))
            paced = in_turns(setup, swarms, partial(open_loop, span=setup.span, rate=200)) if wished == 1000 else {}
        rates = {name: [r.deliveries_per_s for r in loads[name]] for name in names}
        what = f"deliveries/s to {clients} clients of frames"
        yield at_least(what, target, "of the limit", rates_in(loads), ratio_of(rates, OURS, LIMIT))
        if paced:
            yield from _paced_rows(f"200 lines/s to {clients} clients of frames: p99", paced)


def replay(setup: Setup) -> Iterator[Row]:
    """Time to replay many missed entries to one client, and the latency of the others meanwhile."""
    calm, busy = "calm", "meanwhile"
    data = setup.folder / "missed"
    epoch = fill_journal(data, MISSED)
    with ExitStack() as stack:
        server = stack.enter_context(setup.start(OURS, data=data))
        swarm = connect_swarms(stack, {OURS: server}, 100)[OURS]
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
    yield at_most("  others' p99", 1.5, "times", times_in(p99, results), ratio_of(p99, busy, calm))


def latency(setup: Setup) -> Iterator[Row]:
    """Latency of a line to a thousand clients."""
    names = setup.present(LIMIT, OURS, PEER)
    clients = setup.clients(1000, swarms=len(names))
    with ExitStack() as stack:
        swarms = connect_swarms(stack, setup.start_all(stack, names), clients)
        alone = in_turns(setup, swarms, partial(open_loop, span=setup.span, rate=20, senders=1))
        calm = in_turns(setup, swarms, partial(open_loop, span=setup.span, rate=100))
        polled = in_turns(setup, swarms, partial(open_loop, span=replace(setup.span, polls=True), rate=100))
        busy = in_turns(setup, swarms, partial(open_loop, span=setup.span, rate=200))
    p50 = {name: [r.percentile_ms(0.5) for r in alone[name]] for name in names}
    what = f"one line to {clients} clients, nothing else: p50"
    yield at_most(what, 1.5, "times the limit's", times_in(p50, alone), ratio_of(p50, OURS, LIMIT))
    yield cpu_row(f"100 lines/s to {clients} clients: CPU per delivery", calm, 1.2)
    yield cpu_row("  the same, to a generator that never sleeps", polled, 1.2)
    yield from _paced_rows(f"200 lines/s to {clients} clients: p99", busy)


def _paced_rows(what: str, results: Mapping[str, Sequence[Result]]) -> Iterator[Row]:
    p99 = {name: [r.percentile_ms(0.99) for r in found] for name, found in results.items()}
    yield Row(what, "at most 10 ms", times_in(p99, results), is_met=median(p99[OURS]) <= 10)
    yield cpu_row("  CPU per delivery", results)
    if PEER in p99:
        yield at_most("  beside Redis", 1.0, "times Redis's", "", ratio_of(p99, OURS, PEER))


def idle(setup: Setup) -> Iterator[Row]:
    """Cost of ten thousand idle clients."""
    clients = setup.clients(10_000)
    with ExitStack() as stack:
        server, per_s, kib = _connect_idle(stack, setup, clients)
        yield Row("connections accepted/s", "at least 5000", f"{per_s:.0f}", is_met=per_s >= 5000)
        what = f"RSS per idle connection of {clients}"
        yield Row(what, "at most 5 KiB", f"{kib:.2f} KiB", is_met=kib <= 5)
        if not setup.other:
            yield _listing(server, clients)
    if not setup.other:
        with ExitStack() as stack:
            _, _, kib = _connect_idle(stack, setup, clients, FRAMES)
            yield Row(f"{what} in frames", "at most 10 KiB", f"{kib:.2f} KiB", is_met=kib <= 10)


def _connect_idle(
    stack: ExitStack, setup: Setup, clients: int, dialect: Dialect = LINES
) -> tuple[Server, float, float]:
    """Start a server and connect clients that say nothing. -> the server, connections/s, and its KiB for each"""
    server = stack.enter_context(setup.start(OURS))
    if not setup.other:
        server.admin_url()  # the admin app is imported once this is printed
    before = server.rss_bytes()
    swarm = stack.enter_context(closing(Swarm(server.port, dialect=dialect, accepted=server.accepted)))
    per_s = clients / swarm.connect(clients)
    settle([swarm])
    return server, per_s, (server.rss_bytes() - before) / clients / 1024


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
        swarms = connect_swarms(stack, servers, clients)
        swarms[held].stop_reading(clients // 10)
        for swarm in swarms.values():
            closed_loop(swarm, Span(1.0))  # until the kernel's buffers of the stuck are full
        loads = in_turns(setup, swarms, partial(closed_loop, span=span))
        paced = in_turns(setup, swarms, partial(open_loop, span=span, rate=200))
        rss = {name: [server.rss_bytes() / 2**20] for name, server in servers.items()}
    p99 = {name: [r.percentile_ms(0.99) for r in paced[name]] for name in swarms}
    rates = {name: [r.deliveries_per_s for r in loads[name]] for name in swarms}
    what = f"{clients // 10} stuck readers of {clients}"
    yield at_most(f"{what}: others' p99", 1.2, "times", times_in(p99, paced), ratio_of(p99, held, free))
    yield at_least("  deliveries/s", 0.8, "of without", rates_in(loads), ratio_of(rates, held, free))
    memory = ", ".join(f"{name} {mib[0]:.0f} MiB" for name, mib in rss.items())
    yield at_most("  RSS", 1.1, "times", memory, ratio_of(rss, held, free))


def flood(setup: Setup) -> Iterator[Row]:
    """Effect of a client that sends many lines at once on the others."""
    calm, full = "calm", "flooded"
    with ExitStack() as stack:
        swarm = connect_swarms(stack, setup.start_all(stack, [OURS]), 100)[OURS]
        phases = {calm: partial(open_loop, rate=200, senders=3), full: partial(flooded, rate=200)}
        results: dict[str, list[Result]] = {name: [] for name in phases}
        for _ in range(setup.rounds):
            for name, phase in phases.items():
                results[name].append(phase(swarm, setup.span))
    p99 = {name: [r.percentile_ms(0.99) for r in results[name]] for name in phases}
    what = f"one client sends {FLOOD_LINES} lines at once: others' p99"
    yield at_most(what, 1.5, "times", times_in(p99, results), ratio_of(p99, full, calm))


def durable(setup: Setup) -> Iterator[Row]:
    """Durable lines a second."""
    with ExitStack() as stack:
        swarm = connect_swarms(stack, setup.start_all(stack, [OURS]), 51, senders=50)[OURS]
        results = [closed_loop(swarm, setup.span) for _ in range(setup.rounds)]
    per_s = median(r.lines_per_s for r in results)
    measured = f"{per_s:.0f}{missing_in(results)}"
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
    for scenario in (
        *(deliveries, frames, formats, latency, single, idle, stuck, flood, replay, durable, start),
        *(bare, redis, behind, nodes, beside),
    )
}


def _ready_s(setup: Setup, times: int, data: Path | None = None) -> float:
    found = []
    for _ in range(times):
        with setup.start(OURS, data=data) as server:
            found.append(server.ready_s)
        time.sleep(0.1)
    return median(found)
