"""Soak: a busy room for minutes, with people who come and go, who never read and who say far too much at once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

from bench.faults.house import House, serving
from bench.faults.people import Crowd, Person, connect, hang_up
from bench.faults.verdict import Verdict

READERS = 200
STUCK_EACH = 10
FLOOD_LINES = 5_000
WARM_SHARE = 0.25
FLAT = 0.05

_FLAGS = ("--stall-timeout", "5", "--window-entries", "5000", "--window-bytes", "2MiB")
"""The window is to be full, and the first of the stuck to be gone, before memory is measured."""


def soak(folder: Path, seconds: float) -> Iterator[Verdict]:
    """Keep a server busy for so long. Memory has to be flat once it is warm."""
    with serving(folder / "soak", *_FLAGS) as house:
        trouble = _Trouble(house)
        rss_kib = trouble.make(seconds)
        quarter = max(1, len(rss_kib) // 4)
        early, late = median(rss_kib[:quarter]), median(rss_kib[-quarter:])
        change = late / early - 1
        done = f"{trouble.came:,} come and go, {trouble.stuck} stuck, {trouble.floods} floods of {FLOOD_LINES:,}"
        lost = f", {trouble.lost} READERS LOST" if trouble.lost else ""
        seen = f"{early / 1024:.1f} MiB, then {late / 1024:.1f} MiB ({change:+.1%}){lost}{house.faults()}"
        yield Verdict(
            "soak",
            f"{seconds:.0f} s: {done}",
            f"memory flat within {FLAT:.0%}, no traceback, no reader lost",
            seen,
            abs(change) <= FLAT and not house.faults() and not trouble.lost,
        )
        status = house.stop()
        yield Verdict("M6", "SIGTERM after that", "exit status 0", f"status {status}", status == 0)


class _Trouble:
    """Everything that is done to the server, and what it came to."""

    def __init__(self, house: House) -> None:
        self.came = self.stuck = self.floods = self.lost = 0
        self._house = house
        self._is_over = threading.Event()
        self._faults: list[OSError] = []

    def make(self, seconds: float) -> list[int]:
        """Keep it busy; -> its memory in KiB, each second after the warming up. Raises OSError where it is gone."""
        readers = Crowd()
        readers.add([connect(self._house.port) for _ in range(READERS)])
        others = [self._start(work) for work in (self._flood, self._come_and_go, self._get_stuck)]
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
        """Do one kind of thing in a thread; when the server is gone, all of it is over."""

        def go_on() -> None:
            try:
                work()
            except OSError as fault:
                self._faults.append(fault)
                self._is_over.set()

        thread = threading.Thread(target=go_on)
        thread.start()
        return thread

    def _talk(self, readers: Crowd, seconds: float) -> list[int]:
        speaker = Person(self._house.port)
        readers.add([speaker.sock])
        rss_kib: list[int] = []
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds and not self._is_over.is_set():
            readers.read_for(0.05)
            with suppress(BlockingIOError):
                speaker.sock.send(f"the time is {passed:.3f}\n".encode())
            if passed > WARM_SHARE * seconds and len(rss_kib) < passed - WARM_SHARE * seconds:
                rss_kib.append(self._house.rss_kib())
        return rss_kib

    def _flood(self) -> None:
        """Say thousands of lines at once, and wait until all are heard."""
        while not self._is_over.wait(1):
            flooder = Person(self._house.port)
            flooder.sock.settimeout(120)
            hearing = self._start(flooder.whole_lines)
            flooder.say(*[f"flood {number}" for number in range(FLOOD_LINES)], "/quit")
            hearing.join(120)
            flooder.sock.close()
            self.floods += 1

    def _come_and_go(self) -> None:
        while not self._is_over.wait(0.05):
            person = Person(self._house.port)
            person.say(f"/nick guest{self.came}", "hello", "/quit")
            person.whole_lines()
            person.sock.close()
            self.came += 1

    def _get_stuck(self) -> None:
        while not self._is_over.wait(2):
            stuck = [connect(self._house.port, hoard_bytes=4096) for _ in range(STUCK_EACH)]
            self.stuck += len(stuck)
            self._is_over.wait(8)
            hang_up(stuck)
