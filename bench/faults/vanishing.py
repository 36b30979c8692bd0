"""C13: clients whose network is cut, such as a laptop that is closed."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

from bench.faults.clients import LineClient
from bench.faults.remote_network import NotPermittedError, RemoteNetwork, remote_network
from bench.faults.server_process import ServerProcess, serving
from bench.faults.verdict import Verdict

GONE_MAX_S = 45
WATCH_S = 75
LINE_INTERVAL_S = 0.5
LATE_LINE_S = 30

_EXPECTED = f"gone from GET /clients within {GONE_MAX_S} s"
_FRAMES = b'{"type": "hello", "protocol": 1, "rooms": ["den"]}\n'
_DONE = {
    "silent": "vanishes; its room is silent",
    "spoken to": "vanishes while its room is busy",
    "late": f"vanishes; its room has one line, {LATE_LINE_S} s later",
    "frames": "vanishes; it uses frames and is pinged",
}


def vanishing(folder: Path) -> Iterator[Verdict]:
    """Cut the network of some clients, and measure when the server notices."""
    with ExitStack() as stack:
        server = stack.enter_context(serving(folder / "vanishing"))
        try:
            network = stack.enter_context(remote_network())
            lost = _connect_all(network, server)
        except (NotPermittedError, TimeoutError) as error:
            yield Verdict("C13", "a client vanishes", _EXPECTED, f"not possible here: {error}", None)
            return
        late = LineClient(server.port)
        late.say("/join late")
        late.until("you are in #late ***")
        time.sleep(1)  # until the join is acknowledged
        network.cut()
        gone_s = _watch(server, late, {who: sock.getsockname()[1] for who, sock in lost.items()})
        for who, done in _DONE.items():
            seen = f"after {gone_s[who]:.1f} s" if who in gone_s else f"still connected after {WATCH_S} s"
            is_met = gone_s.get(who, WATCH_S) <= GONE_MAX_S
            yield Verdict("C13", done, _EXPECTED, f"{seen}{server.faults()}", is_met and not server.faults())


def _connect_all(network: RemoteNetwork, server: ServerProcess) -> dict[str, socket.socket]:
    """Connect clients, each to a room of its own."""
    lost = {who: network.connect(server.port) for who in _DONE}
    for who, first in (
        ("silent", b"/join quiet\n"),
        ("spoken to", b"/who\n"),
        ("late", b"/join late\n"),
        ("frames", _FRAMES),
    ):
        lost[who].sendall(first)
        lost[who].recv(4096)
    return lost


def _watch(server: ServerProcess, late: LineClient, ports: dict[str, int]) -> dict[str, float]:
    """Send lines to the lobby, and one to another room. -> the seconds after which each client was gone"""
    speaker = LineClient(server.port)
    began, spoken, is_late = time.perf_counter(), 0, False
    gone_s: dict[str, float] = {}
    while len(gone_s) < len(ports) and (passed := time.perf_counter() - began) < WATCH_S:
        if passed >= spoken * LINE_INTERVAL_S:
            speaker.say(f"line {spoken}")
            spoken += 1
        if passed >= LATE_LINE_S and not is_late:
            late.say("hello?")
            is_late = True
        here = _ports_in(server)
        gone_s |= {who: passed for who, port in ports.items() if port not in here and who not in gone_s}
        time.sleep(0.1)
    return gone_s


def _ports_in(server: ServerProcess) -> set[int]:
    with urlopen(f"http://127.0.0.1:{server.admin_port}/clients", timeout=10) as answer:
        return {client["port"] for client in json.load(answer)["clients"]}
