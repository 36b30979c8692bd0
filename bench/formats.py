"""The scenario of clients that speak frames, beside clients that speak lines."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from functools import partial

from bench.phases import open_loop
from bench.ratios import at_most, ratio_of, spread, verdict
from bench.setup import LIMIT, OURS, Setup, in_turns
from bench.swarm import CPU, FRAMES, LINES, LINES_LIKE_FRAMES, Dialect, Swarm, settle
from bench.table import Row

TO_LINES, TO_FRAMES = "lines", "frames"
SHORT, LONG = "limit", "limit, as many bytes"

_MEASURED: Mapping[str, tuple[str, Dialect]] = {
    TO_LINES: (OURS, LINES),
    TO_FRAMES: (OURS, FRAMES),
    SHORT: (LIMIT, LINES),
    LONG: (LIMIT, LINES_LIKE_FRAMES),
}


def formats(setup: Setup) -> Iterator[Row]:
    """CPU per delivery of frames and of lines. The C limit tells what the bytes alone cost that frames have more."""
    names = [name for name, (server, _) in _MEASURED.items() if server in setup.present(server)]
    clients = setup.clients(1000, swarms=len(names))
    with ExitStack() as stack:
        swarms = {name: _connect(stack, setup, *_MEASURED[name], clients) for name in names}
        settle(swarms.values())
        sizes = ", ".join(f"{name} {swarm.line_bytes}" for name, swarm in swarms.items())
        yield Row("bytes per delivery", measured=sizes)
        for rate in (100, 200):
            results = in_turns(setup, swarms, partial(open_loop, span=setup.span, rate=rate))
            cpu_us = {name: [r.cpu_us for r in found] for name, found in results.items()}
            measured = ", ".join(f"{name} {spread(found, 2)} us" for name, found in cpu_us.items())
            what = f"{rate} lines/s to {clients} clients: CPU per delivery"
            yield at_most(what, 1.2, "times lines", measured, ratio_of(cpu_us, TO_FRAMES, TO_LINES))
            for more, ratio in (("for the bytes alone", (LONG, SHORT)), ("frames beside the limit", (TO_FRAMES, LONG))):
                yield Row(f"  {more}", ratio=verdict(ratio_of(cpu_us, *ratio), True)[0])


def _connect(stack: ExitStack, setup: Setup, name: str, dialect: Dialect, clients: int) -> Swarm:
    server = stack.enter_context(setup.start(name))
    swarm = Swarm(server.port, dialect=dialect, accepted=server.accepted, counters={CPU: server.cpu_s})
    stack.enter_context(closing(swarm)).connect(clients)
    return swarm
