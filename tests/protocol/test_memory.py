"""A server whose memory is limited."""

import json
import resource
import sys
from contextlib import suppress
from pathlib import Path

import pytest

MIB = 1024 * 1024
WINDOW_BYTES = 2 * MIB
FREE_BYTES = 6 * MIB
"""Memory that is left: for some of the windows, not for all."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the memory of another process cannot be limited")
def test_m15_where_memory_runs_out_windows_are_given_up_and_not_the_server(start) -> None:
    server = start("--window-bytes", f"{WINDOW_BYTES}")
    readers = [server.join() for _ in range(8)]
    for number, reader in enumerate(readers):
        reader.send(f"/join r{number}\n".encode())
        reader.until(f"#r{number} ***")
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + FREE_BYTES
    resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, limit))

    for number in range(len(readers)):
        with suppress(ConnectionError, AssertionError):  # at most the one who asks for too much is put out
            fill_window(server.connect(), f"r{number}")

    assert server.process.poll() is None
    while b"503" in server.http("GET /health").partition(b"\r\n")[0]:
        pass
    health = json.loads(server.http("GET /health").partition(b"\r\n\r\n")[2])
    assert health["window_bytes"] < len(readers) * WINDOW_BYTES
    guest = server.connect(b"/who\n")
    assert "(you)" in guest.line()


def fill_window(speaker, room: str) -> None:
    """Say so much in a room, with one who does not read it."""
    speaker.send(f"/join {room}\n".encode())
    for _ in range(20):
        speaker.send((b"x" * 4000 + b"\n") * (WINDOW_BYTES // 4000 // 20) + b"/who\n")
        while "(you)" not in speaker.line():
            pass


def test_m15_all_windows_together_stay_within_their_budget(start) -> None:
    server = start("--window-total", "1MiB")
    readers = [server.join() for _ in range(3)]
    for number, reader in enumerate(readers):
        reader.send(f"/join r{number}\n".encode())
        reader.until(f"#r{number} ***")
    speaker = server.join()

    for number in range(3):
        speaker.send(f"/join r{number}\n".encode() + (b"x" * 4000 + b"\n") * 200 + b"/who\n")
        while "(you)" not in speaker.line():
            pass

    health = json.loads(server.http("GET /health").partition(b"\r\n\r\n")[2])
    assert 0 < health["window_bytes"] <= MIB
    metrics = server.http("GET /metrics").decode()
    assert f"trio_chat_window_bytes {float(health['window_bytes'])}\n" in metrics
    assert "trio_chat_window_limit_bytes 1.048576e+06\n" in metrics
