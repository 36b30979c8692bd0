"""A client that sends an endless line."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.faults.clients import LatencyProbe
from bench.faults.server_process import serving
from bench.faults.verdict import Verdict

LINES_TIMED = 500
NOISE_MS = 3.0
"""Noise of the machine that a 99th percentile may contain."""

GROWTH_MAX_KIB = 1024


def endless(folder: Path, mebibytes: int) -> Iterator[Verdict]:
    """C1: many bytes without a newline, at full speed."""
    with serving(folder / "endless") as server:
        probe = LatencyProbe(server.port)
        probe.p99_ms(LINES_TIMED)  # the first lines take longer
        calm_ms = probe.p99_ms(LINES_TIMED)
        before_kib = server.reset_peak_kib()
        flooder = _start_flooder(server.port, mebibytes)
        full_ms = probe.p99_ms(LINES_TIMED)
        sent, errors = map(int, flooder.communicate()[0].split())
        grown_kib = server.peak_kib() - before_kib
        seen = f"{sent:,} MiB, {calm_ms:.1f} ms before, {full_ms:.1f} ms meanwhile, {grown_kib:+,} KiB"
        yield Verdict(
            "C1",
            f"{mebibytes:,} MiB or more without a newline",
            f"one error; p99 of others at most doubled, memory within {GROWTH_MAX_KIB:,} KiB",
            f"{seen}, {errors} errors{server.faults()}",
            full_ms <= 2 * calm_ms + NOISE_MS and grown_kib < GROWTH_MAX_KIB and errors == 1,
        )


def _start_flooder(port: int, mebibytes: int) -> subprocess.Popen[bytes]:
    """Start it as a process of its own, so that it does not slow the thread that measures."""
    command = [sys.executable, str(Path(__file__).with_name("flooder.py")), str(port), str(mebibytes)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
