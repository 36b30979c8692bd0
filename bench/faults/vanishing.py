"""C13: clients that vanish without a word, such as a laptop that is closed."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

from bench.faults.elsewhere import Elsewhere, NotHereError, elsewhere
from bench.faults.house import House, serving
from bench.faults.people import Person
from bench.faults.verdict import Verdict

GONE_S = 45
LOOK_S = 75
SPEAK_EVERY_S = 0.5
LATE_S = 30

_EXPECTED = f"gone from GET /clients within {GONE_S} s"
_FRAMES = b'{"type": "hello", "protocol": 1, "rooms": ["den"]}\n'
_DONE = {
    "silent": "vanishes; nothing is said where it is",
    "spoken to": "vanishes while it is spoken to",
    "late": f"vanishes; it is spoken to once, {LATE_S} s later",
    "frames": "vanishes; it speaks frames and is pinged",
}


def vanishing(folder: Path) -> Iterator[Verdict]:
    """Let some vanish, and see when the server has noticed."""
    with ExitStack() as stack:
        house = stack.enter_context(serving(folder / "vanishing"))
        try:
            network = stack.enter_context(elsewhere())
            lost = _enter(network, house)
        except (NotHereError, TimeoutError) as error:
            yield Verdict("C13", "a client vanishes", _EXPECTED, f"not possible here: {error}", None)
            return
        late = Person(house.port)
        late.say("/join late")
        late.until("you are in #late ***")
        time.sleep(1)  # that it came is acknowledged
        network.cut()
        gone_s = _watch(house, late, {who: sock.getsockname()[1] for who, sock in lost.items()})
        for who, done in _DONE.items():
            seen = f"after {gone_s[who]:.1f} s" if who in gone_s else f"still there after {LOOK_S} s"
            is_met = gone_s.get(who, LOOK_S) <= GONE_S
            yield Verdict("C13", done, _EXPECTED, f"{seen}{house.faults()}", is_met and not house.faults())


def _enter(network: Elsewhere, house: House) -> dict[str, socket.socket]:
    """Let them come, each into a room of its own, and be quiet."""
    lost = {who: network.connect(house.port) for who in _DONE}
    for who, first in (
        ("silent", b"/join quiet\n"),
        ("spoken to", b"/who\n"),
        ("late", b"/join late\n"),
        ("frames", _FRAMES),
    ):
        lost[who].sendall(first)
        lost[who].recv(4096)
    return lost


def _watch(house: House, late: Person, ports: dict[str, int]) -> dict[str, float]:
    """Speak in the lobby, and in another room only once, and look who is there. -> seconds after which each was not"""
    speaker = Person(house.port)
    began, spoken, is_late = time.perf_counter(), 0, False
    gone_s: dict[str, float] = {}
    while len(gone_s) < len(ports) and (passed := time.perf_counter() - began) < LOOK_S:
        if passed >= spoken * SPEAK_EVERY_S:
            speaker.say(f"line {spoken}")
            spoken += 1
        if passed >= LATE_S and not is_late:
            late.say("hello?")
            is_late = True
        here = _ports_in(house)
        gone_s |= {who: passed for who, port in ports.items() if port not in here and who not in gone_s}
        time.sleep(0.1)
    return gone_s


def _ports_in(house: House) -> set[int]:
    with urlopen(f"http://127.0.0.1:{house.admin_port}/clients", timeout=10) as answer:
        return {client["port"] for client in json.load(answer)["clients"]}
