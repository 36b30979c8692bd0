"""The scenario of a single line to ten clients, while nothing else goes on."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from math import nan
from pathlib import Path
from statistics import median

from bench.phases import Span, closed_loop
from bench.ratios import at_most, spread, verdict
from bench.setup import BARE, LIMIT, MEMORY, OURS, Setup, connect_swarms
from bench.swarm import CPU, SetupError, Swarm
from bench.table import Row

CLIENTS = 10
LINES, QUICK_LINES = 200, 40
"""Lines in each round."""

PAUSE_S = 0.003
"""Between two lines: what the last one caused has ended by then."""

ARRIVES_WITHIN_S = 10.0

FSYNC = "fsync"
BLOCK_BYTES = 2 * (4096 + 24)
"""A commit of one line writes two pages with their headers into the log of SQLite."""

BLOCKS = 500
"""The file is written anew from its beginning once it has so many blocks, as the log is: see WARM_S."""

WARM_S = 1.5
"""In this time the log grows as long as it gets. While it grows an fsync has to keep its length, too."""


def single(setup: Setup) -> Iterator[Row]:
    """Time of one line from its first byte in to its last byte out, and of an fsync alone, in turns line by line."""
    names = setup.present(LIMIT, BARE, MEMORY, OURS)
    with ExitStack() as stack:
        swarms = connect_swarms(stack, setup.start_all(stack, names), CLIENTS + 1, senders=1)
        for swarm in swarms.values():
            closed_loop(swarm, Span(WARM_S), window=1)
        disk = _Disk(stack, setup.folder)
        lines = QUICK_LINES if setup.is_quick else LINES
        rounds = [_round(swarms, disk, lines) for _ in range(setup.rounds)]
    measured = ", ".join(f"{name} {spread([one[name] for one in rounds], 3)} ms" for name in (*names, FSYNC))
    ratio = median(one[OURS] / one[FSYNC] for one in rounds)
    yield at_most(f"one line to {CLIENTS} clients, first byte in to last out", 1.5, "times an fsync", measured, ratio)
    floor = median(one[OURS] / (one[FSYNC] + one[LIMIT]) for one in rounds) if LIMIT in names else nan
    yield Row("  beside the limit and an fsync", ratio=verdict(floor, True)[0])
    share = median(one[OURS] / one[BARE] for one in rounds)
    yield Row("  beside the bare server", ratio=verdict(share, True)[0])
    cpu = ", ".join(f"{name} {median(one[CPU, name] for one in rounds):.3f} ms" for name in names)
    yield Row("  CPU of the server", measured=cpu)


def _round(swarms: Mapping[str, Swarm], disk: "_Disk", lines: int) -> Mapping[object, float]:
    """Measure one round, in ms.

    -> for each name the median of its times, and by (CPU, name) the CPU time that a server took for a line
    """
    times: dict[str, list[float]] = {name: [] for name in (*swarms, FSYNC)}
    before = {name: swarm.read_counters()[CPU] for name, swarm in swarms.items()}
    for _ in range(lines):
        for name, swarm in swarms.items():
            times[name].append(_time_of_line(swarm))
        times[FSYNC].append(disk.time_of_write())
    used = {(CPU, name): swarm.read_counters()[CPU] - before[name] for name, swarm in swarms.items()}
    medians = {name: 1000 * median(found) for name, found in times.items()}
    return medians | {key: 1000 * seconds / lines for key, seconds in used.items()}


def _time_of_line(swarm: Swarm) -> float:
    """Say one line, and read without sleeping until all have it. -> seconds"""
    time.sleep(PAUSE_S)
    swarm.reset()
    listeners, size = swarm.listeners, swarm.line_size
    line = swarm.senders[0].compose(1)
    began = time.perf_counter()
    swarm.senders[0].say(1, composed=line)
    while any(listener.got < size for listener in listeners):
        swarm.turn(0)
        if time.perf_counter() > began + ARRIVES_WITHIN_S:
            raise SetupError("a line did not reach everyone")
    return time.perf_counter() - began


class _Disk:
    """A file on the file system of the journals, which is written block by block."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        file = stack.enter_context((folder / "blocks").open("wb", buffering=0))
        file.write(bytes(BLOCK_BYTES * BLOCKS))
        os.fsync(file.fileno())
        self._file = file.fileno()
        self._written = 0

    def time_of_write(self) -> float:
        """Write the next block, and wait until it is on the disk. -> seconds"""
        time.sleep(PAUSE_S)
        block = os.urandom(BLOCK_BYTES)
        began = time.perf_counter()
        os.pwrite(self._file, block, self._written % BLOCKS * BLOCK_BYTES)
        os.fdatasync(self._file)
        self._written += 1
        return time.perf_counter() - began
