"""The scenario that divides our server by the least that a chat on Trio and SQLite needs: see bare_server.py."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from bench.phases import closed_loop, open_loop
from bench.ratios import cpu_row, rates_in, ratio_of, times_in, verdict
from bench.setup import BARE, LIMIT, OURS, Setup, connect_swarms, in_turns
from bench.table import Row

PACES = (100, 200)
"""Lines a second to a thousand clients."""


def bare(setup: Setup) -> Iterator[Row]:
    """Our server and the bare one beside the limit: what is ours, and what Python, Trio and SQLite need in any case."""
    for wished in (100, 1000):
        yield from _full_load(setup, wished)
    yield from _paced(setup)


def _full_load(setup: Setup, wished: int) -> Iterator[Row]:
    names = setup.present(LIMIT, BARE, OURS)
    clients = setup.clients(wished, swarms=len(names))
    with ExitStack() as stack:
        swarms = connect_swarms(stack, setup.start_all(stack, names), clients)
        results = in_turns(setup, swarms, partial(closed_loop, span=setup.span))
    rates = {name: [r.deliveries_per_s for r in found] for name, found in results.items()}
    yield Row(f"deliveries/s to {clients} clients", measured=rates_in(results), ratio=_ratio(rates, OURS, LIMIT))
    yield Row("  the bare server beside the limit", ratio=_ratio(rates, BARE, LIMIT))
    yield Row("  ours beside the bare server", ratio=_ratio(rates, OURS, BARE))


def _paced(setup: Setup) -> Iterator[Row]:
    names = setup.present(LIMIT, BARE, OURS)
    clients = setup.clients(1000, swarms=len(names))
    with ExitStack() as stack:
        swarms = connect_swarms(stack, setup.start_all(stack, names), clients)
        for pace in PACES:
            results = in_turns(setup, swarms, partial(open_loop, span=setup.span, rate=pace))
            cpu_us = {name: [r.cpu_us for r in found] for name, found in results.items()}
            p99 = {name: [r.percentile_ms(0.99) for r in found] for name, found in results.items()}
            yield cpu_row(f"{pace} lines/s to {clients} clients: CPU per delivery", results)
            yield Row("  the bare server beside the limit", ratio=_ratio(cpu_us, BARE, LIMIT))
            yield Row("  p99", measured=times_in(p99, results), ratio=_ratio(p99, OURS, LIMIT))
            yield Row("  the bare server beside the limit", ratio=_ratio(p99, BARE, LIMIT))


def _ratio(values: Mapping[str, Sequence[float]], one: str, other: str) -> str:
    return verdict(ratio_of(values, one, other), True)[0]
