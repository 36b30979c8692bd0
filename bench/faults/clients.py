"""Clients of lines: single ones, and thousands that one thread reads by epoll."""

import select
import socket
import struct
import time
from collections.abc import Collection, Iterable

SOCKET_TIMEOUT_S = 30.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: thousands of ports must not stay in TIME_WAIT


def connect(port: int, *, host: str = "127.0.0.1", receive_buffer_bytes: int = 0) -> socket.socket:
    """Connect as `nc` would; `receive_buffer_bytes` limits what the kernel buffers for a client that does not read."""
    sock = socket.socket()
    sock.settimeout(SOCKET_TIMEOUT_S)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_buffer_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    sock.connect((host, port))
    return sock


class LineClient:
    """A client that sends and reads lines."""

    def __init__(self, port: int) -> None:
        self.sock = connect(port)
        self._rest = b""

    def say(self, *lines: str) -> None:
        """Send lines."""
        self.sock.sendall("".join(f"{line}\n" for line in lines).encode())

    def line(self) -> str:
        """Return the next line. Raises OSError if none comes."""
        while b"\n" not in self._rest:
            if not (data := self.sock.recv(65536)):
                raise ConnectionResetError("the server hung up")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def until(self, ending: str) -> str:
        """Return the next line with this ending."""
        while not (line := self.line()).endswith(ending):
            pass
        return line

    def whole_lines(self) -> list[str]:
        """Return the complete lines that come until the connection ends."""
        try:
            while data := self.sock.recv(65536):
                self._rest += data
        except ConnectionError:
            pass
        return [line.decode() for line in self._rest.split(b"\n")[:-1]]


class LatencyProbe:
    """Two clients in a room of their own, to measure the latency of a line."""

    def __init__(self, port: int) -> None:
        self._speaker, self._listener = LineClient(port), LineClient(port)
        for client in (self._listener, self._speaker):
            client.say("/join talkers")
            client.until("you are in #talkers ***")

    def p99_ms(self, lines: int) -> float:
        """Send lines one after the other. -> the 99th percentile of their latency"""
        took = []
        for number in range(lines):
            began = time.perf_counter()
            self._speaker.say(f"line {number} at {began}")
            self._listener.until(f"> line {number} at {began}")
            took.append(time.perf_counter() - began)
        return sorted(took)[int(lines * 0.99)] * 1000


class Readers:
    """Clients whose input is read and discarded."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._by_fd: dict[int, socket.socket] = {}
        self.received_bytes = 0
        self.ended = 0

    def __len__(self) -> int:
        return len(self._by_fd)

    def add(self, socks: Iterable[socket.socket]) -> None:
        """Read these sockets from now on."""
        for sock in socks:
            sock.setblocking(False)
            self._by_fd[sock.fileno()] = sock
            self._epoll.register(sock, select.EPOLLIN)

    def read_for(self, seconds: float) -> None:
        """Read for this time."""
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            for fd, _ in self._epoll.poll(left, 256):
                self._read(fd)

    def pop(self, count: int) -> Collection[socket.socket]:
        """Remove the oldest sockets, unread from now on."""
        gone = [self._by_fd.pop(fd) for fd in list(self._by_fd)[:count]]
        for sock in gone:
            self._epoll.unregister(sock)
        return gone

    def close(self) -> None:
        """Close all connections."""
        hang_up(self.pop(len(self)))
        self._epoll.close()

    def _read(self, fd: int) -> None:
        sock = self._by_fd[fd]
        try:
            data = sock.recv(262144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.received_bytes += len(data)
        if not data:
            self.ended += 1
            self._epoll.unregister(fd)
            self._by_fd.pop(fd).close()


def hang_up(socks: Iterable[socket.socket]) -> None:
    """Close connections by a reset."""
    for sock in socks:
        sock.close()
