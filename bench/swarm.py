"""A swarm: thousands of plain connections to one server, in one thread, on raw epoll.

Every line said during a measurement is equally long on the wire, so a connection that is only counted costs one
`recv_into` and one addition: bytes received, divided by the length of a line, are lines. (`bytes.count` of newlines
would take half of the core at ten million lines a second.) Where those who listen speak frames, which are not equally
long, newlines are counted nonetheless, and so they are where lines are to be measured beside those. Some connections
are read more closely: observers find the newest line of each sender, samples read the time that every line carries,
which frames carry as it is.

A line's text is `~ssss.qqqqqqqq.tttttttttttttttt` and padding: sender, number and time (ns), in hexadecimal.
"""

import select
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

TEXT_BYTES = 64
BUFFER_BYTES = 256 * 1024
EVENTS_PER_TURN = 64
QUIET_S = 1.2
"""The server sums up who joined about once a second: after this long nothing of it is left to come."""

SETUP_TIMEOUT_S = 60.0
CONNECT_BATCH = 128
UNACCEPTED_MAX = 512
"""A full listen queue drops connections, and the kernel tries again only a second later."""

STRAYS_MAX = 4
"""Connections that were tried just before and are still being closed: they may be missed in the count of ours."""

_READABLE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
_WRITABLE = select.EPOLLOUT
_MARKER = b"^"
_PONG = b'{"type":"pong"}\n'
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: ten thousand ports must not stay in TIME_WAIT

Hear = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Speech:
    """How a server is spoken to: listeners send `hello`, and `say` comes before what senders say."""

    hello: bytes = b""
    say: bytes = b""
    text_bytes: int = TEXT_BYTES
    counts_newlines: bool = False
    senders_hear: bool = True


LINES = Speech()
FRAMES = Speech(b'{"type":"hello","protocol":1}\n', counts_newlines=True)
LINES_LIKE_FRAMES = Speech(text_bytes=TEXT_BYTES + 100, counts_newlines=True)
"""Lines with as many bytes as the frame of the same entry has when its text has TEXT_BYTES."""
REDIS = Speech(b"SUBSCRIBE room\r\n", b"PUBLISH room ", senders_hear=False)


class SetupError(Exception):
    """The swarm could not be brought up; the text says how far it came."""


