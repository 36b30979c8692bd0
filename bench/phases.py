"""Phases: measurements on the connections of a settled swarm.

Rates are measured from the end of the warm-up to the end of sending. Then the lines in flight are awaited, and lines
received are compared with lines sent: `missing_lines` has to be 0.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, nan

from bench.swarm import CPU, Connection, OnData, Sender, Swarm

SAMPLED = 10
"""One in this many listeners is sampled if there are enough: parsing costs CPU time of the generator."""

EVENTS_WHILE_DUE = 16
"""Events read at most before the next line that is due is sent."""

DRAIN_S = 10.0
SILENCE_S = 1.5


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a phase. `latencies_ms` is sorted; `used` is what each counter of the swarm rose by."""

    seconds: float
    lines: int
    deliveries: float
    missing_lines: int
    latencies_ms: Sequence[float] = field(default=(), repr=False)
    used: Mapping[str, float] = field(default_factory=dict)

    @property
    def lines_per_s(self) -> float:
        """Lines sent in a second."""
        return self.lines / self.seconds

    @property
    def deliveries_per_s(self) -> float:
        """Lines received by all readers in a second."""
        return self.deliveries / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU time of the server per delivery; NaN if it is not known."""
        return self.used.get(CPU, nan) * 1e6 / self.deliveries if self.deliveries else nan

    def per_line(self, counter: str) -> float:
        """Return what a counter rose by for each line sent; NaN if there is none."""
        return self.used.get(counter, nan) / self.lines if self.lines else nan

    def percentile_ms(self, share: float) -> float:
        """Return a percentile of the sampled latencies, for a share such as 0.99; NaN without samples."""
        if not self.latencies_ms:
            return float("nan")
        return self.latencies_ms[min(int(share * len(self.latencies_ms)), len(self.latencies_ms) - 1)]


@dataclass(frozen=True, slots=True)
class Span:
    """The duration of a phase, after its warm-up.

    With `polls` the generator never sleeps: so no send of the server has to wake it, which costs the server.
    """

    seconds: float
    warm_s: float = 0.3
    polls: bool = False


class Observer:
    """Tracks, on one connection, the number of the newest complete line of each sender."""

    def __init__(self, swarm: Swarm, connection: Connection) -> None:
        self.seen = [sender.said for sender in swarm.senders]
        self._marks = [sender.mark for sender in swarm.senders]
        self._tail = b""
        connection.on_data = self._hear

    def _hear(self, data: bytes) -> None:
        data = self._tail + data
        end = data.rfind(b"\n") + 1
        for number, mark in enumerate(self._marks):
            if (at := data.rfind(mark, 0, end)) >= 0:
                self.seen[number] = int(data[at + 6 : at + 14], 16)
        self._tail = data[end:]


class Sampler:
    """Collects the latencies of lines of some senders on some connections."""

    def __init__(self, senders: Sequence[Sender], connections: Sequence[Connection]) -> None:
        self.since_ns = 0
        self._latencies_ns: list[int] = []
        self._marks = [sender.mark for sender in senders]
        for connection in connections[:: SAMPLED if len(connections) > 2 * SAMPLED else 1]:
            connection.on_data = self._reader()

    @property
    def latencies_ms(self) -> list[float]:
        """The latencies so far, sorted."""
        return [ns / 1e6 for ns in sorted(self._latencies_ns)]

    def _reader(self) -> OnData:
        tail = b""

        def on_data(data: bytes) -> None:
            nonlocal tail
            now_ns = time.perf_counter_ns()
            data = tail + data
            end = data.rfind(b"\n") + 1
            for mark in self._marks:
                for line in data[:end].split(mark)[1:]:
                    if (said_ns := int(line[9:25], 16)) >= self.since_ns:
                        self._latencies_ns.append(now_ns - said_ns)
            tail = data[end:]

        return on_data


class Meter:
    """Counts the lines sent and received in one phase."""

    def __init__(self, swarm: Swarm, span: Span) -> None:
        swarm.reset()
        self._swarm = swarm
        self._said_before = [sender.said for sender in swarm.senders]
        self.warm_at = time.perf_counter() + span.warm_s
        self.end_at = self.warm_at + span.seconds
        self._warm: tuple[float, int, int, Mapping[str, float]] | None = None

    @property
    def is_warm(self) -> bool:
        """True if the warm-up is over."""
        return self._warm is not None

    def is_running(self, now: float) -> bool:
        """Tell whether to go on sending; records when the warm-up is over."""
        if self._warm is None and now >= self.warm_at:
            self._warm = now, self._lines(), self._got(), self._swarm.read_counters()
        return now < self.end_at

    def finish(self, sampler: Sampler | None = None) -> Result:
        """Compute the rates, then wait for the lines in flight."""
        start, lines, got, before = self._warm or (self.warm_at, 0, 0, {})
        seconds = time.perf_counter() - start
        used = {name: now - before.get(name, nan) for name, now in self._swarm.read_counters().items()}
        sent, deliveries = self._lines() - lines, (self._got() - got) / self._swarm.line_size
        missing = self._drain()
        latencies_ms = sampler.latencies_ms if sampler else ()
        return Result(seconds, sent, deliveries, missing, latencies_ms, used)

    def _lines(self) -> int:
        return sum(sender.said for sender in self._swarm.senders) - sum(self._said_before)

    def _got(self) -> int:
        return sum(reader.got for reader in self._swarm.readers)

    def _drain(self) -> int:
        """Read until all lines have come or no more come. -> the number of lines missing or too many"""
        start = last = time.perf_counter()
        while (missing := self._missing()) and (now := time.perf_counter()) < min(start + DRAIN_S, last + SILENCE_S):
            if self._swarm.turn(0.01):
                last = now
        return missing

    def _missing(self) -> int:
        line_size, everything = self._swarm.line_size, self._lines()
        own = {
            sender.connection: sender.said - before
            for sender, before in zip(self._swarm.senders, self._said_before, strict=True)
        }
        return sum(
            ceil(abs((everything - own.get(reader, 0)) * line_size - reader.got) / line_size)
            for reader in self._swarm.readers
        )


def closed_loop(swarm: Swarm, span: Span, window: int = 16) -> Result:
    """Send as fast as the server delivers: each sender has at most `window` lines that an observer has not seen."""
    meter = Meter(swarm, span)
    listeners = swarm.listeners
    observers = [Observer(swarm, listeners[place]) for place in {0, len(listeners) // 2, len(listeners) - 1}]
    while meter.is_running(time.perf_counter()):
        ready: list[tuple[Sender, int, bytes]] = []
        for number, sender in enumerate(swarm.senders):
            count = min([observer.seen[number] for observer in observers]) + window - sender.said
            if count > 0 and not sender.connection.outbox:
                ready.append((sender, count, sender.compose(count)))
        for sender, count, lines in ready:  # in quick succession, so that a fast server reads them together
            sender.say(count, composed=lines)
        swarm.turn(0 if span.polls else 0.002)
    return meter.finish()


def open_loop(
    swarm: Swarm, span: Span, *, rate: float, senders: int = 4, meanwhile: Callable[[], None] = lambda: None
) -> Result:
    """Send `rate` lines a second, however fast the server is.

    A line carries the time when it was due, so that the latency includes any backlog. `meanwhile` is called after the
    warm-up.
    """
    meter = Meter(swarm, span)
    speaking = swarm.senders[:senders]
    sampler = Sampler(speaking, swarm.listeners)
    sampler.since_ns = int(meter.warm_at * 1e9)
    start, count, is_told = time.perf_counter(), 0, False
    while meter.is_running(now := time.perf_counter()):
        if meter.is_warm and not is_told:
            is_told = True
            meanwhile()
        while (due := start + count / rate) <= now:
            speaking[count % len(speaking)].say(1, int(due * 1e9))
            count += 1
        has_time = due - now >= 0.002  # epoll's waits are whole milliseconds
        swarm.turn(0.001 if has_time and not span.polls else 0, EVENTS_WHILE_DUE)
    return meter.finish(sampler)
