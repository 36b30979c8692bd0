"""The load generator alone, for any server of the line protocol: `python -m bench.loadgen --port 5555 --clients 1000`.

Either as much as the server can deliver (--window), or a fixed number of lines a second (--rate, for latencies).
"""

import argparse
import resource
from contextlib import closing
from functools import partial

from bench.phases import Result, Span, closed_loop, open_loop
from bench.servers import open_files, pin_generator
from bench.swarm import FRAMES, LINES, Swarm, settle

FLOOD_LINES = 100_000


def raise_file_limit() -> int:
    """Raise the limit of file descriptors to the maximum. -> the new limit"""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def measure(swarm: Swarm, options: argparse.Namespace) -> Result:
    """Run the phase that the options choose."""
    span = Span(options.seconds, polls=options.poll)
    if options.flood:
        return flooded(swarm, span, rate=options.rate or 200.0)
    if options.rate:
        return open_loop(swarm, span, rate=options.rate, senders=options.senders)
    return closed_loop(swarm, span, window=options.window)


def flooded(swarm: Swarm, span: Span, *, rate: float) -> Result:
    """Let the last sender send FLOOD_LINES lines at once, and measure the latencies of the others' lines."""
    *others, flooder = swarm.senders
    lines = flooder.compose(FLOOD_LINES)

    def flood() -> None:
        flooder.say(FLOOD_LINES, composed=lines)

    return open_loop(swarm, span, rate=rate, senders=len(others), meanwhile=flood)


def main() -> None:
    """Connect, measure and print the result in one line."""
    options = _parse()
    raise_file_limit()
    pin_generator()
    accepted = partial(open_files, options.server_pid) if options.server_pid else None
    dialect = FRAMES if options.frames else LINES
    with closing(Swarm(options.port, senders=options.senders, dialect=dialect, accepted=accepted)) as swarm:
        swarm.connect(options.clients)
        settle([swarm])
        if options.stuck:
            swarm.stop_reading(options.stuck)
        result = measure(swarm, options)
    rates = f"deliveries_per_s={result.deliveries_per_s:.0f} lines_per_s={result.lines_per_s:.0f}"
    latencies = f"p50_ms={result.percentile_ms(0.5):.2f} p99_ms={result.percentile_ms(0.99):.2f}"
    print(f"clients={options.clients} {rates} {latencies} missing={result.missing_lines}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.loadgen", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="the server's port on 127.0.0.1")
    parser.add_argument("--clients", type=int, default=100, help="number of connections (default: %(default)s)")
    parser.add_argument("--senders", type=int, default=4, help="number of them that send (default: %(default)s)")
    parser.add_argument("--window", type=int, default=16, help="lines in flight for each sender (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0, help="lines a second of all senders, instead of a window")
    parser.add_argument("--frames", action="store_true", help="listeners use frames")
    parser.add_argument("--poll", action="store_true", help="never sleep, so that no send has to wake this program")
    parser.add_argument("--stuck", type=int, default=0, help="number of listeners that never read")
    parser.add_argument("--flood", action="store_true", help=f"the last sender sends {FLOOD_LINES} lines at once")
    parser.add_argument("--seconds", type=float, default=2, help="length of the measurement (default: %(default)s)")
    parser.add_argument("--server-pid", type=int, help="process id of the server, to connect no faster than it accepts")
    return parser.parse_args()


if __name__ == "__main__":
    main()
