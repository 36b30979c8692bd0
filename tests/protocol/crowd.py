"""A crowd at a server that is told to stop: who reads, who talks, who is stuck, and who hangs on over HTTP."""

import selectors
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.protocol.conftest import Server

FAREWELL = b"*** the server is shutting down ***\n"


@dataclass(frozen=True)
class Stop:
    """What was seen of a stop."""

    status: int
    took_s: float
    told: int
    readers: int
    unkept: int
    """Lines that somebody saw and that are not in the journal."""

    @property
    def is_good(self) -> bool:
        """Whether it was as promised."""
        return self.status == 0 and self.took_s < 5 and self.told == self.readers and not self.unkept


def stop_under_load(server: "Server", *, clients: int, stuck: int, talkers: int) -> Stop:
    """Fill a server, let so many more talk all the time, and end it by SIGTERM in the middle of that."""
    crowd = [server.connect().socket for _ in range(clients)]
    for sock in crowd:  # else it grows to megabytes, and who reads is far behind
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    with closing(_ask(server, 50)), closing(_ask(server, 1)) as idle:
        idle.recv(65536)
        listening = Listening(crowd[stuck:])
        listening.start()
        talking = [_talker(server) for _ in range(talkers)]
        assert listening.is_loud.wait(20)

        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        status = server.process.wait(20)
        took_s = time.monotonic() - began
        listening.join()
    ends = [talker.communicate()[0] for talker in talking] + list(listening.heard.values())
    told = sum(end.endswith(FAREWELL) for end in ends)
    return Stop(status, took_s, told, len(ends), _unkept(server, listening))


class Listening(threading.Thread):
    """Reads from everyone who reads, until each connection has ended."""

    def __init__(self, readers: list[socket.socket]) -> None:
        super().__init__()
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


def _talker(server: "Server") -> subprocess.Popen[bytes]:
    """A process of its own, or it would keep the one who listens from listening."""
    command = [sys.executable, str(Path(__file__).with_name("talker.py")), str(server.port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def _ask(server: "Server", times: int) -> socket.socket:
    """Ask for more than is ever read, or ask once and stay."""
    sock = socket.create_connection(("127.0.0.1", server.admin_port), 20)
    sock.sendall(b"GET /clients HTTP/1.1\r\nHost: localhost\r\n\r\n" * times)
    return sock


def _unkept(server: "Server", listening: Listening) -> int:
    with closing(sqlite3.connect(server.data / "journal.db")) as db:
        kept = {text.encode() for (text,) in db.execute("SELECT text FROM entry")}
    return len(listening.seen - kept)
