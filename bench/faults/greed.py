"""One client that sends what never becomes a line."""

import threading
from collections.abc import Iterator
from pathlib import Path

from bench.faults.house import House, serving
from bench.faults.people import Couple, Person
from bench.faults.verdict import Verdict

LINES_TIMED = 500
NOISE_MS = 3.0
"""What a machine with other things to do adds to a 99th percentile now and then."""

MEMORY_KIB = 1024
BLOCK = b"x" * (1 << 20)


def endless(folder: Path, mebibytes: int) -> Iterator[Verdict]:
    """C1: very much without a newline, at full speed."""
    with serving(folder / "endless") as house:
        couple = Couple(house.port)
        couple.p99_ms(LINES_TIMED)  # the first lines take longer
        calm_ms = couple.p99_ms(LINES_TIMED)
        flood = _Flood(house, mebibytes)
        flood.start()
        full_ms = couple.p99_ms(LINES_TIMED)
        flood.finish()
        seen = f"{flood.sent:,} MiB, {calm_ms:.1f} ms before, {full_ms:.1f} ms then, {flood.grown_kib:+,} KiB"
        yield Verdict(
            "C1",
            f"{mebibytes:,} MiB or more without a newline",
            f"told once; others' p99 at most doubled, memory within {MEMORY_KIB:,} KiB",
            f"{seen}, told {flood.errors} times{house.faults()}",
            full_ms <= 2 * calm_ms + NOISE_MS and flood.grown_kib < MEMORY_KIB and flood.errors == 1,
        )


class _Flood(threading.Thread):
    """Sends one line until it is long enough and nobody looks any more."""

    def __init__(self, house: House, mebibytes: int) -> None:
        super().__init__()
        self.sent = self.grown_kib = self.errors = 0
        self._house = house
        self._mebibytes = mebibytes
        self._person = Person(house.port)
        self._is_over = threading.Event()

    def run(self) -> None:
        """Send, and see what that costs the server."""
        before = self._house.rss_kib()
        while self.sent < self._mebibytes or not self._is_over.is_set():
            self._person.sock.sendall(BLOCK)
            self.sent += 1
            self.grown_kib = max(self.grown_kib, self._house.rss_kib() - before)

    def finish(self) -> None:
        """End the line, and count how often the server complained."""
        self._is_over.set()
        self.join()
        self._person.say("", "/quit")
        self.errors = sum("line too long" in line for line in self._person.whole_lines())
