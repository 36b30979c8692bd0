"""Soak test: a busy room for minutes, with clients that join and leave, never read, or flood."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

from bench.faults.clients import LineClient, Readers, connect, hang_up
from bench.faults.server_process import ServerProcess, serving
from bench.faults.verdict import Verdict

READERS = 200
STUCK_BATCH = 10
FLOOD_LINES = 5_000
WARM_UP_SHARE = 0.25
GROWTH_MAX = 0.05

_FLAGS = ("--stall-timeout", "5", "--window-entries", "5000", "--window-bytes", "2MiB")
"""So that the window is full, and the first stuck clients are gone, before memory is measured."""


def soak(folder: Path, seconds: float) -> Iterator[Verdict]:
    """Load a server for `seconds`. After the warm-up, its memory has to be constant."""
    with serving(folder / "soak", *_FLAGS) as server:
        load = _Load(server)
        rss_kib = load.run(seconds)
        quarter = max(1, len(rss_kib) // 4)
        early, late = median(rss_kib[:quarter]), median(rss_kib[-quarter:])
        change = late / early - 1
        done = f"{load.joined:,} join and leave, {load.stuck} stuck, {load.floods} floods of {FLOOD_LINES:,}"
        lost = f", {load.lost} READERS LOST" if load.lost else ""
        seen = f"{early / 1024:.1f} MiB, then {late / 1024:.1f} MiB ({change:+.1%}){lost}{server.faults()}"
        yield Verdict(
            "soak",
            f"{seconds:.0f} s: {done}",
            f"memory flat within {GROWTH_MAX:.0%}, no traceback, no reader lost",
            seen,
            abs(change) <= GROWTH_MAX and not server.faults() and not load.lost,
        )
        status = server.stop()
        yield Verdict("M6", "SIGTERM after that", "exit status 0", f"status {status}", status == 0)


class _Load:
    """The load on a server, and counts of what it was made of."""

    def __init__(self, server: ServerProcess) -> None:
        self.joined = self.stuck = self.floods = self.lost = 0
        self._server = server
        self._is_over = threading.Event()
        self._faults: list[OSError] = []

    def run(self, seconds: float) -> list[int]:
        """Load the server. -> its memory in KiB, once a second after the warm-up. Raises OSError if it ended."""
        readers = Readers()
        readers.add([connect(self._server.port) for _ in range(READERS)])
        others = [self._start(work) for work in (self._flood, self._join_and_leave, self._get_stuck)]
        try:
            rss_kib = self._talk(readers, seconds)
        finally:
            self._is_over.set()
            while any(other.is_alive() for other in others):
                readers.read_for(0.1)
            self.lost = readers.ended
            readers.close()
        for fault in self._faults:
            raise fault
        return rss_kib

    def _start(self, work: Callable[[], object]) -> threading.Thread:
        """Run one kind of load in a thread. If the server ends, all of them stop."""

        def run() -> None:
            try:
                work()
            except OSError as fault:
                self._faults.append(fault)
                self._is_over.set()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def _talk(self, readers: Readers, seconds: float) -> list[int]:
        speaker = LineClient(self._server.port)
        readers.add([speaker.sock])
        rss_kib: list[int] = []
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds and not self._is_over.is_set():
            readers.read_for(0.05)
            with suppress(BlockingIOError):
                speaker.sock.send(f"the time is {passed:.3f}\n".encode())
            if passed > WARM_UP_SHARE * seconds and len(rss_kib) < passed - WARM_UP_SHARE * seconds:
                rss_kib.append(self._server.rss_kib())
        return rss_kib

    def _flood(self) -> None:
        """Send thousands of lines at once, and wait until the connection ends."""
        while not self._is_over.wait(1):
            flooder = LineClient(self._server.port)
            flooder.sock.settimeout(120)
            reading = self._start(flooder.whole_lines)
            flooder.say(*[f"flood {number}" for number in range(FLOOD_LINES)], "/quit")
            reading.join(120)
            flooder.sock.close()
            self.floods += 1

    def _join_and_leave(self) -> None:
        while not self._is_over.wait(0.05):
            client = LineClient(self._server.port)
            client.say(f"/nick guest{self.joined}", "hello", "/quit")
            client.whole_lines()
            client.sock.close()
            self.joined += 1

    def _get_stuck(self) -> None:
        while not self._is_over.wait(2):
            stuck = [connect(self._server.port, receive_buffer_bytes=4096) for _ in range(STUCK_BATCH)]
            self.stuck += len(stuck)
            self._is_over.wait(8)
            hang_up(stuck)
