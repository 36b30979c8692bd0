"""M1: kill -9 under load, repeatedly. Every entry that was seen is in the journal, in the same order."""

import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from bench.faults.clients import LineClient
from bench.faults.server_process import ServerProcess, serving
from bench.faults.verdict import Verdict

LINES_SEEN_MAX = 300


def kills(folder: Path, times: int) -> Iterator[Verdict]:
    """Kill the server `times` times under load, and compare the lines seen with the journal each time."""
    data, dice = folder / "kills", random.Random(1)
    last_id, seen_lines, lost, slowest_s, disorders = 0, 0, 0, 0.0, 0
    seen: list[str] = []
    for number in range(times + 1):
        with serving(data) as server:
            kept, last_id, is_whole = _kept_after(data, last_id)
            lost += _missing(seen, kept)
            disorders += not is_whole
            slowest_s = max(slowest_s, server.ready_s)
            seen_lines += len(seen)
            seen = _talk_and_kill(server, number, dice.randrange(LINES_SEEN_MAX)) if number < times else []
    found = f"{seen_lines:,} lines seen, {lost} lost; ids broken {disorders} times; up in {slowest_s:.2f} s at worst"
    expected = "nothing seen is lost, ids whole, up in 1 s"
    # A second holds only on an idle machine, so it is not part of the verdict.
    yield Verdict("M1", f"{times:,} times kill -9 under load", expected, found, not (lost or disorders))


def _talk_and_kill(server: ServerProcess, number: int, lines: int) -> list[str]:
    """Kill a server under load. -> the lines that a reader received before it was dead"""
    reader, writer = LineClient(server.port), LineClient(server.port)
    reader.say("/who")
    reader.until("(you) ***")

    def talk() -> None:
        with suppress(OSError):
            for count in range(1_000_000):
                writer.say(f"~{number}-{count}")

    speaking = threading.Thread(target=talk)
    speaking.start()
    deadline = time.perf_counter() + 10
    seen: list[str] = []
    while len(seen) < lines and time.perf_counter() < deadline:
        seen.append(reader.line())
    server.process.kill()
    seen += reader.whole_lines()
    speaking.join()
    for client in (reader, writer):
        client.sock.close()
    return [text for line in seen if (text := line.partition("]> ")[2]).startswith("~")]


def _kept_after(data: Path, last_id: int) -> tuple[list[str], int, bool]:
    """Read the journal after an id. -> its texts, its last id, and whether the ids have no gap and no repetition"""
    with closing(sqlite3.connect(f"file:{data}/journal.db?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT id, text FROM entry WHERE id > ? ORDER BY id", (last_id,)).fetchall()
    ids = [number for number, _ in rows]
    return [text for _, text in rows], last_id + len(ids), ids == list(range(last_id + 1, last_id + 1 + len(ids)))


def _missing(seen: list[str], kept: list[str]) -> int:
    """Count the lines seen that are not in the journal, or not in that order."""
    rest = iter(kept)
    return sum(text not in rest for text in seen)
