"""The scenarios of a journal in Redis: nodes on the first core, Redis and the load generator on the second."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from statistics import median

from bench.phases import Result, Span, closed_loop, open_loop
from bench.ratios import missing_in, spread, times_in
from bench.redis_store import (
    ALWAYS,
    BYTES_IN,
    BYTES_OUT,
    EVERYSEC,
    REDIS_CPU,
    SENDERS,
    absent_row,
    counters_of,
    open_swarm,
    redis_store,
    start_node,
)
from bench.setup import Setup, in_turns
from bench.swarm import CPU, QUIET_S, SetupError, Swarm, settle
from bench.table import Row

SQLITE = "sqlite"

BEHIND = 100_000
LAST_LINE = b"that was all"
FILL_S = 0.5
CATCH_UP_TIMEOUT_S = 120.0


def redis(setup: Setup) -> Iterator[Row]:
    """Cost of a journal in Redis beside that of SQLite: lines a second, latency and CPU."""
    if (absent := absent_row(setup)) is not None:
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
    if (absent := absent_row(setup)) is not None:
        yield absent
        return
    entries = BEHIND // 10 if setup.is_quick else BEHIND
    found = [_catch_up(setup, entries) for _ in range(setup.rounds)]
    missing = sum(missing for _, missing in found)
    lost = f" ({missing} LINES MISSING)" if missing else ""
    yield Row(f"a node {entries} entries behind", measured=f"{spread([took_s for took_s, _ in found], 2)} s{lost}")


# One node beside SQLite


def _three_swarms(stack: ExitStack, setup: Setup, clients: int, *, senders: int = 4) -> Mapping[str, Swarm]:
    """Connect a swarm each to a server with SQLite, and to nodes of two Redis."""
    swarms = {SQLITE: open_swarm(stack, stack.enter_context(setup.start("ours")), {}, senders)}
    for fsync in (ALWAYS, EVERYSEC):
        store = stack.enter_context(redis_store(setup, fsync))
        swarms[fsync] = open_swarm(stack, start_node(stack, setup, store), counters_of(store), senders)
    for swarm in swarms.values():
        swarm.connect(clients)
    settle(swarms.values())
    return swarms


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


# A node that is behind


def _catch_up(setup: Setup, entries: int) -> tuple[float, int]:
    """Let a node fall behind, and go on. -> the seconds until its reader has the last line, and the lines missing"""
    with ExitStack() as stack:
        store = stack.enter_context(redis_store(setup, EVERYSEC))
        speaking, late = (start_node(stack, setup, store) for _ in range(2))
        swarm = open_swarm(stack, speaking, {}, SENDERS)
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
