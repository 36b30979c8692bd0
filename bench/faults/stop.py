"""M6: a crowd at a server that is told to stop: who reads, who talks, who is stuck, and who hangs on over HTTP."""

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

from bench.faults.house import serving
from bench.faults.people import connect
from bench.faults.verdict import Verdict

STOP_S = 5
PATIENCE_S = 20

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
class Stop:
    """What was seen of a stop."""

    status: int
    took_s: float
    told: int
    readers: int
    unkept: int
    """Lines that somebody saw and that are not in the journal."""
    is_stream_ended: bool
    """Whether the stream of events ended in good order."""

    @property
    def is_good(self) -> bool:
        """Whether it was as promised."""
        is_in_time = self.status == 0 and self.took_s < STOP_S
        return is_in_time and self.told == self.readers and not self.unkept and self.is_stream_ended


def stop(folder: Path, clients: int) -> Iterator[Verdict]:
    """Stop a full server, of whose clients a tenth never reads."""
    stuck, talkers = clients // 10, 10
    with serving(folder / "stop") as house:
        end = stop_under_load(house, clients=clients, stuck=stuck, talkers=talkers)
        seen = f"status {end.status} after {end.took_s:.1f} s, {end.told:,} of {end.readers:,} told, {end.unkept} lost"
        stream = "" if end.is_stream_ended else ", EVENTS CUT OFF"
        yield Verdict(
            "M6",
            f"SIGTERM: {clients:,} clients, {stuck} never read, {talkers} talk; HTTP stuck, idle, events",
            f"status 0 in {STOP_S} s, all who read told, nothing seen lost",
            f"{seen}{stream}{house.faults()}",
            end.is_good and not house.faults(),
        )


def stop_under_load(server: Server, *, clients: int, stuck: int, talkers: int) -> Stop:
    """Fill a server, let so many more talk all the time, and end it by SIGTERM in the middle of that.

    Three hang on over HTTP: one asks for more than it ever reads, one is done, and one follows the events.
    """
    with ExitStack() as stack:
        # The kernel's own choice grows to megabytes, and who reads is far behind then.
        crowd = [stack.enter_context(connect(server.port, hoard_bytes=64 * 1024)) for _ in range(clients)]
        stack.enter_context(closing(_ask(server, "/clients", 50)))
        idle = stack.enter_context(closing(_ask(server, "/clients")))
        idle.recv(65536)
        events = stack.enter_context(closing(_ask(server, "/events")))
        events.recv(65536)
        listening = Listening([events, *crowd[stuck:]])
        listening.start()
        talking = [_talker(server) for _ in range(talkers)]
        is_loud = listening.is_loud.wait(PATIENCE_S)
        assert is_loud, "too little was said for anybody to be stuck"

        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        status = server.process.wait(PATIENCE_S)
        took_s = time.monotonic() - began
        listening.join()
    is_stream_ended = listening.heard.pop(events).endswith(LAST_CHUNK)
    ends = [talker.communicate()[0] for talker in talking] + list(listening.heard.values())
    told = sum(end.endswith(FAREWELL) for end in ends)
    return Stop(status, took_s, told, len(ends), _unkept(server, listening), is_stream_ended)


class Listening(threading.Thread):
    """Reads from everyone who reads, until each connection has ended."""

    def __init__(self, readers: list[socket.socket]) -> None:
        super().__init__(daemon=True)
        self.heard = dict.fromkeys(readers, b"")
        self.seen: set[bytes] = set()
        self.is_loud = threading.Event()
        """So much was said that those who do not read are stuck."""

    def run(self) -> None:
        """Keep the end of what each hears, and all that the last one does."""
        whole = bytearray()
        last = next(reversed(self.heard))
        with selectors.DefaultSelector() as selector:
            for sock in self.heard:
                selector.register(sock, selectors.EVENT_READ)
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
    """A process of its own, or it would keep the one who listens from listening."""
    command = [sys.executable, str(Path(__file__).with_name("talker.py")), str(server.port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def _ask(server: Server, path: str, times: int = 1) -> socket.socket:
    """Ask something, and stay."""
    sock = socket.create_connection(("127.0.0.1", server.admin_port), PATIENCE_S)
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * times)
    return sock


def _unkept(server: Server, listening: Listening) -> int:
    with closing(sqlite3.connect(server.data / "journal.db")) as db:
        kept = {text.encode() for (text,) in db.execute("SELECT text FROM entry")}
    return len(listening.seen - kept)
