"""A swarm: thousands of connections to one server, in one thread, on raw epoll.

All lines of a measurement have one length on the wire, so counting costs one `recv_into` and one addition: the lines
are the bytes received, divided by that length. (`bytes.count` of newlines would take half of the core at ten million
lines a second.) Frames differ in length, so their newlines are counted, and also those of lines that are compared with
frames. Some connections are parsed: observers find the newest line of each sender, samplers the time in every line.

The text of a line is `~ssss.qqqqqqqq.tttttttttttttttt` and padding: sender, number and time (ns), in hexadecimal.
"""

import select
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

TEXT_BYTES = 64
BUFFER_BYTES = 256 * 1024
EVENTS_PER_TURN = 64
CPU = "cpu_s"
"""The counter with the CPU time of the server."""

QUIET_S = 1.2
"""The server summarises joins about once a second: after this time, none is outstanding."""

SETUP_TIMEOUT_S = 60.0
CONNECT_BATCH = 128
UNACCEPTED_MAX = 512
"""A full listen queue drops connections, and the kernel retries only a second later."""

CLOSING_MAX = 4
"""Earlier connections that the server may still be closing, which makes its count of ours too low."""

_READABLE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
_WRITABLE = select.EPOLLOUT
_MARKER = b"^"
_PONG = b'{"type":"pong"}\n'
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: ten thousand ports must not stay in TIME_WAIT

OnData = Callable[[bytes], None]

