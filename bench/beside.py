"""The scenario of two checkouts of the server, measured in turns: what a change costs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from bench.phases import Result, closed_loop, open_loop
from bench.ratios import missing_in, ratios_of, spread
from bench.setup import BESIDE, OURS, Setup, connect_swarms, in_turns
from bench.swarm import CPU, Swarm
from bench.table import Row

SENDERS = 50


def beside(setup: Setup) -> Iterator[Row]:
    """Figures of this checkout and of another, and their ratio, as the median of the turns and its spread."""
    if setup.beside is None:
        yield Row("beside another checkout", measured="left out: name its folder by --beside")
        return
    for clients in (100, 1000):
        full = _measure(setup, clients, partial(closed_loop, span=setup.span))
        yield _row(f"deliveries/s to {clients} clients", full, lambda r: r.deliveries_per_s, 0)
        yield _row("  CPU per delivery, us", full, lambda r: r.cpu_us, 2)
    paced = _measure(setup, 1000, partial(open_loop, span=setup.span, rate=100))
    yield _row("100 lines/s to 1000 clients: CPU per delivery, us", paced, lambda r: r.cpu_us, 2)
    yield _row("  p50, ms", paced, lambda r: r.percentile_ms(0.5), 2)
    yield _row("  p99, ms", paced, lambda r: r.percentile_ms(0.99), 2)
    kept = _measure(setup, SENDERS + 1, partial(closed_loop, span=setup.span), senders=SENDERS)
    yield _row(f"lines/s kept, {SENDERS} senders", kept, lambda r: r.lines_per_s, 0)
    yield _row("  CPU per line, us", kept, lambda r: r.per_line(CPU) * 1e6, 1)


def _measure(
    setup: Setup, clients: int, phase: Callable[[Swarm], Result], *, senders: int = 4
) -> Mapping[str, Sequence[Result]]:
    with ExitStack() as stack:
        servers = setup.start_all(stack, (OURS, BESIDE))
        return in_turns(setup, connect_swarms(stack, servers, setup.clients(clients, swarms=2), senders=senders), phase)


def _row(what: str, results: Mapping[str, Sequence[Result]], figure: Callable[[Result], float], digits: int) -> Row:
    values = {name: [figure(result) for result in found] for name, found in results.items()}
    measured = ", ".join(f"{name} {spread(found, digits)}{missing_in(results[name])}" for name, found in values.items())
    return Row(what, measured=measured, ratio=spread(ratios_of(values, OURS, BESIDE), 3))
