"""A client of frames that reconnects after many entries, to measure the time until it has received all."""

import json
import secrets
import time
from collections.abc import Mapping

from bench.swarm import Connection, SetupError, Swarm

REPLAY_TIMEOUT_S = 60.0
QUIET_S = 0.2


class ReplayClient:
    """A client that has seen no entry of the lobby, beside a swarm that is measured."""

    def __init__(self, epoch: str, missed: int, swarm: Swarm) -> None:
        """Connect and disconnect: the server keeps the session, so that nobody is told when it resumes."""
        self._hello = {"type": "hello", "protocol": 1, "session": secrets.token_hex(16)}
        self._since = {"epoch": epoch, "since": {"lobby": 0}}
        self._missed = missed
        self._swarm = swarm
        self._lines = 0
        self._began = self._ended = 0.0
        first = self._open(self._hello)
        until = time.perf_counter() + QUIET_S
        while not self._lines or time.perf_counter() < until:
            if swarm.turn(0.01):
                until = time.perf_counter() + QUIET_S
        first.sock.close()
        self._lines = 0

    def begin(self) -> None:
        """Reconnect."""
        self._began = time.perf_counter()
        self._open(self._hello | self._since)

    def finish(self) -> float:
        """Read until all entries have come. -> the seconds it took. Raises SetupError."""
        while not self._ended:
            if time.perf_counter() > self._began + REPLAY_TIMEOUT_S:
                raise SetupError(f"{self._lines} of {self._missed} entries came within {REPLAY_TIMEOUT_S:.0f} s")
            self._swarm.turn(0.01)
        return self._ended - self._began

    def _open(self, hello: Mapping[str, object]) -> Connection:
        return self._swarm.open_aside(json.dumps(hello).encode() + b"\n", self._count)

    def _count(self, data: bytes) -> None:
        self._lines += data.count(b"\n")
        if self._lines > self._missed and not self._ended:  # the first one is `welcome`
            self._ended = time.perf_counter()
