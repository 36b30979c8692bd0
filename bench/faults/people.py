"""Plain clients, a few or thousands, read in one thread by epoll."""

import select
import socket
import struct
import time
from collections.abc import Collection, Iterable

PATIENCE_S = 30.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: thousands of ports must not stay in TIME_WAIT


def connect(port: int, *, host: str = "127.0.0.1", hoard_bytes: int = 0) -> socket.socket:
    """Connect as `nc` would; `hoard_bytes` is what the kernel may keep for one who does not read."""
    sock = socket.socket()
    sock.settimeout(PATIENCE_S)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hoard_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, hoard_bytes)
    sock.connect((host, port))
    return sock


class Person:
    """One client that reads lines."""

    def __init__(self, port: int) -> None:
        self.sock = connect(port)
        self._rest = b""

    def say(self, *lines: str) -> None:
        """Send lines."""
        self.sock.sendall("".join(f"{line}\n" for line in lines).encode())

    def line(self) -> str:
        """The next line. Raises OSError where none comes."""
        while b"\n" not in self._rest:
            if not (data := self.sock.recv(65536)):
                raise ConnectionResetError("the server hung up")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def until(self, ending: str) -> str:
        """The next line that ends so."""
        while not (line := self.line()).endswith(ending):
            pass
        return line

    def whole_lines(self) -> list[str]:
        """What still comes until the connection ends, without half a line."""
        try:
            while data := self.sock.recv(65536):
                self._rest += data
        except ConnectionError:
            pass
        return [line.decode() for line in self._rest.split(b"\n")[:-1]]


class Couple:
    """Two in a room of their own, who tell how long a line takes."""

    def __init__(self, port: int) -> None:
        self._speaker, self._listener = Person(port), Person(port)
        for person in (self._listener, self._speaker):
            person.say("/join talkers")
            person.until("you are in #talkers ***")

    def p99_ms(self, lines: int) -> float:
        """Say so many lines, one after the other; -> the 99th percentile of their way."""
        took = []
        for number in range(lines):
            began = time.perf_counter()
            self._speaker.say(f"line {number} at {began}")
            self._listener.until(f"> line {number} at {began}")
            took.append(time.perf_counter() - began)
        return sorted(took)[int(lines * 0.99)] * 1000


class Crowd:
    """Clients whose words are read and thrown away."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._by_fd: dict[int, socket.socket] = {}
        self.heard_bytes = 0
        self.ended = 0

    def __len__(self) -> int:
        return len(self._by_fd)

    def add(self, socks: Iterable[socket.socket]) -> None:
        """Read these from now on."""
        for sock in socks:
            sock.setblocking(False)
            self._by_fd[sock.fileno()] = sock
            self._epoll.register(sock, select.EPOLLIN)

    def read_for(self, seconds: float) -> None:
        """Read whatever comes in that time."""
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            for fd, _ in self._epoll.poll(left, 256):
                self._read(fd)

    def pop(self, count: int) -> Collection[socket.socket]:
        """Take out those who came first."""
        gone = [self._by_fd.pop(fd) for fd in list(self._by_fd)[:count]]
        for sock in gone:
            self._epoll.unregister(sock)
        return gone

    def close(self) -> None:
        """Hang up."""
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
        self.heard_bytes += len(data)
        if not data:
            self.ended += 1
            self._epoll.unregister(fd)
            self._by_fd.pop(fd).close()


def hang_up(socks: Iterable[socket.socket]) -> None:
    """Close some connections, by a reset."""
    for sock in socks:
        sock.close()
