"""Measure the server and print the results beside their targets: `python -m bench`.

The server runs on the first core and the load generator on the second, over loopback. The C limit (limit.c) is one
shared log with one send per client and turn, and stores nothing. Redis is measured too where it is installed. Only
ratios from one run are meaningful.
"""

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.load import OthersLoad
from bench.loadgen import raise_file_limit
from bench.phases import Span
from bench.scenarios import SCENARIOS
from bench.servers import Command, Cores, StartError, compile_limit, pin_generator, redis
from bench.setup import Setup
from bench.table import Row, format_table

ROUNDS, QUICK_ROUNDS = 3, 1
SECONDS, QUICK_SECONDS = 1.5, 0.6
WARM_S, QUICK_WARM_S = 0.3, 0.2
BUSY_SHARE = 0.05


def main() -> None:
    """Run the chosen scenarios and print the table. A failed scenario is a row of it; the exit status is always 0."""
    options = _parse()
    gc.disable()  # a hundred thousand connections are many objects, and none is in a cycle
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="trio-chat-bench-") as folder:
        cores = pin_generator()
        setup = _set_up(options, Path(folder), cores)
        _say(_machine(cores))
        rows = _measure(setup, options.only or list(SCENARIOS))
    print(format_table(rows))
    _say(f"measured in {time.perf_counter() - began:.0f} s")


def _measure(setup: Setup, names: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        _say(f"{name} ...")
        load = OthersLoad()
        try:
            rows.extend(SCENARIOS[name](setup))
            if (share := load.share()) > BUSY_SHARE:
                rows.append(Row("  BUSY MACHINE", measured=f"other programs took {share:.0%} of it meanwhile"))
        except KeyboardInterrupt:
            rows.append(Row(name, measured="interrupted"))
            break
        except Exception as error:  # the other scenarios can still be measured
            rows.append(Row(name, measured=f"failed: {type(error).__name__}: {error}"))
    return rows


def _set_up(options: argparse.Namespace, folder: Path, cores: Cores) -> Setup:
    quick = options.quick
    return Setup(
        folder=folder,
        cores=cores,
        files=raise_file_limit(),
        span=Span(
            options.seconds or (QUICK_SECONDS if quick else SECONDS),
            warm_s=QUICK_WARM_S if quick else WARM_S,
            polls=options.poll,
        ),
        rounds=options.rounds or (QUICK_ROUNDS if quick else ROUNDS),
        is_quick=quick,
        limit=_limit(folder),
        peer=redis(),
        other=options.server_command,
        beside=options.beside,
    )


def _limit(folder: Path) -> Command | None:
    try:
        return compile_limit(folder)
    except StartError as error:
        _say(f"no ratios to the limit: {error}")
        return None


def _machine(cores: Cores) -> str:
    placed = f"server on core {cores.server}, load on core {cores.generator}"
    shared = "" if cores.are_apart else " (ONE core: ratios are not meaningful)"
    return f"{placed}{shared}; load average before: {os.getloadavg()[0]:.1f}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=SCENARIOS, metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--quick", action="store_true", help="shorter and less exact")
    parser.add_argument("--seconds", type=float, help=f"length of each measurement (default: {SECONDS})")
    parser.add_argument("--rounds", type=int, help=f"turns of each server (default: {ROUNDS})")
    parser.add_argument("--poll", action="store_true", help="let the load generator never sleep: see speed.md")
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="FOLDER",
        help="another checkout, for --only beside: measured in turns with this",
    )
    parser.add_argument(
        "--server-command",
        metavar="COMMAND",
        help="measure another server of the line protocol instead; {port} becomes a free port",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
