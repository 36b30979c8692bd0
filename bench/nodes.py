"""The scenario of several nodes on one Redis: what a line costs each of them, and what a client costs the others."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial

from bench.log_followers import LogFollower
from bench.phases import Result, closed_loop, open_loop
from bench.ratios import spread
from bench.redis_store import (
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
from bench.setup import Setup
from bench.swarm import CPU, Swarm, settle
from bench.table import Row

FOLLOWERS_CPU = "followers_cpu_s"

NODES, QUICK_NODES = (1, 2, 4, 8), (1, 2)
FOLLOWERS, QUICK_FOLLOWERS = (1, 10, 100), (100,)
SINGLE_LINES_PER_S = 200

ARRIVALS, QUICK_ARRIVALS = 3000, 500


def nodes(setup: Setup) -> Iterator[Row]:
    """Growth of the costs of a line with the number of nodes. All senders are on the first one."""
    if (absent := absent_row(setup)) is not None:
        yield absent
        return
    one_by_one = partial(open_loop, span=setup.span, rate=SINGLE_LINES_PER_S, senders=SENDERS)
    full = partial(closed_loop, span=setup.span)
    for what, phase in ((f"{SINGLE_LINES_PER_S} lines/s", one_by_one), ("full load", full)):
        for count in QUICK_NODES if setup.is_quick else NODES:
            with ExitStack() as stack:
                swarm = _swarm_of_nodes(stack, setup, count)
                results = [phase(swarm) for _ in range(setup.rounds)]
            yield Row(f"{what}, {count} nodes", measured=_growth(results, count))
    for what, phase in ((f"{SINGLE_LINES_PER_S} lines/s", one_by_one), ("full load", full)):
        for count in QUICK_FOLLOWERS if setup.is_quick else FOLLOWERS:
            yield Row(f"{what}, {count} connections that follow", measured=_followed(setup, phase, count))
    yield _arrivals(setup)


def _swarm_of_nodes(stack: ExitStack, setup: Setup, count: int) -> Swarm:
    """Connect SENDERS senders and a reader to one node, and a reader to each other one."""
    store = stack.enter_context(redis_store(setup, EVERYSEC))
    speaking, *following = [start_node(stack, setup, store) for _ in range(count)]
    counters = {FOLLOWERS_CPU: lambda: sum(server.cpu_s() for server in following), **counters_of(store)}
    swarm = open_swarm(stack, speaking, counters, SENDERS)
    swarm.connect(SENDERS + 1)
    for server in following:
        swarm.open_aside(b"", lambda data: None, port=server.port)
    settle([swarm])
    return swarm


def _growth(results: Sequence[Result], count: int) -> str:
    costs = f"{_redis_costs(results)}, speaking node {_us_per_line(results, CPU)}"
    return f"{costs}, all others {_us_per_line(results, FOLLOWERS_CPU)}" if count > 1 else costs


def _redis_costs(results: Sequence[Result]) -> str:
    bytes_out = spread([r.per_line(BYTES_OUT) for r in results], 0)
    return f"of a line: {bytes_out} bytes out of Redis; CPU of Redis {_us_per_line(results, REDIS_CPU)}"


def _us_per_line(results: Sequence[Result], counter: str) -> str:
    return f"{spread([r.per_line(counter) * 1e6 for r in results], 0)} us"


def _followed(setup: Setup, phase: Callable[[Swarm], Result], count: int) -> str:
    """Measure one node, and connections that follow the log as other nodes would."""
    with ExitStack() as stack:
        store = stack.enter_context(redis_store(setup, EVERYSEC))
        swarm = open_swarm(stack, start_node(stack, setup, store), counters_of(store), SENDERS)
        swarm.connect(SENDERS + 1)
        followers = [LogFollower(swarm, store.server.port) for _ in range(count)]
        settle([swarm])
        results = [phase(swarm) for _ in range(setup.rounds)]
    lines = sum(it.rows for it in followers) / max(1, sum(it.answers for it in followers))
    return f"{_redis_costs(results)}; {lines:.0f} lines an answer"


def _arrivals(setup: Setup) -> Row:
    """Measure clients who come to one of two nodes."""
    clients = setup.clients(QUICK_ARRIVALS if setup.is_quick else ARRIVALS)
    with ExitStack() as stack:
        store = stack.enter_context(redis_store(setup, EVERYSEC))
        here, there = (start_node(stack, setup, store) for _ in range(2))
        for server in (here, there):
            server.admin_url()  # the admin app is imported once this is printed
        swarm = open_swarm(stack, here, {FOLLOWERS_CPU: there.cpu_s, **counters_of(store)}, 2)
        before, rss_before, memory_before = swarm.read_counters(), there.rss_bytes(), store.memory_bytes()
        swarm.connect(clients)
        settle([swarm])
        used = {name: (now - before[name]) * 1e6 / clients for name, now in swarm.read_counters().items()}
        kib = (there.rss_bytes() - rss_before) / clients / 1024
        redis_kib = (store.memory_bytes() - memory_before) / clients / 1024
    cpu = f"node {used[CPU]:.0f} us, the other node {used[FOLLOWERS_CPU]:.0f} us, Redis {used[REDIS_CPU]:.0f} us"
    memory = f"{kib:.2f} KiB in the other node, {redis_kib:.2f} KiB in Redis"
    return Row(f"a client who comes, of {clients}", measured=f"CPU: {cpu}; memory: {memory}")
