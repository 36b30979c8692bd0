"""The signals that a node sends to the others: the state of its clients whenever that changes, and requests."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import msgspec
import trio

from trio_chat.chat.client import Client
from trio_chat.chat.remote_clients import facts_of
from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.failure_log import FailureLog
from trio_chat.journal.redis.fenced_calls import FencedCalls
from trio_chat.journal.redis.nick_claims import NickClaims
from trio_chat.journal.redis.signals import SIGNALS_MAX
from trio_chat.journal.redis.times import RedisTimes

FACTS_AT_ONCE = 200
"""Clients described in one script: 6 ms where each is in a hundred rooms."""

_encode = msgspec.json.Encoder().encode


class SignalSender:
    """Sends signals, as long as `run` runs. What is sent twice in a moment is sent once."""

    def __init__(
        self, calls: FencedCalls, nicks: NickClaims, times: RedisTimes, *, clock_began_at: Callable[[], float]
    ) -> None:
        """`clock_began_at` returns the wall time at which Trio's clock was 0. Lost nicks are claimed before signals."""
        self._calls, self._nicks, self._times, self._clock_began_at = calls, nicks, times, clock_began_at
        self.clients: dict[str, Client] = {}
        """The clients of this node of which the others know, or are to be told, by id."""
        self._changed: dict[str, None] = {}
        """The ids of clients whose state is to be sent, in order."""
        self._signals: dict[tuple[str, str, bytes], None] = {}
        """Other signals, in order."""
        self._begins_anew = True
        """True until the others were told to forget all that they know of clients here."""
        self._has_work = trio.Event()
        self._failures = FailureLog("other servers are told nothing of the clients here")

    def publish(self, client: Client) -> None:
        """Send the state of a client."""
        self.clients[client.id] = client
        self.send_state(client.id)

    def withdraw(self, client: Client) -> None:
        """Send that a client is gone."""
        self.clients.pop(client.id, None)
        self.send_state(client.id)

    def send_state(self, client_id: str) -> None:
        """Send the state of the client with an id, or that it is gone."""
        self._changed[client_id] = None
        self._has_work.set()

    def send_all_states(self) -> None:
        """Send the states of all clients again."""
        self._changed.update(dict.fromkeys(self.clients))
        self._has_work.set()

    def begin_anew(self, *, without: Iterable[str]) -> None:
        """Let the others forget all clients of this node, and send the states of those that are left."""
        for client_id in without:
            self.clients.pop(client_id, None)
            self._changed.pop(client_id, None)
        self._begins_anew = True
        self.send_all_states()

    def send(self, kind: str, id: str, payload: bytes) -> None:
        """Send any other signal."""
        self._signals[kind, id, payload] = None
        self._has_work.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._has_work.wait()
            self._has_work = trio.Event()
            if not await self._nicks.claim_lost():
                self._has_work.set()
            while self._signals or self._changed or self._begins_anew:
                await self._send_some()
            await trio.sleep(self._times.tell_s)  # what changes meanwhile is sent together

    async def _send_some(self) -> None:
        """Send some of what is to be sent. What may not have arrived is sent again."""
        changed = list(islice(self._changed, FACTS_AT_ONCE))
        words: list[str | bytes] = []
        if self._begins_anew:
            words += "r", "", b""
        words += [word for client_id in changed for word in ("c", client_id, self._facts(client_id))]
        # A client is known on its new node before the former one is forgotten
        signals = [] if len(changed) < len(self._changed) else list(islice(self._signals, SIGNALS_MAX))
        words += [word for signal in signals for word in signal]
        for client_id in changed:  # before they are sent: what happens meanwhile is to be sent anew
            del self._changed[client_id]
        for signal in signals:
            del self._signals[signal]
        begins_anew, self._begins_anew = self._begins_anew, False
        if not await self._is_sent(words):
            self._signals = dict.fromkeys(signals) | self._signals
            self._begins_anew |= begins_anew
            self._changed |= dict.fromkeys(changed)
            await trio.sleep(self._times.retry_s)

    async def _is_sent(self, words: Sequence[str | bytes]) -> bool:
        try:
            answer = await self._calls.call("signal", *words)
        except JournalError as error:
            self._failures.note_failure(error)
            return False
        self._failures.note_success()
        return bool(answer == b"ok")

    def _facts(self, client_id: str) -> bytes:
        if (client := self.clients.get(client_id)) is None:
            return b""
        return _encode(facts_of(client, clock_began_at=self._clock_began_at()))
