"""Measure the full-screen client, and print numbers: `python -m bench.screen [SECONDS] [LINES_PER_SECOND]`.

A real client runs at a pseudo-terminal of 120 x 40 while somebody speaks, every tenth line a picture. From key to
screen is the time from a letter to the output that has the whole draft. Looks without the draft are counted at a
terminal that is emulated. The load of the machine is printed with the numbers.
"""

import os
import pty
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte

from bench.flicker import CHAT
from bench.servers import Server, ours, running
from scripts.emulator import Emulator

COLUMNS, ROWS = 120, 40
KEY_INTERVAL_S = 0.25
DRAFT = "the quick brown fox jumps over the lazy dog"
ROSTER_SCREEN, ROSTER_LINES = b"1 here", b"(you)"
STARTS = 5
FILLED_LINES = 10_000


class Client:
    """A client at a pseudo-terminal."""

    def __init__(self, port: int, home: Path, view: str) -> None:
        self._fd, slave = pty.openpty()
        termios.tcsetwinsize(slave, (ROWS, COLUMNS))
        environment = os.environ | {"HOME": str(home), "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        command = [*CHAT, "join", "127.0.0.1", str(port), "--nick", "bob", "--view", view, "--no-remember"]
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment | {"COLORTERM": "truecolor"}
        )
        os.close(slave)
        self.emulator = Emulator(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.emulator)
        self.received = b""

    def read(self, seconds: float, text: bytes = b"") -> bool:
        """Read for so long, or until the output has a text. -> whether it has"""
        deadline = time.perf_counter() + seconds
        while not (text and text in self.received):
            left_s = deadline - time.perf_counter()
            if left_s <= 0 or not select.select([self._fd], [], [], left_s)[0]:
                return False
            self.received = (self.received + os.read(self._fd, 65536))[-1_000_000:]
        return True

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._fd, keys.encode())

    def look(self) -> str:
        """Return what is on the screen now: everything that was received since the last look is drawn."""
        self._stream.feed(self.received)
        self.received = b""
        return self.emulator.text

    def end(self) -> None:
        """End the client."""
        self.process.kill()
        self.process.wait()
        os.close(self._fd)


@contextmanager
def client_at(server: Server, home: Path, view: str) -> Iterator[Client]:
    """Run a client during the block."""
    client = Client(server.port, home, view)
    try:
        yield client
    finally:
        client.end()


def used(client: Client) -> Server:
    """Return the process of a client as one whose CPU time and memory are read."""
    return Server(client.process.pid, 0, 0.0, Path())


def speak(server: Server, rate: float, is_over: threading.Event, most: int = 10**9) -> None:
    """Say so many lines a second, over a connection like that of `nc`."""
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        for number in range(most):
            if is_over.wait(1 / rate):
                break
            text = "look @fox" if number % 10 == 0 else f"line {number} of somebody who talks all the time"
            peer.sendall(f"{text}\n".encode())
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65536):
            pass


def measure_starts(server: Server, home: Path) -> None:
    """Print the time from the start to the roster, for both views in turns."""
    took: dict[str, list[float]] = {"lines": [], "screen": []}
    for _ in range(STARTS):
        for view, roster in (("lines", ROSTER_LINES), ("screen", ROSTER_SCREEN)):
            with client_at(server, home, view) as client:
                client.read(20, roster)
                took[view].append(time.perf_counter() - client.began)
                client.type("/quit\r")
                client.process.wait(10)
    lines_s, screen_s = (statistics.median(took[view]) for view in ("lines", "screen"))
    print(
        f"start to roster: line by line {lines_s:.2f} s, full screen {screen_s:.2f} s ({screen_s / lines_s:.2f} times)"
    )


def measure_flood(server: Server, home: Path, seconds: float, rate: float) -> None:
    """Print CPU, the time from key to screen, and looks without the draft, while lines come."""
    is_over = threading.Event()
    with client_at(server, home, "screen") as client:
        client.read(20, ROSTER_SCREEN)
        speaker = threading.Thread(target=speak, args=(server, rate, is_over), daemon=True)
        speaker.start()
        client.read(1)
        cpu_s, began, took, missing = used(client).cpu_s(), time.perf_counter(), list[float](), 0
        while time.perf_counter() < began + seconds:
            for end in range(1, len(DRAFT) + 1):
                client.look()
                pressed = time.perf_counter()
                client.type(DRAFT[end - 1])
                if client.read(5, DRAFT[:end].encode()):
                    took.append(1000 * (time.perf_counter() - pressed))
                missing += DRAFT[:end] not in client.look()
                client.read(KEY_INTERVAL_S)
            client.type("\x15")
            client.read(KEY_INTERVAL_S)
        share = (used(client).cpu_s() - cpu_s) / (time.perf_counter() - began)
        is_over.set()
        speaker.join()
    took.sort()
    p50, p95 = (took[int(len(took) * part)] for part in (0.5, 0.95))
    print(
        f"{rate:.0f} lines/s with pictures: {100 * share:.0f} % of a core; key to screen {p50:.0f} ms, p95 {p95:.0f} ms"
    )
    print(f"draft missing in {missing} of {len(took)} looks")


def measure_memory(server: Server, home: Path) -> None:
    """Print the memory of a client that has nothing, and then many lines."""
    with client_at(server, home, "screen") as client:
        client.read(20, ROSTER_SCREEN)
        empty = used(client).rss_bytes()
        speaker = threading.Thread(target=speak, args=(server, 2000, threading.Event(), FILLED_LINES), daemon=True)
        speaker.start()
        last = f"line {FILLED_LINES - 1} of".encode()
        while speaker.is_alive() or not client.read(2, last):
            client.read(0.5)
        filled = used(client).rss_bytes()
    print(f"memory: {empty / 2**20:.0f} MB, with {FILLED_LINES:,} lines {filled / 2**20:.0f} MB")


def main() -> None:
    """Measure and print."""
    seconds, rate = (float(argument) for argument in [*sys.argv[1:], "60", "200"][:2])
    core = min(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="trio-chat-screen-") as name:
        folder = Path(name)
        with running(ours(folder / "data"), core, folder) as server:
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            measure_starts(server, folder)
            measure_flood(server, folder, seconds, rate)
            measure_memory(server, folder)
            print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
