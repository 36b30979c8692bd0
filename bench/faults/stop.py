"""M6: stopping a server with many clients that read, talk or are stuck, and with open HTTP connections."""

import selectors
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.faults.clients import connect
from bench.faults.server_process import serving
from bench.faults.verdict import Verdict

STOP_MAX_S = 5
TEST_TIMEOUT_S = 20

FAREWELL = b"*** the server is shutting down ***\n"
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Server(Protocol):
    """A running server, as a process on a data folder."""

    @property
    def process(self) -> subprocess.Popen[bytes]: ...

    @property
    def port(self) -> int: ...

    @property
    def admin_port(self) -> int: ...

    @property
    def data(self) -> Path: ...


@dataclass(frozen=True)
class Shutdown:
    """The result of a shutdown."""

    status: int
    took_s: float
    told: int
    readers: int
    unkept: int
    """Lines that were received and are not in the journal."""
    is_stream_ended: bool
    """True if the event stream ended with its last chunk."""

    @property
    def is_in_order(self) -> bool:
        """True if the promise was kept, whatever time it took."""
        return self.status == 0 and self.told == self.readers and not self.unkept and self.is_stream_ended


def stop(folder: Path, clients: int) -> Iterator[Verdict]:
    """Stop a server with many clients, a tenth of which never reads."""
    stuck, talkers = clients // 10, 10
    with serving(folder / "stop") as server:
        end = stop_under_load(server, clients=clients, stuck=stuck, talkers=talkers)
        seen = f"status {end.status} after {end.took_s:.1f} s, {end.told:,} of {end.readers:,} told, {end.unkept} lost"
        stream = "" if end.is_stream_ended else ", EVENTS CUT OFF"
        yield Verdict(
            "M6",
            f"SIGTERM: {clients:,} clients, {stuck} never read, {talkers} talk; HTTP stuck, idle, events",
            f"status 0 in {STOP_MAX_S} s, all readers told, nothing seen lost",
            f"{seen}{stream}{server.faults()}",
            end.is_in_order and end.took_s < STOP_MAX_S and not server.faults(),
        )


def stop_under_load(server: Server, *, clients: int, stuck: int, talkers: int) -> Shutdown:
    """Stop a server by SIGTERM while `talkers` send without a pause.

    There are three HTTP connections: one never reads its answers, one is idle, and one follows the events.
    """
    with ExitStack() as stack:
        # The kernel's own buffer grows to megabytes, and puts readers far behind.
        crowd = [stack.enter_context(connect(server.port, receive_buffer_bytes=64 * 1024)) for _ in range(clients)]
        stack.enter_context(closing(_ask(server, "/clients", 50)))
        idle = stack.enter_context(closing(_ask(server, "/clients")))
        idle.recv(65536)
        events = stack.enter_context(closing(_ask(server, "/events")))
        events.recv(65536)
        readers = ReaderThread([events, *crowd[stuck:]])
        readers.start()
        talking = [_talker(server) for _ in range(talkers)]
        is_loud = readers.is_loud.wait(TEST_TIMEOUT_S)
        assert is_loud, "too few lines for anybody to be stuck"

        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        status = server.process.wait(TEST_TIMEOUT_S)
        took_s = time.monotonic() - began
        readers.join()
    is_stream_ended = readers.heard.pop(events).endswith(LAST_CHUNK)
    ends = [talker.communicate()[0] for talker in talking] + list(readers.heard.values())
    told = sum(end.endswith(FAREWELL) for end in ends)
    return Shutdown(status, took_s, told, len(ends), _unkept(server, readers), is_stream_ended)


class ReaderThread(threading.Thread):
    """Reads from all readers, until each connection has ended."""

    def __init__(self, readers: list[socket.socket]) -> None:
        super().__init__(daemon=True)
        self.heard = dict.fromkeys(readers, b"")
        self.seen: set[bytes] = set()
        self.is_loud = threading.Event()
        """Set once there were enough lines for a client that does not read to be stuck."""

    def run(self) -> None:
        """Keep the last bytes of each reader, and all lines of the last one."""
        whole = bytearray()
        last = next(reversed(self.heard))
        with selectors.DefaultSelector() as selector:
            for reader in self.heard:
                selector.register(reader, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    sock: socket.socket = key.fileobj  # type: ignore[assignment]
                    data = self._read(sock)
                    if not data:
                        selector.unregister(sock)
                    self.heard[sock] = (self.heard[sock] + data)[-200:]
                    if sock is last:
                        whole += data
                        if len(whole) > 2_000_000:
                            self.is_loud.set()
        self.seen = {line.partition(b"> ")[2] for line in bytes(whole).split(b"\n")[:-1] if b"]> " in line}

    def _read(self, sock: socket.socket) -> bytes:
        try:
            return sock.recv(1 << 20)
        except ConnectionResetError:
            return b""


def _talker(server: Server) -> subprocess.Popen[bytes]:
    """Start a talker, as a process, so that it does not slow the reading thread."""
    command = [sys.executable, str(Path(__file__).with_name("talker.py")), str(server.port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def _ask(server: Server, path: str, times: int = 1) -> socket.socket:
    """Send requests and keep the connection."""
    sock = socket.create_connection(("127.0.0.1", server.admin_port), TEST_TIMEOUT_S)
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * times)
    return sock


def _unkept(server: Server, readers: ReaderThread) -> int:
    with closing(sqlite3.connect(server.data / "journal.db")) as db:
        kept = {text.encode() for (text,) in db.execute("SELECT text FROM entry")}
    return len(readers.seen - kept)
