"""Crowds: thousands that say nothing, never read, come all at once, or come from one place."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import trustme

from bench.faults.house import House, serving
from bench.faults.people import Couple, Crowd, Person, connect, hang_up
from bench.faults.verdict import Verdict

LINES_TIMED = 500
NOISE_MS = 3.0
"""What a machine with other things to do adds to a 99th percentile now and then."""

NOTICES_PER_S = 100
HANDSHAKE_S = 10
STALL_S = 5
BATCH = 250
FLOOD_GROUP = 20


def silent(folder: Path, clients: int) -> Iterator[Verdict]:
    """C11: very many that say nothing, and TLS handshakes left halfway."""
    certificate = folder / "server.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    with serving(folder / "silent", "--tls-cert", str(certificate)) as house:
        couple, crowd = Couple(house.port), Crowd()
        calm_ms = couple.p99_ms(LINES_TIMED)
        _bring(crowd, house, clients)
        handshakes = [connect(house.port) for _ in range(clients // 5)]
        for sock in handshakes:
            sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        began = time.perf_counter()
        full_ms = couple.p99_ms(LINES_TIMED)
        yield Verdict(
            "C11",
            f"{clients:,} say nothing, {clients // 5:,} TLS handshakes half done",
            "talkers' p99 at most doubled",
            f"{calm_ms:.1f} ms before, {full_ms:.1f} ms then",
            full_ms <= 2 * calm_ms + NOISE_MS,
        )
        handshaking = Crowd()
        handshaking.add(handshakes)
        while len(handshaking) and time.perf_counter() < began + 2 * HANDSHAKE_S:
            handshaking.read_for(0.1)
        took_s = time.perf_counter() - began
        seen = f"{len(handshaking)} left after {took_s:.1f} s{house.faults()}"
        yield Verdict(
            "C11", "the handshakes wait on", "all reaped in 10 s", seen, took_s < HANDSHAKE_S + 2 and not house.faults()
        )
        crowd.close()


def stuck(folder: Path, clients: int) -> Iterator[Verdict]:
    """C14: a tenth of the readers never reads, and one reads a byte a second."""
    with serving(folder / "stuck", "--stall-timeout", str(STALL_S), "--window-bytes", "4MiB") as house:
        crowd, speaker = Crowd(), Person(house.port)
        _bring(crowd, house, clients)
        _flood(crowd, speaker, 10_000)  # the window is full
        before = house.rss_kib()
        never = [connect(house.port, hoard_bytes=4096) for _ in range(clients // 10)]
        dribbler = connect(house.port, hoard_bytes=4096)
        began, said = time.perf_counter(), 0
        while time.perf_counter() < began + 4 * STALL_S:
            _flood(crowd, speaker, 500)
            said += 500
            with suppress(ConnectionError):  # the kernel opens its window no sooner than there is room in it
                dribbler.recv(1)
        grown = house.rss_kib() - before
        speaker.say("/who")
        count = int(speaker.until("(you) ***" if clients < 200 else "more ***").split()[1])
        log = house.log.read_text()
        told = sum(_ends_after_a_gap(sock) for sock in never)
        seen = f"{count - 1 - len(crowd)} still here, {told} told before, {grown / 1024:+.1f} MiB{house.faults()}"
        is_met = count <= len(crowd) + 2 and not crowd.ended and grown < 16 * 1024 and "stalled" in log
        yield Verdict(
            "C14",
            f"{clients // 10} of {clients:,} never read {said:,} lines; one reads a byte a second",
            f"gone after {STALL_S} s, nobody else; memory within 16 MiB",
            seen,
            is_met and not house.faults(),
        )
        hang_up([*never, dribbler])
        crowd.close()


def joins(folder: Path, clients: int) -> Iterator[Verdict]:
    """C16: very many join one room, and then a hundred a second come and go."""
    with serving(folder / "joins") as house:
        crowd, witness = Crowd(), Crowd()
        witness.add([connect(house.port)])
        began = time.perf_counter()
        _bring(crowd, house, clients)
        witness.read_for(2)
        yield _summed_up(f"{clients:,} join one room", house, witness, time.perf_counter() - began)
        crowd.close()
        witness.read_for(2)
        heard, began, count = witness.heard_bytes, time.perf_counter(), 0
        while time.perf_counter() < began + 10:
            _visit(house, 10)
            count += 10
            witness.read_for(0.05)
        witness.heard_bytes -= heard
        yield _summed_up(f"{count:,} come and go", house, witness, time.perf_counter() - began)
        witness.close()


def origins(folder: Path, connections: int) -> Iterator[Verdict]:
    """C18: one address opens very many connections, through a proxy that tells who it is; then another comes."""
    with serving(folder / "origins", "--proxy", "127.0.0.1", "--connect-rate", "0") as house:
        kept: list[socket.socket] = []
        refused = 0
        for number in range(connections):
            sock = connect(house.port)
            sock.sendall(f"PROXY TCP4 192.0.2.1 127.0.0.1 {number % 65000 + 1} 5555\r\n/who\n".encode())
            if b"too many connections from your address" in sock.recv(4096):
                refused += 1
                sock.close()
            else:
                kept.append(sock)
        other = connect(house.port)
        other.sendall(b"PROXY TCP4 192.0.2.2 127.0.0.1 1 5555\r\n/who\n")
        is_let_in = b"in #lobby" in other.recv(65536)
        seen = f"{len(kept)} in, {refused:,} refused, another {'in' if is_let_in else 'NOT in'}{house.faults()}"
        yield Verdict(
            "C18",
            f"one address opens {connections:,} connections",
            "256 in, the rest told why; another address gets in",
            seen,
            len(kept) == min(256, connections) and is_let_in and not house.faults(),
        )
        hang_up([*kept, other])


def _bring(crowd: Crowd, house: House, clients: int) -> None:
    """Let so many join, no faster than they are accepted."""
    for done in range(0, clients, BATCH):
        crowd.add([connect(house.port) for _ in range(min(BATCH, clients - done))])
        crowd.read_for(0.05)
    crowd.read_for(1.5)


def _visit(house: House, visitors: int) -> None:
    """Let some join, and leave as soon as they have."""
    socks = [connect(house.port) for _ in range(visitors)]
    for sock in socks:
        sock.sendall(b"/who\n")
    for sock in socks:
        sock.recv(4096)
    hang_up(socks)


def _flood(crowd: Crowd, speaker: Person, lines: int) -> None:
    """Say so many long lines, no faster than a room of this size takes them, about."""
    for _ in range(0, lines, FLOOD_GROUP):
        speaker.say(*["x" * 1000] * FLOOD_GROUP)
        crowd.read_for(0.03)


def _ends_after_a_gap(sock: socket.socket) -> bool:
    """Whether what the kernel still held for a stuck reader is followed by the end, and not by silence."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def _summed_up(done: str, house: House, witness: Crowd, seconds: float) -> Verdict:
    most = NOTICES_PER_S * (seconds + 1) * 64
    seen = f"{witness.heard_bytes:,} bytes of notices in {seconds:.0f} s{house.faults()}"
    is_met = 0 < witness.heard_bytes <= most and not house.faults()
    return Verdict("C16", done, f"a reader gets at most {most:,.0f} bytes of notices", seen, is_met)
