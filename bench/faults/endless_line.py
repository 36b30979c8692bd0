"""A client that sends an endless line."""

import threading
from collections.abc import Iterator
from pathlib import Path

from bench.faults.clients import LatencyProbe, LineClient
from bench.faults.server_process import ServerProcess, serving
from bench.faults.verdict import Verdict

LINES_TIMED = 500
NOISE_MS = 3.0
"""Noise of the machine that a 99th percentile may contain."""

GROWTH_MAX_KIB = 1024
BLOCK = b"x" * (1 << 20)


def endless(folder: Path, mebibytes: int) -> Iterator[Verdict]:
    """C1: many bytes without a newline, at full speed."""
    with serving(folder / "endless") as server:
        probe = LatencyProbe(server.port)
        probe.p99_ms(LINES_TIMED)  # the first lines take longer
        calm_ms = probe.p99_ms(LINES_TIMED)
        flood = _Flood(server, mebibytes)
        flood.start()
        full_ms = probe.p99_ms(LINES_TIMED)
        flood.finish()
        seen = f"{flood.sent:,} MiB, {calm_ms:.1f} ms before, {full_ms:.1f} ms meanwhile, {flood.grown_kib:+,} KiB"
        yield Verdict(
            "C1",
            f"{mebibytes:,} MiB or more without a newline",
            f"one error; p99 of others at most doubled, memory within {GROWTH_MAX_KIB:,} KiB",
            f"{seen}, {flood.errors} errors{server.faults()}",
            full_ms <= 2 * calm_ms + NOISE_MS and flood.grown_kib < GROWTH_MAX_KIB and flood.errors == 1,
        )


class _Flood(threading.Thread):
    """Sends one line until it has `mebibytes` and `finish` is called."""

    def __init__(self, server: ServerProcess, mebibytes: int) -> None:
        super().__init__()
        self.sent = self.grown_kib = self.errors = 0
        self._server = server
        self._mebibytes = mebibytes
        self._client = LineClient(server.port)
        self._is_over = threading.Event()

    def run(self) -> None:
        """Send, and record the growth of the server's memory."""
        before = self._server.rss_kib()
        while self.sent < self._mebibytes or not self._is_over.is_set():
            self._client.sock.sendall(BLOCK)
            self.sent += 1
            self.grown_kib = max(self.grown_kib, self._server.rss_kib() - before)

    def finish(self) -> None:
        """End the line, and count the errors of the server."""
        self._is_over.set()
        self.join()
        self._client.say("", "/quit")
        self.errors = sum("line too long" in line for line in self._client.whole_lines())
