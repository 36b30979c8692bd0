"""The nodes of a chat in Redis, as one of them sees them: their clients, and what they ask of each other.

The state of each is in Redis, and its changes are signals. So whoever comes later reads the state and follows on.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from itertools import count

import msgspec
import trio

from trio_chat.chat.client import Client
from trio_chat.chat.events import Kind
from trio_chat.chat.nodes import NodeDelegate
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.remote_clients import ClientFacts, RemoteClient, RemoteClients, facts_of
from trio_chat.chat.session_record import SessionRecord
from trio_chat.journal.records import JournalError, UnavailableError
from trio_chat.journal.redis.failure_log import FailureLog
from trio_chat.journal.redis.fenced_calls import FencedCalls
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.nick_claims import NickClaims
from trio_chat.journal.redis.node_identity import Node
from trio_chat.journal.redis.node_watch import NodeWatch
from trio_chat.journal.redis.record_codec import RecordCodec
from trio_chat.journal.redis.replies import shown
from trio_chat.journal.redis.rows import decode_told, read_facts
from trio_chat.journal.redis.session_moves import SessionMoves
from trio_chat.journal.redis.signal_sender import SignalSender
from trio_chat.journal.redis.signals import WORD_BYTES_MAX, EndOrder, Signal, SignalReader
from trio_chat.journal.redis.times import RedisTimes

ROOMS_PER_TURN = 2000
"""Rooms of clients of others read or forgotten between two checkpoints, in 15 ms; each client counts as ten more."""

UNREAD_MAX = 1000
"""Signals that wait, beyond which no more are read: what Redis has dropped by then is read anew from the state."""

_encode = msgspec.json.Encoder().encode
_decode_order = msgspec.json.Decoder(EndOrder).decode

logger = logging.getLogger(__name__)


class FactsTurns:
    """Lets other tasks run now and then while clients of others are read or forgotten."""

    def __init__(self, clients: RemoteClients) -> None:
        self._clients = clients
        self._done = 0

    def note(self, client_id: str) -> None:
        """Count a client with its rooms, as it is now."""
        client = self._clients.by_id(client_id)
        self._done += 10 + (len(client.room_names) if client else 0)

    async def checkpoint_if_due(self) -> None:
        """Let other tasks run, if that is due."""
        if self._done >= ROOMS_PER_TURN:
            self._done = 0
            await trio.lowlevel.checkpoint()


class RedisNodes:
    """`Nodes` of a chat in Redis."""

    def __init__(
        self,
        links: tuple[RedisLink, RedisLink],
        node: Node,
        starts: int,
        times: RedisTimes,
        codec: RecordCodec,
        *,
        fence: Callable[[], int | None],
        on_pruned: Callable[[int], None],
        on_moved: Callable[[Sequence[SessionRecord], Sequence[str]], None],
        on_abandoned: Callable[[], None],
        settled: Callable[[], Awaitable[None]],
        catch_up: Callable[[int], Awaitable[None]],
        wall_clock: Callable[[], float],
    ) -> None:
        """`links` are one for calls and one that follows signals. `starts` is a number that no other start has had.

        `fence` returns the fencing number of the present claim, None where there is none. `on_moved` gets session
        records that this node has taken over, and sessions that another has; `on_abandoned` is called when this node
        has no clients any more that others have. `settled` returns when everything posted is kept or has failed, and
        `catch_up` when the entry with an id has been read, or there is none; it raises JournalError.
        """
        self.name, self._codec = node.name, codec
        self.clients = RemoteClients()
        self._link, following = links
        self._times, self._on_moved, self._on_abandoned = times, on_moved, on_abandoned
        self._settled, self._catch_up, self._wall_clock = settled, catch_up, wall_clock
        self._ids, self._numbers = f"c{len(str(starts))}{starts}", count(1)
        self._delegate: NodeDelegate | None = None
        self._incoming: list[Signal] = []
        self._has_taken = trio.Event()
        self._is_behind = True
        """True while the clients of other nodes have to be read anew."""
        self._has_work = trio.Event()
        self._was_adopted = self._is_loss_untold = False
        self._moved: dict[str, str] = {}
        """The ids of clients that another node has taken over, by session, until that tells of them."""
        self._moves = SessionMoves()
        self._failures = FailureLog("cannot read what other servers changed")
        self._reader = SignalReader(following, times, on_signals=self._receive, on_gap=self._drop_incoming)
        self._calls = FencedCalls(self._link, self.name, fence)
        self._nicks = NickClaims(self._link, self._calls)
        self._sender = SignalSender(self._calls, self._nicks, times, clock_began_at=self._clock_began_at)
        self._watch = NodeWatch(
            self._link,
            self.name,
            self._calls,
            self.clients,
            self._moves,
            codec,
            times,
            on_pruned=on_pruned,
            on_adopted=lambda records: on_moved(records, ()),
            on_gone=self._forget_node,
            wall_clock=wall_clock,
        )

    # What the chat asks for

    def attach(self, delegate: NodeDelegate) -> None:
        """Let a delegate carry out what other nodes ask for, from now on."""
        self._delegate = delegate
        self._watch.attach(delegate)
        self._has_work.set()

    def new_client_id(self) -> str:
        """Return an id that no client of any node has had.

        Behind the number of the start, whose length stands first, there is one of its own: no two can be the same.
        """
        return f"{self._ids}{next(self._numbers)}"

    def has_issued(self, client_id: str) -> bool:
        """Tell whether a client has an id of this node since its start; True for ""."""
        return not client_id or client_id.startswith(self._ids)

    def publish(self, client: Client) -> None:
        """Let the other nodes know soon how a client of this one is now."""
        self._sender.publish(client)

    def withdraw(self, client: Client) -> None:
        """Let the other nodes know soon that a client of this one is gone."""
        self._moves.forget(client.session)
        self._sender.withdraw(client)

    def announce_arrival(self, account: str) -> None:
        """Let the other nodes know soon that a member has come, even one who is gone again by then."""
        self._sender.send("m", account, b"")

    def end(self, client: RemoteClient, notice: Kind, reason: CloseReason, text: str) -> None:
        """Have the node of a client end it."""
        self._sender.send("e", client.node, _encode(EndOrder(client.id, notice, reason.name, text)))

    def tell_change(self, table: str) -> None:
        """Let the other nodes read a table of the journal again."""
        self._sender.send("x", table, b"")

    def read_again(self, table: str) -> None:
        """Take over a table of the journal here: it is not as this node thought."""
        if self._delegate:
            self._delegate.reread(table)

    async def claim_nick(self, owner: str, nick: str) -> bool:
        """Claim a well-formed nick for the owner of a session record. Returns False where another node has it."""
        return await self._nicks.claim(owner, nick)

    async def release_nick(self, owner: str, nick: str) -> None:
        """Give up a nick that was claimed and is not used."""
        await self._nicks.release(owner, nick)

    async def take_session(self, session: str) -> SessionRecord | None:
        """Take over a session that another node has, and return its record; None where none has it.

        Waits while Redis is out of reach, unless no other node is known: else two nodes could have the session.
        """
        while (found := await self._take(session)) is None:
            if not self._watch.has_others:
                return None
            await trio.sleep(self._times.retry_s)
        if not found:
            return None
        record, number, was_here = found
        if was_here and self._client_with(session):
            return None
        self._moves.note_taken([session], number)  # where it was here, the answer to an earlier call was lost
        records = self._codec.decode("sessions", {session.encode(): record}, SessionRecord)
        self.clients.remove_session(session)
        self._on_moved(records, ())
        return records[0] if records else None

    async def catch_up(self, entry_id: int) -> None:
        """Return when this node has read the entry with an id, or where there is none.

        Waits while Redis is out of reach.
        """
        with suppress(JournalError):
            while True:
                try:
                    await self._catch_up(entry_id)
                    return
                except UnavailableError:
                    await trio.sleep(self._times.retry_s)

    async def _take(self, session: str) -> tuple[()] | tuple[bytes, int, bool] | None:
        """Take a session away from the node that has it.

        Returns its record, the number of the newest signal, and whether the session was here already; () where no node
        has it, and None where that cannot be known.
        """
        try:
            answer = await self._calls.call("take", session)
        except JournalError:
            return None
        if not answer:
            return ()
        if len(answer) < 3 or self._moves.is_lost(session, since=answer[1]):
            return None
        return answer[0], answer[1], answer[2] == b"1"

    # What the journal asks for

    def begin_again(self, *, was_adopted: bool, has_lost: bool) -> None:
        """Send and read all states anew, after a new claim.

        `was_adopted`: other nodes have the clients of this one. `has_lost`: Redis lost entries, and nicks with them.
        """
        self._watch.begin_again()
        self._was_adopted |= was_adopted
        self._is_loss_untold |= has_lost
        if has_lost:
            self._nicks.note_loss(self._sender.clients.values())
        self._sender.send_all_states()
        self._reader.begin_again()
        self._has_work.set()

    async def run(self) -> None:
        """Read and send signals, handle those of others, and watch the other nodes, until cancelled."""
        async with trio.open_nursery() as nursery:
            for part in (self._reader.run, self._sender.run, self._handle_forever, self._watch.run):
                nursery.start_soon(part)

    def _clock_began_at(self) -> float:
        return self._wall_clock() - trio.current_time()

    def _client_with(self, session: str) -> Client | None:
        """Return the client of this node with a session."""
        return next((it for it in self._sender.clients.values() if it.session == session), None)

    # Signals of other nodes

    async def _receive(self, signals: Sequence[Signal]) -> None:
        """Queue signals, and return when there is room for more."""
        self._incoming += signals
        self._has_work.set()
        while len(self._incoming) >= UNREAD_MAX:
            await self._has_taken.wait()

    def _take_incoming(self) -> Sequence[Signal]:
        signals, self._incoming = self._incoming, []
        self._has_taken.set()
        self._has_taken = trio.Event()
        return signals

    def _drop_incoming(self) -> None:
        """Let the clients of other nodes be read anew: signals were missed."""
        self._take_incoming()
        self._is_behind = True
        self._has_work.set()

    async def _handle_forever(self) -> None:
        """Handle new claims, and the signals of other nodes in order."""
        while True:
            await self._has_work.wait()
            self._has_work = trio.Event()
            if self._delegate is None:
                continue
            await self._handle_claim(self._delegate)
            try:
                await self._handle_signals(self._delegate)
            except JournalError as error:
                self._failures.note_failure(error)
                self._drop_incoming()
                await trio.sleep(self._times.retry_s)
            else:
                self._failures.note_success()

    async def _handle_claim(self, delegate: NodeDelegate) -> None:
        """Handle a claim by which others had the clients of this node, or entries were lost."""
        if self._was_adopted:
            self._was_adopted = False
            before = tuple(self._sender.clients)
            await delegate.abandon_all()
            self._sender.begin_anew(without=before)
            self._on_abandoned()
            await delegate.restore_rest()
            self._is_behind = True  # some of the rest may be elsewhere already
        if self._is_loss_untold:
            self._is_loss_untold = False
            await delegate.tell_loss()

    async def _handle_signals(self, delegate: NodeDelegate) -> None:
        if self._is_behind:
            self._is_behind = False
            await self._read_clients()
            await self._check_own(delegate)
            delegate.reread("")
        turns = FactsTurns(self.clients)
        while self._incoming:
            for signal in self._take_incoming():
                turns.note(signal.id)
                if signal.node != self.name:
                    await self._handle_signal(delegate, signal)
                    turns.note(signal.id)
                await turns.checkpoint_if_due()

    async def _handle_signal(self, delegate: NodeDelegate, signal: Signal) -> None:
        match signal.kind:
            case "c":
                self._take_facts(signal.node, signal.id, signal.payload)
            case "m":
                delegate.note_arrival(signal.id)
            case "r":
                await self._forget(self.clients.of_node(signal.node))
            case "d":
                await self._forget(self.clients.of_node(signal.id))
            case "t":
                session = signal.payload[:WORD_BYTES_MAX].decode(errors="replace")
                if signal.id != self.name or not session:  # a client without one goes to no other node
                    return
                if self._moves.note_lost(session, signal.number):
                    await self._hand_over(delegate, session, signal.node)
            case "e" if signal.id == self.name:
                self._end(delegate, signal)
            case "x":
                delegate.reread(signal.id)

    def _take_facts(self, node: str, client: str, payload: bytes) -> None:
        """Note the state of a client of another node, or that it is gone where the payload is empty."""
        if not payload:
            self.clients.remove(client)
            return
        try:
            if self.has_issued(client):
                raise ValueError("its id is one of this server")
            facts = read_facts(client, payload)
        except ValueError as error:
            logger.error(
                "what the node %s tells of the client %s cannot be read: %s", shown(node), shown(client), error
            )
            return
        self.clients.put(self._remote(node, facts))
        if former := self._moved.pop(facts.session, ""):
            self._sender.send_state(former)

    def _remote(self, node: str, facts: ClientFacts) -> RemoteClient:
        return RemoteClient(node, facts, clock_began_at=self._clock_began_at(), now=trio.current_time())

    def _end(self, delegate: NodeDelegate, signal: Signal) -> None:
        try:
            order = decode_told(_decode_order, signal.payload)
            delegate.end_client(order.client, order.kind, order.close_reason, order.text)
        except ValueError as error:
            logger.error("an order of the node %s cannot be read: %s", shown(signal.node), error)

    async def _hand_over(self, delegate: NodeDelegate, session: str, node: str) -> None:
        """Abandon a client; until its new node tells of it, it is known as it was."""
        self._on_moved((), (session,))
        if client := self._client_with(session):
            facts = facts_of(client, clock_began_at=self._clock_began_at())
            delegate.hand_over(session)
            del self._sender.clients[client.id]
            if node and not self.clients.with_session(session):
                self._moved[session] = client.id
                self.clients.put(self._remote(node, facts))
            else:
                self._sender.send_state(client.id)
        await self._settled()  # what this node has posted of it before is ignored by Redis
        await self._link.remove_from_set(f"taken:{self.name}", session)

    async def _read_clients(self) -> None:
        """Read the clients of all other nodes. Signals that came meanwhile tell some of it once more."""
        turns = FactsTurns(self.clients)
        known = {it.id for it in self.clients}
        nodes = await self._link.members("nodes")
        self._watch.has_others = len(nodes) > 1
        for node in nodes:
            if node == self.name:
                continue
            found = await self._link.fields(f"clients:{node}")
            for name, payload in found.items():
                client = name.decode(errors="replace")
                turns.note(client)
                self._take_facts(node, client, payload)
                turns.note(client)
                known.discard(client)
                await turns.checkpoint_if_due()

        await self._forget(known)

    async def _forget(self, clients: Collection[str]) -> None:
        turns = FactsTurns(self.clients)
        for client in clients:
            turns.note(client)
            self.clients.remove(client)
            await turns.checkpoint_if_due()

    async def _check_own(self, delegate: NodeDelegate) -> None:
        """Abandon the clients that others have taken over, though this node has missed that."""
        sessions = {it.session for it in self._sender.clients.values() if it.session and it.room_names}
        await self._settled()
        kept = await self._link.fields(f"sessions:{self.name}")
        for session in sessions:
            if session.encode() not in kept and not self._moves.is_taken(session):
                await self._hand_over(delegate, session, "")

    async def _forget_node(self, node: str) -> None:
        """Forget the clients of a node that is gone, and let the others do so."""
        await self._forget(self.clients.of_node(node))
        self._sender.send("d", node, b"")
