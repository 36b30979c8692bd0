"""Many clients: silent ones, ones that never read, join storms, and many connections from one address."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import trustme

from bench.faults.clients import LatencyProbe, LineClient, Readers, connect, hang_up
from bench.faults.server_process import ServerProcess, serving
from bench.faults.verdict import Verdict

LINES_TIMED = 500
NOISE_MS = 3.0
"""Noise of the machine that a 99th percentile may contain."""

NOTICES_PER_S_MAX = 100
HANDSHAKE_TIMEOUT_S = 10
STALL_TIMEOUT_S = 5
CONNECT_BATCH = 250
FLOOD_GROUP = 20


def silent(folder: Path, clients: int) -> Iterator[Verdict]:
    """C11: silent clients, and unfinished TLS handshakes."""
    certificate = folder / "server.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    with serving(folder / "silent", "--tls-cert", str(certificate)) as server:
        probe, crowd = LatencyProbe(server.port), Readers()
        calm_ms = probe.p99_ms(LINES_TIMED)
        _connect_all(crowd, server, clients)
        handshakes = [connect(server.port) for _ in range(clients // 5)]
        for sock in handshakes:
            sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        began = time.perf_counter()
        full_ms = probe.p99_ms(LINES_TIMED)
        yield Verdict(
            "C11",
            f"{clients:,} silent clients, {clients // 5:,} unfinished TLS handshakes",
            "p99 of others at most doubled",
            f"{calm_ms:.1f} ms before, {full_ms:.1f} ms meanwhile",
            full_ms <= 2 * calm_ms + NOISE_MS,
        )
        handshaking = Readers()
        handshaking.add(handshakes)
        while len(handshaking) and time.perf_counter() < began + 2 * HANDSHAKE_TIMEOUT_S:
            handshaking.read_for(0.1)
        took_s = time.perf_counter() - began
        seen = f"{len(handshaking)} left after {took_s:.1f} s{server.faults()}"
        yield Verdict(
            "C11",
            "the handshakes stay unfinished",
            "all closed in 10 s",
            seen,
            took_s < HANDSHAKE_TIMEOUT_S + 2 and not server.faults(),
        )
        crowd.close()


def stuck(folder: Path, clients: int) -> Iterator[Verdict]:
    """C14: a tenth of the clients never reads, and one reads a byte a second."""
    with serving(folder / "stuck", "--stall-timeout", str(STALL_TIMEOUT_S), "--window-bytes", "4MiB") as server:
        crowd, speaker = Readers(), LineClient(server.port)
        _connect_all(crowd, server, clients)
        _flood(crowd, speaker, 10_000)  # the window is full now
        before = server.rss_kib()
        never = [connect(server.port, receive_buffer_bytes=4096) for _ in range(clients // 10)]
        dribbler = connect(server.port, receive_buffer_bytes=4096)
        began, said = time.perf_counter(), 0
        while time.perf_counter() < began + 4 * STALL_TIMEOUT_S:
            _flood(crowd, speaker, 500)
            said += 500
            with suppress(ConnectionError):  # the kernel opens its window only when there is room in it
                dribbler.recv(1)
        grown = server.rss_kib() - before
        count = _members_of_lobby(speaker)
        log = server.log.read_text()
        told = sum(_is_closed_after_backlog(sock) for sock in never)
        seen = (
            f"{count - 1 - len(crowd)} still connected, {told} disconnected, {grown / 1024:+.1f} MiB{server.faults()}"
        )
        is_met = 0 <= count - 1 - len(crowd) <= 1 and not crowd.ended and grown < 16 * 1024 and "stalled" in log
        yield Verdict(
            "C14",
            f"{clients // 10} of {clients:,} never read {said:,} lines; one reads a byte a second",
            f"disconnected after {STALL_TIMEOUT_S} s, no others; memory within 16 MiB",
            seen,
            is_met and not server.faults(),
        )
        hang_up([*never, dribbler])
        crowd.close()


def joins(folder: Path, clients: int) -> Iterator[Verdict]:
    """C16: many clients join one room, and then a hundred a second join and leave."""
    with serving(folder / "joins") as server:
        crowd, witness = Readers(), Readers()
        witness.add([connect(server.port)])
        began = time.perf_counter()
        _connect_all(crowd, server, clients)
        witness.read_for(2)
        yield _verdict(f"{clients:,} join one room", server, witness, time.perf_counter() - began)
        crowd.close()
        witness.read_for(2)
        heard, began, count = witness.received_bytes, time.perf_counter(), 0
        while time.perf_counter() < began + 10:
            _join_and_leave(server, 10)
            count += 10
            witness.read_for(0.05)
        witness.received_bytes -= heard
        yield _verdict(f"{count:,} join and leave", server, witness, time.perf_counter() - began)
        witness.close()


def origins(folder: Path, connections: int) -> Iterator[Verdict]:
    """C18: one address opens many connections through a proxy; then another address connects."""
    with serving(folder / "origins", "--proxy", "127.0.0.1", "--connect-rate", "0") as server:
        kept: list[socket.socket] = []
        refused = 0
        for number in range(connections):
            sock = connect(server.port)
            sock.sendall(f"PROXY TCP4 192.0.2.1 127.0.0.1 {number % 65000 + 1} 5555\r\n/who\n".encode())
            if b"too many connections from your address" in sock.recv(4096):
                refused += 1
                sock.close()
            else:
                kept.append(sock)
        other = connect(server.port)
        other.sendall(b"PROXY TCP4 192.0.2.2 127.0.0.1 1 5555\r\n/who\n")
        is_admitted = b"in #lobby" in other.recv(65536)
        other_seen = "admitted" if is_admitted else "NOT admitted"
        seen = f"{len(kept)} admitted, {refused:,} refused, another {other_seen}{server.faults()}"
        yield Verdict(
            "C18",
            f"one address opens {connections:,} connections",
            "256 admitted, the rest told why; another address admitted",
            seen,
            len(kept) == min(256, connections) and is_admitted and not server.faults(),
        )
        hang_up([*kept, other])


def _connect_all(crowd: Readers, server: ServerProcess, clients: int) -> None:
    """Connect clients, no faster than they are accepted."""
    for done in range(0, clients, CONNECT_BATCH):
        crowd.add([connect(server.port) for _ in range(min(CONNECT_BATCH, clients - done))])
        crowd.read_for(0.05)
    crowd.read_for(1.5)


def _members_of_lobby(client: LineClient) -> int:
    client.say("/who")
    while " in #lobby: " not in (answer := client.line()):
        pass
    return int(answer.split()[1])


def _join_and_leave(server: ServerProcess, visitors: int) -> None:
    """Let clients join, and leave as soon as they have."""
    socks = [connect(server.port) for _ in range(visitors)]
    for sock in socks:
        sock.sendall(b"/who\n")
    for sock in socks:
        sock.recv(4096)
    hang_up(socks)


def _flood(crowd: Readers, speaker: LineClient, lines: int) -> None:
    """Send long lines, about as fast as a room of this size can take them."""
    for _ in range(0, lines, FLOOD_GROUP):
        speaker.say(*["x" * 1000] * FLOOD_GROUP)
        crowd.read_for(0.03)


def _is_closed_after_backlog(sock: socket.socket) -> bool:
    """Tell whether the bytes buffered by the kernel for a stuck reader end with the end of the connection."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def _verdict(done: str, server: ServerProcess, witness: Readers, seconds: float) -> Verdict:
    most = NOTICES_PER_S_MAX * (seconds + 1) * 64
    seen = f"{witness.received_bytes:,} bytes of notices in {seconds:.0f} s{server.faults()}"
    is_met = 0 < witness.received_bytes <= most and not server.faults()
    return Verdict("C16", done, f"a client gets at most {most:,.0f} bytes of notices", seen, is_met)
