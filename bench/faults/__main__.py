"""Inject faults into a server and print the results: `python -m bench.faults`.

Choose some by `--only M1 --only soak`, or a smaller size: `--kills 20 --minutes 1 --clients 500` takes six minutes. The
table is printed whatever fails, and after Ctrl-C too. The exit status is 1 if anything failed.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.faults.crowds import joins, origins, silent, stuck
from bench.faults.endless_line import endless
from bench.faults.kills import kills
from bench.faults.presence import presence
from bench.faults.reconnects import returns
from bench.faults.redis_nodes import redis_nodes
from bench.faults.redis_sentinels import redis_sentinels
from bench.faults.soak import soak
from bench.faults.stop import stop
from bench.faults.vanishing import vanishing
from bench.faults.verdict import Verdict, format_verdicts
from bench.loadgen import raise_file_limit
from trio_chat.exception_groups import leaf_exceptions

KILLS, MINUTES, CLIENTS = 1000, 10, 5000


@dataclass(frozen=True, slots=True)
class Size:
    """The size of the tests."""

    folder: Path = Path()
    kills: int = KILLS
    minutes: float = MINUTES
    clients: int = CLIENTS


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: its description, its approximate duration on two cores, and the test."""

    what: str
    takes_s: Callable[[Size], float]
    test: Callable[[Size], Iterator[Verdict]]


def _churning(size: Size) -> int:
    return max(1, size.kills // 10)


FAULTS: Mapping[str, Fault] = {
    "M1": Fault(
        "kill -9 under load, again and again",
        lambda size: 1.0 * size.kills,
        lambda size: kills(size.folder, size.kills),
    ),
    "presence": Fault(
        "people who come, go and change while the server is killed and the store fails",
        lambda size: 2.0 * _churning(size),
        lambda size: presence(size.folder, _churning(size)),
    ),
    "M6": Fault(
        "SIGTERM with a thousand clients, some of them stuck",
        lambda size: 10,
        lambda size: stop(size.folder, min(size.clients, 1000)),
    ),
    "M9": Fault(
        "a Redis that nodes share: killed, paused, full, flushed, cut off from one of them",
        lambda size: 180 + 12 * size.minutes,
        lambda size: redis_nodes(size.folder, 12 * size.minutes),
    ),
    "sentinels": Fault(
        "sentinels that elect another primary while three nodes are used",
        lambda size: 60 + 36 * size.minutes,
        lambda size: redis_sentinels(size.folder, 12 * size.minutes),
    ),
    "M12": Fault(
        "a thousand of our clients that reconnect after a restart",
        lambda size: 40,
        lambda size: returns(size.folder, min(size.clients, 1000)),
    ),
    "C1": Fault(
        "a gigabyte without a newline",
        lambda size: 15,
        lambda size: endless(size.folder, min(size.clients, 1024)),
    ),
    "C11": Fault(
        "thousands of silent clients, and unfinished TLS handshakes",
        lambda size: 20 + size.clients / 250,
        lambda size: silent(size.folder, size.clients),
    ),
    "C13": Fault("clients whose network is cut", lambda _: 50, lambda size: vanishing(size.folder)),
    "C14": Fault("readers that never read", lambda size: 60, lambda size: stuck(size.folder, min(size.clients, 1000))),
    "C16": Fault(
        "thousands of clients that join, and that join and leave",
        lambda size: 20 + size.clients / 250,
        lambda size: joins(size.folder, size.clients),
    ),
    "C18": Fault(
        "thousands of connections from one address",
        lambda size: 2 * size.clients / 500,
        lambda size: origins(size.folder, 2 * size.clients),
    ),
    "soak": Fault(
        "a busy room, floods and stuck clients, for minutes",
        lambda size: 60 * size.minutes + 15,
        lambda size: soak(size.folder, size.minutes * 60),
    ),
}


def main() -> int:
    """Run the chosen tests and print the table. -> exit status"""
    options = _parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the table is printed then too
    files = raise_file_limit()
    began = time.perf_counter()
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="trio-chat-faults-", ignore_cleanup_errors=True) as folder:
        size = Size(Path(folder), options.kills, options.minutes, min(options.clients, files // 2 - 500))
        with suppress(KeyboardInterrupt):
            for verdict in _try(options.only or FAULTS, size):
                _say(f"  {verdict.word}: {verdict.done}: {verdict.seen}")
                verdicts.append(verdict)
    print(format_verdicts(verdicts))
    _say(f"took {time.perf_counter() - began:.0f} s")
    return int(any(verdict.is_met is False for verdict in verdicts))


def _try(names: Iterable[str], size: Size) -> Iterator[Verdict]:
    """Run one after the other. A test that raises, or is interrupted, has a verdict too."""
    for name in names:
        fault = FAULTS[name]
        _say(f"{name}: {fault.what}, {_show_time(fault.takes_s(size))} ...")
        try:
            yield from fault.test(size)
        except KeyboardInterrupt:
            yield Verdict(name, fault.what, "-", "interrupted", is_met=False)
            raise
        except Exception as error:  # the other tests can still be run
            causes = "; ".join(f"{type(it).__name__}: {it}" for it in leaf_exceptions(error))
            yield Verdict(name, fault.what, "-", causes, is_met=False)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show_time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 100 else f"{seconds:.0f} s"


def _show_faults() -> str:
    """Make the list of faults with their durations at full size."""
    size = Size()
    rows = [f"  {name:<9}{_show_time(fault.takes_s(size)):>7}  {fault.what}" for name, fault in FAULTS.items()]
    total = sum(fault.takes_s(size) for fault in FAULTS.values())
    return "\n".join(["faults, and how long each takes at full size:", *rows, f"  all      {_show_time(total):>7}"])


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults",
        description=__doc__,
        epilog=_show_faults(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", action="append", choices=FAULTS, metavar="NAME", help="run only this one; may be repeated"
    )
    parser.add_argument("--kills", type=int, default=KILLS, help="number of kill -9 (default: %(default)s)")
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help="duration of the soak test (default: %(default)s)"
    )
    parser.add_argument("--clients", type=int, default=CLIENTS, help="number of clients (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
