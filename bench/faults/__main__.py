"""Attack the server at length and print what it stood: `python -m bench.faults`.

Everything as listed takes about 45 minutes; `--kills 20 --minutes 1 --clients 500` takes three. The exit status is 1
where anything failed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.faults.crowds import joins, origins, silent, stuck
from bench.faults.kills import kills
from bench.faults.soak import soak
from bench.faults.verdict import Verdict, format_verdicts
from bench.loadgen import raise_file_limit


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done."""

    folder: Path
    kills: int
    minutes: float
    clients: int


FAULTS: Mapping[str, Callable[[Size], Iterator[Verdict]]] = {
    "M1": lambda size: kills(size.folder, size.kills),
    "C11": lambda size: silent(size.folder, size.clients),
    "C14": lambda size: stuck(size.folder, min(size.clients, 1000)),
    "C16": lambda size: joins(size.folder, size.clients),
    "C18": lambda size: origins(size.folder, 2 * size.clients),
    "soak": lambda size: soak(size.folder, size.minutes * 60),
}


def main() -> int:
    """Try what was asked for, print the table. -> exit status."""
    options = _parse()
    files = raise_file_limit()
    began = time.perf_counter()
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="trio-chat-faults-") as folder:
        size = Size(Path(folder), options.kills, options.minutes, min(options.clients, files // 2 - 500))
        for name in options.only or FAULTS:
            print(f"{name} ...", file=sys.stderr, flush=True)
            try:
                verdicts.extend(FAULTS[name](size))
            except KeyboardInterrupt:
                break
            except Exception as error:  # whatever it is, the rest can be tried
                verdicts.append(Verdict(name, "-", "-", f"{type(error).__name__}: {error}", is_met=False))
    print(format_verdicts(verdicts))
    print(f"tried in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return 0 if all(verdict.is_met for verdict in verdicts) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=FAULTS, metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--kills", type=int, default=1000, help="how often to kill -9 (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=10, help="how long to soak (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=5000, help="how large crowds are (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
