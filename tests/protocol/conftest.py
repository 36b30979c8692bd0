"""A real server, started as a user would, and clients that know nothing but bytes."""

import os
import re
import select
import signal
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO

import pytest
import trustme

from tests.conftest import PATIENCE_S
from tests.fork_server import Process, start_watched
from tests.redis_server import RedisServer


class Server:
    """A running `trio-chat serve`."""

    def __init__(self, process: Process, data: Path, holds: Path | None = None) -> None:
        """`holds` is the report of its loop, if that is watched, see `tests.loop_watch`."""
        self.process = process
        self._holds = holds
        self._excuses: list[str] = []
        self.data = data
        self._peers: list[Peer] = []
        self._output = Lines(process.stdout)
        self.port = int(self._output.until(r"^Chat Server started on port: (\d+)$").group(1))
        self.admin_port = int(self._output.until(r"^Admin API started on: https?://127\.[0-9.]+:(\d+)$").group(1))

    def console(self, pattern: str) -> re.Match[str]:
        """Wait for a line on the console."""
        return self._output.until(pattern)

    @property
    def seen(self) -> list[str]:
        """The lines of the console that were read so far."""
        return self._output.seen

    def type(self, line: str) -> None:
        """Type a line on the console."""
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def connect(self, first: bytes = b"", *, host: str = "127.0.0.1", source: tuple[str, int] | None = None) -> "Peer":
        """Connect as `nc` would. The first bytes, which tell who it is, are there when the server looks at them."""
        with self.stopped() if first else nullcontext():
            peer = Peer(socket.create_connection((host, self.port), PATIENCE_S, source_address=source))
            self._peers.append(peer)
            peer.send(first)
        return peer

    def connect_by_tls(self) -> "Peer":
        """Connect by TLS, whoever the server is."""
        with self.stopped():
            peer = self.connect()
            encrypted = peer.begin_tls()
        encrypted.do_handshake()
        return peer

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let the server do nothing until the end of the block, as Ctrl-Z would."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def join(self, host: str = "127.0.0.1") -> "Peer":
        """Connect and wait until that is a client."""
        peer = self.connect(host=host)
        self.console(rf"^Client \[.*, {peer.port}\] connected$")
        return peer

    def join_all(self, count: int) -> list["Peer"]:
        """Let as many join at once. Each says an empty line, so that nobody is waited for."""
        peers = [self.connect() for _ in range(count)]
        for peer in peers:
            peer.send(b"\n")
        for _ in peers:
            self.console(r"^Client \[.*\] connected$")
        return peers

    def http(self, request: str) -> bytes:
        """Make one HTTP request; -> the whole answer."""
        with socket.create_connection(("127.0.0.1", self.admin_port), PATIENCE_S) as sock:
            sock.sendall(f"{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return b"".join(iter(lambda: sock.recv(65536), b""))

    def rss_kib(self) -> int:
        """Memory that is resident for the server."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

    def excuse(self, task: str, *, reason: str) -> None:
        """Let a task hold the loop, whose name contains this, for a reason that is no fault of the server's."""
        assert reason
        self._excuses.append(task)

    def holds(self) -> list[str]:
        """The steps that held the loop for too long, without an excuse."""
        found = self._holds.read_text().splitlines() if self._holds and self._holds.exists() else []
        return [line for line in found if not any(task in line for task in self._excuses)]

    def disconnect_all(self) -> None:
        """Close all connections to the server, which goes on."""
        for peer in self._peers:
            peer.close()
        self._peers.clear()

    def close(self) -> None:
        """End the server, if it still runs, and all connections to it."""
        self.process.kill()
        self.process.communicate()
        self.disconnect_all()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; -> the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


class Lines:
    """The lines of a pipe, awaited one after the other."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        assert pipe
        self._pipe = pipe
        self._poll = select.poll()  # `select` knows 1,024 files only
        self._poll.register(pipe, select.POLLIN)
        self.seen: list[str] = []

    def has_more(self, timeout_s: float) -> bool:
        """Wait for a line that was not read yet, but not for long."""
        return bool(self._poll.poll(timeout_s * 1000))

    def until(self, pattern: str) -> re.Match[str]:
        """Read until a line matches."""
        deadline = time.monotonic() + PATIENCE_S
        while self.has_more(max(0.0, deadline - time.monotonic())):
            line = self._pipe.readline().decode()
            assert line, f"the output ended; wanted {pattern}, saw {self.seen[-10:]}"
            self.seen.append(line.rstrip("\n"))
            if match := re.search(pattern, self.seen[-1]):
                return match
        raise AssertionError(f"no line like {pattern}; saw {self.seen[-10:]}")


class Peer:
    """The other end of a chat connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.port = sock.getsockname()[1]
        self._rest = b""

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def line(self) -> str:
        """The next line."""
        while b"\n" not in self._rest:
            data = self.socket.recv(65536)
            assert data, f"the connection ended after {self._rest!r}"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def until(self, ending: str) -> list[str]:
        """Lines up to one that ends so."""
        lines = [self.line()]
        while not lines[-1].endswith(ending):
            lines.append(self.line())
        return lines

    def until_match(self, pattern: str) -> str:
        """Skip lines up to one in which a pattern is found. -> that one"""
        return self.all_until_match(pattern)[-1]

    def all_until_match(self, pattern: str) -> list[str]:
        """Lines up to one in which a pattern is found."""
        lines = [self.line()]
        while not re.search(pattern, lines[-1]):
            lines.append(self.line())
        return lines

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        data = self._rest
        self._rest = b""
        try:
            while more := self.socket.recv(65536):
                data += more
        except ConnectionResetError:
            pass
        return data

    def begin_tls(self) -> ssl.SSLSocket:
        """Send what begins a handshake, and do not wait for its answer."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket, do_handshake_on_connect=False, suppress_ragged_eofs=False)
        self.socket.setblocking(False)
        with suppress(ssl.SSLWantReadError):
            self.socket.do_handshake()
        self.socket.settimeout(PATIENCE_S)
        return self.socket

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


@contextmanager
def running_server(data: Path, *flags: str) -> Iterator[Server]:
    """Start a server and stop it at the end. Its loop is watched: nothing may hold it."""
    with tempfile.TemporaryDirectory() as folder:
        holds = Path(folder, "holds")
        server = start_server(data, *flags, holds=holds)
        try:
            yield server
        finally:
            server.close()
        assert server.holds() == []


def watched(holds: Path, *arguments: str) -> list[str]:
    """Arguments for Python: to run the command line with its loop watched, and the report in the file `holds`."""
    return ["-m", "tests.loop_watch", str(holds), *arguments]


def start_server(data: Path, *flags: str, holds: Path) -> Server:
    """Start a server, whose loop is watched."""
    flags = ("--port", "0", "--admin-port", "0", "--data", str(data), "--rate", "0", *flags)
    return Server(start_watched(str(holds), "serve", *flags), data, holds)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    file = tmp_path / "server.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(file)
    return file


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path) as running:
        yield running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers on the same data folder, one after the other."""
    with ExitStack() as stack:
        yield lambda *flags: stack.enter_context(running_server(tmp_path, *flags))


NODE_LEASE_S = 3
"""The time after which a node that is silent is taken for gone. By default it is longer."""


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def node(redis: RedisServer, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start nodes of one chat by their names, each on a data folder of its own, also again once they have ended."""
    with ExitStack() as stack:

        def start(name: str, *flags: str) -> Server:
            url = f"{redis.url}?node={name}&lease={NODE_LEASE_S}"
            return stack.enter_context(running_server(tmp_path / name, "--journal", url, *flags))

        yield start
