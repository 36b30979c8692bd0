"""Connections that follow the log in Redis as nodes do, with no server behind them: the load of a hundred nodes."""

from bench.swarm import Connection, Swarm

LOG = b"{trio-chat}:log"
ROWS_MAX = 1000
BLOCK_MS = 5000

_NOTHING = b"*-1\r\n"
"""The answer where nothing was said for a while."""

_FIELD = b"$1\r\ne\r\n"
_BEHIND_ID = b"-0\r\n*2\r\n"
_HEAD = b"*1\r\n*2\r\n$%d\r\n%b\r\n*" % (len(LOG), LOG)


class LogFollower:
    """Reads the log from its end on, and asks for more after each answer."""

    def __init__(self, swarm: Swarm, redis_port: int) -> None:
        self.rows = self.answers = 0
        self._answer = b""
        self._connection: Connection = swarm.open_aside(b"", self._hear, port=redis_port)
        self._ask(b"$")

    def _ask(self, after: bytes) -> None:
        words = b"XREAD", b"COUNT", b"%d" % ROWS_MAX, b"BLOCK", b"%d" % BLOCK_MS, b"STREAMS", LOG, after
        self._connection.send(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words))

    def _hear(self, data: bytes) -> None:
        self._answer += data
        if self._answer == _NOTHING:
            self._answer = b""
            self._ask(b"$")
        elif (rows := _rows_in(self._answer)) is not None:
            end = self._answer.rindex(_BEHIND_ID)
            after = self._answer[self._answer.rindex(b"\n", 0, end) + 1 : end]
            self._answer = b""
            self.rows += rows
            self.answers += 1
            self._ask(after + b"-0")


def _rows_in(answer: bytes) -> int | None:
    """Return the number of rows in an answer; None while it is not whole."""
    count, _, rows = answer.removeprefix(_HEAD).partition(b"\r\n")
    if len(answer) < len(_HEAD) or rows.count(_FIELD) < int(count):
        return None
    size, newline, value = rows[rows.rindex(_FIELD) + len(_FIELD) + 1 :].partition(b"\r\n")
    return int(count) if newline and len(value) == int(size) + 2 else None
