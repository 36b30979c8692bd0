"""The load generator by itself, for any server that speaks lines: `python -m bench.loadgen --port 5555 --clients 1000`.

As much as the server can do (--window), or so many lines a second whatever it does (--rate, which gives latencies).
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
    """Use all the file descriptors that the system grants; return how many that are."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def measure(swarm: Swarm, options: argparse.Namespace) -> Result:
    """Run the phase that was asked for."""
    span = Span(options.seconds)
    if options.flood:
        return flooded(swarm, span, rate=options.rate or 200.0)
    if options.rate:
        return open_loop(swarm, span, rate=options.rate, senders=options.senders)
    return closed_loop(swarm, span, window=options.window)


def flooded(swarm: Swarm, span: Span, *, rate: float) -> Result:
    """Let the last sender say very much at once, and measure the latencies of the others' lines."""
    *others, flooder = swarm.senders
    lines = flooder.compose(FLOOD_LINES)

    def flood() -> None:
        flooder.say(FLOOD_LINES, composed=lines)

    return open_loop(swarm, span, rate=rate, senders=len(others), meanwhile=flood)


def main() -> None:
    """Connect, measure, print one line."""
    options = _parse()
    raise_file_limit()
    pin_generator()
    accepted = partial(open_files, options.server_pid) if options.server_pid else None
    speech = FRAMES if options.frames else LINES
    with closing(Swarm(options.port, senders=options.senders, speech=speech, accepted=accepted)) as swarm:
        swarm.connect(options.clients)
        settle([swarm])
        if options.stuck:
            swarm.get_stuck(options.stuck)
        result = measure(swarm, options)
    rates = f"deliveries_per_s={result.deliveries_per_s:.0f} lines_per_s={result.lines_per_s:.0f}"
    latencies = f"p50_ms={result.percentile_ms(0.5):.2f} p99_ms={result.percentile_ms(0.99):.2f}"
    print(f"clients={options.clients} {rates} {latencies} missing={result.missing_lines}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.loadgen", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where on 127.0.0.1 the server is")
    parser.add_argument("--clients", type=int, default=100, help="connections in all (default: %(default)s)")
    parser.add_argument("--senders", type=int, default=4, help="how many of them speak (default: %(default)s)")
    parser.add_argument("--window", type=int, default=16, help="lines of each sender under way (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0, help="lines a second in all, instead of a window")
    parser.add_argument("--frames", action="store_true", help="those who listen speak frames")
    parser.add_argument("--stuck", type=int, default=0, help="how many listeners never read")
    parser.add_argument("--flood", action="store_true", help=f"the last sender says {FLOOD_LINES} lines at once")
    parser.add_argument("--seconds", type=float, default=2, help="length of the measurement (default: %(default)s)")
    parser.add_argument("--server-pid", type=int, help="the server's process: connect no faster than it accepts")
    return parser.parse_args()


if __name__ == "__main__":
    main()