class Connection:
    """One connection: what was received since the last reset, what is not sent yet, and who reads along."""

    __slots__ = ("got", "hear", "outbox", "receive", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.receive = sock.recv_into
        self.got = 0
        self.outbox = memoryview(b"")
        self.hear: Hear | None = None

    def send(self, data: bytes) -> None:
        """Send what the kernel takes now; the rest goes out as soon as it takes more."""
        self.outbox = memoryview(bytes(self.outbox) + data if self.outbox else data)
        self.flush()

    def flush(self) -> None:
        """Offer the kernel what is not sent yet."""
        try:
            self.outbox = self.outbox[self.sock.send(self.outbox) :]
        except BlockingIOError:
            pass
        except OSError:  # the server has ended it: what is missing will tell
            self.outbox = memoryview(b"")


class Sender:
    """A connection that speaks, and how many lines it has said in all."""

    __slots__ = ("connection", "mark", "padding", "said", "say_first")

    def __init__(self, connection: Connection, number: int, speech: Speech) -> None:
        self.connection = connection
        self.mark = b"~%04x." % number
        self.say_first = speech.say
        self.padding = b"x" * (speech.text_bytes - 31) + b"\n"
        self.said = 0

    def compose(self, count: int, at_ns: int = 0) -> bytes:
        """Make the next lines, stamped with a time."""
        head, tail = self.say_first + self.mark, b".%016x%b" % (at_ns, self.padding)
        return b"".join([b"%b%08x%b" % (head, n, tail) for n in range(self.said + 1, self.said + count + 1)])

    def say(self, count: int, at_ns: int = 0, *, composed: bytes = b"") -> None:
        """Say the next lines at once; a great many had better be composed beforehand."""
        self.connection.send(composed or self.compose(count, at_ns))
        self.said += count


class Swarm:
    """Connections to one port. The senders are the first of `connections`; all others only listen.

    What a connection has `got` is in bytes, or in lines where newlines are counted; `line_size` is one line.
    """

    def __init__(
        self, port: int, *, senders: int = 4, speech: Speech = LINES, accepted: Callable[[], int] | None = None
    ) -> None:
        """`accepted` counts the connections that the server has taken, if that can be known, plus any constant."""
        self._port = port
        self._sender_count = senders
        self._speech = speech
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

    # Coming and going

    def connect(self, count: int) -> float:
        """Open that many connections more; return the seconds until the server had accepted all of them."""
        start = time.perf_counter()
        self._unrelated = self._accepted() - len(self.connections) if self._accepted else 0
        for opened in range(1, count + 1):
            self._open()
            if opened % CONNECT_BATCH == 0:
                self._await_accepted(len(self.connections) - UNACCEPTED_MAX)
        self._await_accepted(len(self.connections) - STRAYS_MAX)
        seconds = time.perf_counter() - start
        speakers = self.connections[: self._sender_count]
        self.senders = [Sender(one, number, self._speech) for number, one in enumerate(speakers)]
        for sender in self.senders:
            self._epoll.modify(sender.connection.sock, _READABLE | _WRITABLE)
        return seconds

    def close(self) -> None:
        """End all connections at once."""
        for connection in self._by_fd.values():
            connection.sock.close()
        self._epoll.close()

    def open_aside(self, data: bytes, hear: Hear) -> Connection:
        """Open a connection that is none of those measured: send this, and have `hear` told what comes."""
        aside = self._connect()
        aside.hear = hear
        aside.send(data)
        return aside

    def _open(self) -> None:
        connection = self._connect()
        if self._speech.hello and len(self.connections) >= self._sender_count:
            connection.send(self._speech.hello)
        self.connections.append(connection)

    def _connect(self) -> Connection:
        sock = socket.create_connection(("127.0.0.1", self._port))
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
        """Those who say nothing and are not stuck."""
        return [c for c in self.connections[self._sender_count :] if c not in self._stuck]

    @property
    def readers(self) -> Sequence[Connection]:
        """Everyone who hears and is not stuck, senders mostly included."""
        first = 0 if self._speech.senders_hear else self._sender_count
        return [c for c in self.connections[first:] if c not in self._stuck]

    def turn(self, timeout_s: float, events_max: int = EVENTS_PER_TURN) -> int:
        """Wait for something to happen and read it; return the bytes received. This is the hot path."""
        total = 0
        by_fd, buffer, counts_newlines = self._by_fd, self._buffer, self._speech.counts_newlines
        for fd, events in self._epoll.poll(timeout_s, events_max):
            connection = by_fd[fd]
            if events & _WRITABLE and connection.outbox:
                connection.flush()
            size = BUFFER_BYTES
            while size == BUFFER_BYTES:  # a short read has emptied the socket
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
                if connection.hear:
                    connection.hear(bytes(self._view[:size]))
        return total

    def reset(self) -> None:
        """Count from zero again, with nobody reading along.

        Whoever speaks frames says that it is here: a server asks those who were silent for 15 s, and its `ping` would
        be counted as a line.
        """
        for connection in self.connections:
            connection.got = 0
            connection.hear = None
        if self._speech is FRAMES:
            for connection in self.connections[self._sender_count :]:
                connection.send(_PONG)

    def get_stuck(self, count: int) -> None:
        """Let that many listeners, spread evenly, never read again."""
        listeners = self.listeners
        for connection in listeners[:: len(listeners) // count][:count]:
            self._stuck.add(connection)
            self._epoll.unregister(connection.sock)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    # Getting ready: see `settle`

    def meet(self) -> None:
        """Wait until everyone has got a marker: only who has joined does, and the server may take its time for that."""
        missing = set(self.readers)
        for connection in self.readers:
            connection.hear = _expecting(_MARKER, missing, connection)
        deadline = time.perf_counter() + SETUP_TIMEOUT_S
        for speaker in self._speakers():
            if not missing:
                return
            if time.perf_counter() > deadline:
                raise SetupError(f"{len(missing)} of {len(self.connections)} connections heard nothing")
            speaker.send(self._speech.say + _MARKER + b"\n")
            patience = time.perf_counter() + 0.1 + len(self.connections) * 1e-4
            while missing and time.perf_counter() < patience:
                self.turn(0.01)

    def _speakers(self) -> Iterator[Connection]:
        """Two take turns, since one that speaks lines does not hear itself. Listeners who said hello speak no lines."""
        while True:
            yield self.connections[0]
            yield self.connections[self._sender_count - 1 if self._speech.hello else -1]

    def measure_lines(self) -> None:
        """Learn how long each sender's lines are for others (labels differ), and pad them to one length."""
        sizes = [self._size_of_line(sender) for sender in self.senders]
        self.line_size = max(sizes)
        for sender, size in zip(self.senders, sizes, strict=True):
            sender.padding = b"x" * (self.line_size - size) + sender.padding

    def _size_of_line(self, sender: Sender) -> int:
        self.reset()
        witness = self.connections[-1]
        hearers = [reader for reader in self.readers if reader is not sender.connection]
        sender.say(1)
        deadline = time.perf_counter() + SETUP_TIMEOUT_S
        while not witness.got or sum(c.got for c in hearers) < witness.got * len(hearers):
            if time.perf_counter() > deadline:
                raise SetupError("a line did not reach everyone")
            self.turn(0.05)
        return witness.got


def settle(swarms: Collection[Swarm]) -> None:
    """Return when in each swarm everyone hears everyone, nothing more is under way, and all lines are equally long."""
    for swarm in swarms:
        swarm.meet()
    quiet_until = time.perf_counter() + QUIET_S
    while (now := time.perf_counter()) < quiet_until:
        if sum([swarm.turn(0.01) for swarm in swarms]):
            quiet_until = now + QUIET_S
    for swarm in swarms:
        swarm.measure_lines()
        swarm.reset()


def _expecting(marker: bytes, missing: set[Connection], connection: Connection) -> Hear:
    def hear(data: bytes) -> None:
        if marker in data:
            missing.discard(connection)

    return hear
