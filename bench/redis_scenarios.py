"""The scenarios of a journal in Redis: nodes on the first core, Redis and the load generator on the second."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from statistics import median

from bench.phases import Result, Span, closed_loop, open_loop
from bench.ratios import missing_in, spread, times_in
from bench.redis_store import ALWAYS, EVERYSEC, NoRedisError, Store, redis_store, require_redis
from bench.servers import Server, running
from bench.setup import Setup, in_turns
from bench.swarm import CPU, QUIET_S, SetupError, Swarm, settle
from bench.table import Row

SQLITE = "sqlite"

REDIS_CPU, BYTES_OUT, BYTES_IN = "redis_cpu_s", "bytes_out", "bytes_in"
FOLLOWERS_CPU = "followers_cpu_s"

SENDERS = 50

BEHIND = 100_000
LAST_LINE = b"that was all"
FILL_S = 0.5
CATCH_UP_TIMEOUT_S = 120.0

NODES = (1, 2, 4, 8)
SINGLE_LINES_PER_S = 200

ARRIVALS, QUICK_ARRIVALS = 3000, 500


def redis(setup: Setup) -> Iterator[Row]:
    """Cost of a journal in Redis beside that of SQLite: lines a second, latency and CPU."""
    if (absent := _absent(setup)) is not None:
        yield absent
        return
    with ExitStack() as stack:
        swarms = _three_swarms(stack, setup, SENDERS + 1, senders=SENDERS)
        full = in_turns(setup, swarms, partial(closed_loop, span=setup.span))
    yield _lines_row(full)
    yield from _cpu_rows(full)
    with ExitStack() as stack:
        swarms = _three_swarms(stack, setup, 100)
        paced = in_turns(setup, swarms, partial(open_loop, span=setup.span, rate=100))
    yield from _latency_rows("100 lines/s to 100 clients", paced)
    with ExitStack() as stack:
        swarms = _three_swarms(stack, setup, setup.clients(1000, swarms=3))
        paced = in_turns(setup, swarms, partial(open_loop, span=setup.span, rate=100))
    yield Row("100 lines/s to 1000 clients: CPU per delivery", measured=_costs(paced, lambda r: r.cpu_us, 2, "us"))
    yield Row("  in Redis", measured=_costs(_without_sqlite(paced), _redis_us_per_delivery, 3, "us"))


def behind(setup: Setup) -> Iterator[Row]:
    """Time in which a node that stood still hears what was said meanwhile."""
    if (absent := _absent(setup)) is not None:
        yield absent
        return
    entries = BEHIND // 10 if setup.is_quick else BEHIND
    found = [_catch_up(setup, entries) for _ in range(setup.rounds)]
    missing = sum(missing for _, missing in found)
    lost = f" ({missing} LINES MISSING)" if missing else ""
    yield Row(f"a node {entries} entries behind", measured=f"{spread([took_s for took_s, _ in found], 2)} s{lost}")


def nodes(setup: Setup) -> Iterator[Row]:
    """Growth of the costs of a line with the number of nodes. All senders are on the first one."""
    if (absent := _absent(setup)) is not None:
        yield absent
        return
    one_by_one = partial(open_loop, span=setup.span, rate=SINGLE_LINES_PER_S, senders=SENDERS)
    full = partial(closed_loop, span=setup.span)
    for what, phase in ((f"{SINGLE_LINES_PER_S} lines/s", one_by_one), ("full load", full)):
        for count in NODES:
            with ExitStack() as stack:
                swarm = _swarm_of_nodes(stack, setup, count)
                results = [phase(swarm) for _ in range(setup.rounds)]
            yield Row(f"{what}, {count} nodes", measured=_growth(results, count))
    yield _arrivals(setup)


# One node beside SQLite


def _absent(setup: Setup) -> Row | None:
    """Return the row that says why Redis is left out, if it is."""
    if setup.other:
        return Row("a journal in Redis", measured="left out: another server is measured")
    try:
        require_redis()
    except NoRedisError as error:
        return Row("a journal in Redis", measured=f"left out: {error}")
    return None


def _three_swarms(stack: ExitStack, setup: Setup, clients: int, *, senders: int = 4) -> Mapping[str, Swarm]:
    """Connect a swarm each to a server with SQLite, and to nodes of two Redis."""
    swarms = {SQLITE: _swarm(stack, stack.enter_context(setup.start("ours")), {}, senders)}
    for fsync in (ALWAYS, EVERYSEC):
        store = stack.enter_context(redis_store(setup, fsync))
        swarms[fsync] = _swarm(stack, _start_node(stack, setup, store), _counters_of(store), senders)
    for swarm in swarms.values():
        swarm.connect(clients)
    settle(swarms.values())
    return swarms


def _start_node(stack: ExitStack, setup: Setup, store: Store) -> Server:
    return stack.enter_context(running(store.node(setup.folder), setup.cores.server, setup.folder))


def _counters_of(store: Store) -> Mapping[str, Callable[[], float]]:
    return {REDIS_CPU: store.server.cpu_s, BYTES_OUT: store.bytes_out, BYTES_IN: store.bytes_in}


def _swarm(stack: ExitStack, server: Server, counters: Mapping[str, Callable[[], float]], senders: int) -> Swarm:
    more = {CPU: server.cpu_s, **counters}
    return stack.enter_context(closing(Swarm(server.port, senders=senders, accepted=server.accepted, counters=more)))


def _lines_row(results: Mapping[str, Sequence[Result]]) -> Row:
    rates = ", ".join(
        f"{name} {spread([r.lines_per_s for r in found], 0)}{missing_in(found)}" for name, found in results.items()
    )
    per_s = median(r.lines_per_s for r in results[EVERYSEC])
    return Row(f"lines/s kept, {SENDERS} senders", "everysec at least 10000", rates, is_met=per_s >= 10_000)


def _cpu_rows(results: Mapping[str, Sequence[Result]]) -> Iterator[Row]:
    yield Row("  CPU per line in the node", measured=_costs(results, lambda r: r.per_line(CPU) * 1e6, 1, "us"))
    kept = _without_sqlite(results)
    yield Row("  CPU per line in Redis", measured=_costs(kept, lambda r: r.per_line(REDIS_CPU) * 1e6, 1, "us"))
    yield Row("  bytes per line into Redis", measured=_costs(kept, lambda r: r.per_line(BYTES_IN), 0, "bytes"))
    yield Row("  bytes per line out of Redis", measured=_costs(kept, lambda r: r.per_line(BYTES_OUT), 0, "bytes"))


def _latency_rows(what: str, results: Mapping[str, Sequence[Result]]) -> Iterator[Row]:
    for share in (0.5, 0.99):
        times = {name: [r.percentile_ms(share) for r in found] for name, found in results.items()}
        added = ", ".join(
            f"{name} +{median(b - a for a, b in zip(times[SQLITE], times[name], strict=True)):.1f} ms"
            for name in (ALWAYS, EVERYSEC)
        )
        yield Row(f"{what}: p{100 * share:.0f}", measured=times_in(times, results), ratio=added)


def _without_sqlite(results: Mapping[str, Sequence[Result]]) -> Mapping[str, Sequence[Result]]:
    return {name: found for name, found in results.items() if name != SQLITE}


def _costs(results: Mapping[str, Sequence[Result]], cost: Callable[[Result], float], digits: int, unit: str) -> str:
    return ", ".join(f"{name} {spread([cost(r) for r in found], digits)} {unit}" for name, found in results.items())


def _redis_us_per_delivery(result: Result) -> float:
    return result.used[REDIS_CPU] * 1e6 / result.deliveries


# Several nodes


def _swarm_of_nodes(stack: ExitStack, setup: Setup, count: int) -> Swarm:
    """Connect SENDERS senders and a reader to one node, and a reader to each other one."""
    store = stack.enter_context(redis_store(setup, EVERYSEC))
    speaking, *following = [_start_node(stack, setup, store) for _ in range(count)]
    counters = {FOLLOWERS_CPU: lambda: sum(server.cpu_s() for server in following), **_counters_of(store)}
    swarm = _swarm(stack, speaking, counters, SENDERS)
    swarm.connect(SENDERS + 1)
    for server in following:
        swarm.open_aside(b"", lambda data: None, port=server.port)
    settle([swarm])
    return swarm


def _growth(results: Sequence[Result], count: int) -> str:
    redis_us = spread([r.per_line(REDIS_CPU) * 1e6 for r in results], 0)
    node_us = spread([r.per_line(CPU) * 1e6 for r in results], 0)
    bytes_out = spread([r.per_line(BYTES_OUT) for r in results], 0)
    other_us = spread([r.per_line(FOLLOWERS_CPU) * 1e6 / max(1, count - 1) for r in results], 0)
    others = f", each other node {other_us} us" if count > 1 else ""
    return f"CPU per line: Redis {redis_us} us, speaking node {node_us} us{others}; {bytes_out} bytes out of Redis"


def _arrivals(setup: Setup) -> Row:
    """Measure clients who come to one of two nodes."""
    clients = setup.clients(QUICK_ARRIVALS if setup.is_quick else ARRIVALS)
    with ExitStack() as stack:
        store = stack.enter_context(redis_store(setup, EVERYSEC))
        here, there = (_start_node(stack, setup, store) for _ in range(2))
        for server in (here, there):
            server.admin_url()  # the admin app is imported once this is printed
        swarm = _swarm(stack, here, {FOLLOWERS_CPU: there.cpu_s, **_counters_of(store)}, 2)
        before, rss_before = swarm.read_counters(), there.rss_bytes()
        swarm.connect(clients)
        settle([swarm])
        used = {name: (now - before[name]) * 1e6 / clients for name, now in swarm.read_counters().items()}
        kib = (there.rss_bytes() - rss_before) / clients / 1024
    cpu = f"node {used[CPU]:.0f} us, the other node {used[FOLLOWERS_CPU]:.0f} us, Redis {used[REDIS_CPU]:.0f} us"
    return Row(f"a client who comes, of {clients}", measured=f"CPU: {cpu}; {kib:.2f} KiB of memory in the other node")


# A node that is behind


def _catch_up(setup: Setup, entries: int) -> tuple[float, int]:
    """Let a node fall behind, and go on. -> the seconds until its reader has the last line, and the lines missing"""
    with ExitStack() as stack:
        store = stack.enter_context(redis_store(setup, EVERYSEC))
        speaking, late = (_start_node(stack, setup, store) for _ in range(2))
        swarm = _swarm(stack, speaking, {}, SENDERS)
        swarm.connect(SENDERS + 1)
        reader = _Reader(swarm, late.port)
        settle([swarm])
        while swarm.turn(QUIET_S):  # until the reader, too, has what was said so far
            pass
        reader.lines = 0
        late.pause()
        try:
            said = _say(swarm, entries)
        finally:
            began = time.perf_counter()
            late.go_on()
        return reader.await_end(began), abs(said - reader.lines)


def _say(swarm: Swarm, entries: int) -> int:
    """Say at least so many lines, and when all of them are kept a last one. -> their number without the last"""
    before = sum(sender.said for sender in swarm.senders)
    while (said := sum(sender.said for sender in swarm.senders) - before) < entries:
        closed_loop(swarm, Span(FILL_S, warm_s=0))
    swarm.senders[0].connection.send(LAST_LINE + b"\n")
    return said


class _Reader:
    """A plain client of another node than the swarm's, and the number of lines that it has read."""

    def __init__(self, swarm: Swarm, port: int) -> None:
        self.lines = 0
        self._swarm = swarm
        self._tail = b""
        self._has_ended = False
        swarm.open_aside(b"", self._read, port=port)

    def await_end(self, began: float) -> float:
        """Read until the last line has come. -> the seconds since `began`. Raises SetupError."""
        while not self._has_ended:
            if time.perf_counter() > began + CATCH_UP_TIMEOUT_S:
                raise SetupError(f"only {self.lines} lines came within {CATCH_UP_TIMEOUT_S:.0f} s")
            self._swarm.turn(0.01)
        return time.perf_counter() - began

    def _read(self, data: bytes) -> None:
        *lines, self._tail = (self._tail + data).split(b"\n")
        self.lines += sum(b"> ~" in line for line in lines)
        self._has_ended |= any(line.endswith(LAST_LINE) for line in lines)
