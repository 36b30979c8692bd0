"""Signals: messages between the nodes of one chat, in a stream that all of them follow.

Each has a kind, an id and a payload:

| kind | id | payload |
|---|---|---|
| `c` | of a client of the sender | ClientFacts, or nothing where it is gone |
| `m` | an account | a member has come, and is shown the messages that waited for them |
| `r` | | the sender has begun: it has no clients yet |
| `d` | a node that is gone | |
| `t` | a node | the session that the sender has taken over from it |
| `e` | a node | `EndOrder`: it ends a client |
| `x` | a table of the journal that was changed | |
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import trio

from trio_chat.chat.events import Kind
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.session_record import CleanWord
from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.failure_log import FailureLog
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.times import RedisTimes

SIGNALS_MAX = 500
"""Signals in one answer, and in one script: 5 ms of Redis."""

WORD_BYTES_MAX = 1000
"""Bytes of the name of a node, and of an id: what is longer was written by hand, and means nothing."""

logger = logging.getLogger(__name__)


class Signal(NamedTuple):
    """A signal of a node."""

    node: str
    kind: str
    id: str
    payload: bytes
    number: int = 0


class EndOrder(msgspec.Struct, frozen=True, array_like=True):
    """The order to end a client: its id, the notice that its rooms are told by, the name of the reason, and a text."""

    client: CleanWord
    notice: CleanWord
    reason: CleanWord
    text: CleanWord

    @property
    def kind(self) -> Kind:
        """The kind of the notice; KICKED where only a newer version knows it."""
        return Kind(self.notice) if self.notice in set(Kind) else Kind.KICKED

    @property
    def close_reason(self) -> CloseReason:
        """The reason; KICKED where only a newer version knows it."""
        return CloseReason.__members__.get(self.reason, CloseReason.KICKED)


class SignalReader:
    """Reads the signals of all nodes, as long as `run` runs."""

    def __init__(
        self,
        link: RedisLink,
        times: RedisTimes,
        *,
        on_signals: Callable[[Sequence[Signal]], Awaitable[None]],
        on_gap: Callable[[], None],
    ) -> None:
        """`on_signals` gets signals, and returns when it can get more.

        `on_gap` is called where signals were missed, and at the beginning.
        """
        self._link, self._times = link, times
        self._on_signals, self._on_gap = on_signals, on_gap
        self._read_to: int | None = None
        self._failures = FailureLog("what other servers tell cannot be read")

    def begin_again(self) -> None:
        """Read from the newest signal on: Redis may have lost some, and their numbers."""
        self._read_to = None

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            try:
                if self._read_to is None:
                    newest = await self._link.newest("signals", below=None, count=1)
                    self._read_to = newest[0][0] if newest else 0
                    self._on_gap()
                await self._read(self._read_to)
            except JournalError as error:
                self._failures.note_failure(error)
                await trio.sleep(self._times.retry_s)
            else:
                self._failures.note_success()

    async def _read(self, after: int) -> None:
        rows = await self._link.follow("signals", after, count=SIGNALS_MAX, block_s=self._times.block_s)
        if not rows or self._read_to != after:
            return
        if rows[0][0] != after + 1:
            self._on_gap()
        self._read_to = rows[-1][0]
        await self._on_signals([_signal_in(*row) for row in rows])


def _signal_in(number: int, fields: Mapping[bytes, bytes]) -> Signal:
    node, kind, target = (
        fields.get(name, b"")[:WORD_BYTES_MAX].decode(errors="replace") for name in (b"n", b"k", b"i")
    )
    return Signal(node, kind, target, fields.get(b"d", b""), number)