NO_COUNTERS: Mapping[str, Callable[[], float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Dialect:
    """A protocol: listeners send `hello` first, and senders put `say` before each line."""

    hello: bytes = b""
    say: bytes = b""
    text_bytes: int = TEXT_BYTES
    counts_newlines: bool = False
    echoes_to_senders: bool = True


LINES = Dialect()
FRAMES = Dialect(b'{"type":"hello","protocol":1}\n', counts_newlines=True)
LINES_LIKE_FRAMES = Dialect(text_bytes=TEXT_BYTES + 100, counts_newlines=True)
"""Lines as long as the frame of an entry with TEXT_BYTES of text."""
REDIS = Dialect(b"SUBSCRIBE room\r\n", b"PUBLISH room ", echoes_to_senders=False)


class SetupError(Exception):
    """The swarm could not be set up; the text says how far it got."""


class Connection:
    """A connection: the amount received since the last reset, the unsent bytes, and a callback for received data."""

    __slots__ = ("got", "on_data", "outbox", "receive", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.receive = sock.recv_into
        self.got = 0
        self.outbox = memoryview(b"")
        self.on_data: OnData | None = None

    def send(self, data: bytes) -> None:
        """Send what the kernel takes now, and the rest when it takes more."""
        self.outbox = memoryview(bytes(self.outbox) + data if self.outbox else data)
        self.flush()

    def flush(self) -> None:
        """Send unsent bytes."""
        try:
            self.outbox = self.outbox[self.sock.send(self.outbox) :]
        except BlockingIOError:
            pass
        except OSError:  # ended by the server; its lines count as missing
            self.outbox = memoryview(b"")


class Sender:
    """A connection that sends, and its number of lines so far."""

    __slots__ = ("connection", "mark", "padding", "said", "say_first")

    def __init__(self, connection: Connection, number: int, dialect: Dialect) -> None:
        self.connection = connection
        self.mark = b"~%04x." % number
        self.say_first = dialect.say
        self.padding = b"x" * (dialect.text_bytes - 31) + b"\n"
        self.said = 0

    def compose(self, count: int, at_ns: int = 0) -> bytes:
        """Make the next lines, with a time stamp."""
        head, tail = self.say_first + self.mark, b".%016x%b" % (at_ns, self.padding)
        return b"".join([b"%b%08x%b" % (head, n, tail) for n in range(self.said + 1, self.said + count + 1)])

    def say(self, count: int, at_ns: int = 0, *, composed: bytes = b"") -> None:
        """Send the next lines at once; `composed` are these lines, if made beforehand."""
        self.connection.send(composed or self.compose(count, at_ns))
        self.said += count


class Swarm:
    """Connections to one port. The first of `connections` are senders; all others only listen.

    `got` of a connection is in bytes, or in lines if newlines are counted; `line_size` is one line in that unit,
    and `line_bytes` what a listener receives of one in bytes.
    """

    def __init__(
        self,
        port: int,
        *,
        senders: int = 4,
        dialect: Dialect = LINES,
        accepted: Callable[[], int] | None = None,
        counters: Mapping[str, Callable[[], float]] = NO_COUNTERS,
    ) -> None:
        """`accepted` returns the number of connections that the server has accepted, plus any constant, if known.

        Each of `counters` returns how much was used of something so far: CPU is the CPU time of the server.
        """
        self._counters = counters
        self._port = port
        self._sender_count = senders
        self._speech = dialect
        self._accepted = accepted
        self._unrelated = 0
        self._epoll = select.epoll()
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._by_fd: dict[int, Connection] = {}
        self._stuck: set[Connection] = set()
        self.connections: list[Connection] = []
        self.senders: list[Sender] = []
        self.line_size = 0
        self.line_bytes = 0

    # Connecting

    def connect(self, count: int) -> float:
        """Open `count` more connections. -> the seconds until the server had accepted all of them"""
        start = time.perf_counter()
        self._unrelated = self._accepted() - len(self.connections) if self._accepted else 0
        for opened in range(1, count + 1):
            self._open()
            if opened % CONNECT_BATCH == 0:
                self._await_accepted(len(self.connections) - UNACCEPTED_MAX)
        self._await_accepted(len(self.connections) - CLOSING_MAX)
        seconds = time.perf_counter() - start
        speakers = self.connections[: self._sender_count]
        self.senders = [Sender(one, number, self._speech) for number, one in enumerate(speakers)]
        for sender in self.senders:
            self._epoll.modify(sender.connection.sock, _READABLE | _WRITABLE)
        return seconds

    def close(self) -> None:
        """Close all connections."""
        for connection in self._by_fd.values():
            connection.sock.close()
        self._epoll.close()

    def read_counters(self) -> Mapping[str, float]:
        """Read all counters."""
        return {name: read() for name, read in self._counters.items()}

    def open_aside(self, data: bytes, on_data: OnData, *, port: int | None = None) -> Connection:
        """Open a connection that is not measured: send `data`, and call `on_data` with what is received.

        `port` is that of another server.
        """
        aside = self._connect(port)
        aside.on_data = on_data
        aside.send(data)
        return aside

    def _open(self) -> None:
        connection = self._connect()
        if self._speech.hello and len(self.connections) >= self._sender_count:
            connection.send(self._speech.hello)
        self.connections.append(connection)

    def _connect(self, port: int | None = None) -> Connection:
        sock = socket.create_connection(("127.0.0.1", port or self._port))
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        connection = self._by_fd[sock.fileno()] = Connection(sock)
        self._epoll.register(sock, _READABLE)
        return connection

    def _await_accepted(self, target: int) -> None:
        deadline = time.perf_counter() + SETUP_TIMEOUT_S
        while self._accepted and (accepted := self._accepted() - self._unrelated) < target:
            if time.perf_counter() > deadline:
                raise SetupError(f"{accepted} of {len(self.connections)} connections accepted")
            self.turn(0.001)

    # Listening

    @property
    def listeners(self) -> Sequence[Connection]:
        """Connections that do not send and are not stuck."""
        return [c for c in self.connections[self._sender_count :] if c not in self._stuck]

    @property
    def readers(self) -> Sequence[Connection]:
        """Connections that receive lines and are not stuck: senders too, unless the protocol sends them nothing."""
        first = 0 if self._speech.echoes_to_senders else self._sender_count
        return [c for c in self.connections[first:] if c not in self._stuck]

    def turn(self, timeout_s: float, events_max: int = EVENTS_PER_TURN) -> int:
        """Wait for events and read. -> the bytes received. This is the hot path."""
        total = 0
        by_fd, buffer, counts_newlines = self._by_fd, self._buffer, self._speech.counts_newlines
        for fd, events in self._epoll.poll(timeout_s, events_max):
            connection = by_fd[fd]
            if events & _WRITABLE and connection.outbox:
                connection.flush()
            size = BUFFER_BYTES
            while size == BUFFER_BYTES:  # a short read has emptied the socket's buffer
                try:
                    size = connection.receive(buffer)
                except BlockingIOError:
                    break
                except OSError:
                    size = 0
                if not size:
                    self._epoll.unregister(fd)
                    break
                total += size
                connection.got += buffer.count(b"\n", 0, size) if counts_newlines else size
                if connection.on_data:
                    connection.on_data(bytes(self._view[:size]))
        return total

    def reset(self) -> None:
        """Set all counts to zero and remove all callbacks.

        Clients of frames send a `pong`: a server pings clients that were silent for 15 s, and a `ping` would be counted
        as a line.
        """
        for connection in self.connections:
            connection.got = 0
            connection.on_data = None
        if self._speech is FRAMES:
            for connection in self.connections[self._sender_count :]:
                connection.send(_PONG)

    def stop_reading(self, count: int) -> None:
        """Let `count` listeners, evenly spread, never read again."""
        listeners = self.listeners
        for connection in listeners[:: len(listeners) // count][:count]:
            self._stuck.add(connection)
            self._epoll.unregister(connection.sock)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    # Setup: see `settle`

    def wait_until_joined(self) -> None:
        """Wait until all connections have received a marker, which only members of the room do."""
        missing = set(self.readers)
        for connection in self.readers:
            connection.on_data = _expecting(_MARKER, missing, connection)
        deadline = time.perf_counter() + SETUP_TIMEOUT_S
        for speaker in self._speakers():
            if not missing:
                return
            if time.perf_counter() > deadline:
                raise SetupError(f"{len(missing)} of {len(self.connections)} connections received nothing")
            speaker.send(self._speech.say + _MARKER + b"\n")
            retry_at = time.perf_counter() + 0.1 + len(self.connections) * 1e-4
            while missing and time.perf_counter() < retry_at:
                self.turn(0.01)

    def _speakers(self) -> Iterator[Connection]:
        """Alternate between two senders, since a client of lines does not receive its own."""
        while True:
            yield self.connections[0]
            yield self.connections[self._sender_count - 1 if self._speech.hello else -1]

    def measure_lines(self) -> None:
        """Measure the length of each sender's lines (labels differ), and pad them to one length."""
        sizes = [self._size_of_line(sender) for sender in self.senders]
        self.line_size = max(sizes)
        for sender, size in zip(self.senders, sizes, strict=True):
            sender.padding = b"x" * (self.line_size - size) + sender.padding

    def _size_of_line(self, sender: Sender) -> int:
        self.reset()
        witness = self.connections[-1]
        received: list[int] = []
        witness.on_data = lambda data: received.append(len(data))
        receivers = [reader for reader in self.readers if reader is not sender.connection]
        sender.say(1)
        deadline = time.perf_counter() + SETUP_TIMEOUT_S
        while not witness.got or sum(c.got for c in receivers) < witness.got * len(receivers):
            if time.perf_counter() > deadline:
                raise SetupError("a line did not reach everyone")
            self.turn(0.05)
        self.line_bytes = sum(received)
        return witness.got


def settle(swarms: Collection[Swarm]) -> None:
    """Wait until in each swarm all are in the room, nothing is in flight and all lines have one length."""
    for swarm in swarms:
        swarm.wait_until_joined()
    quiet_until = time.perf_counter() + QUIET_S
    while (now := time.perf_counter()) < quiet_until:
        if sum([swarm.turn(0.01) for swarm in swarms]):
            quiet_until = now + QUIET_S
    for swarm in swarms:
        swarm.measure_lines()
        swarm.reset()


def _expecting(marker: bytes, missing: set[Connection], connection: Connection) -> OnData:
    def on_data(data: bytes) -> None:
        if marker in data:
            missing.discard(connection)

    return on_data
