"""The nodes of a chat in Redis, as one of them sees them: their clients, and what they ask of each other.

The state of each is in Redis, and its changes are signals. So whoever comes later reads the state and follows on.
"""

import itertools
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence

import msgspec
import trio

from trio_chat.chat.client import Client
from trio_chat.chat.events import Kind
from trio_chat.chat.nicks import fold_name
from trio_chat.chat.nodes import NodeDelegate
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.remote_clients import ClientFacts, RemoteClient, RemoteClients, facts_of
from trio_chat.chat.session_record import PERSON, SessionRecord
from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.errors import NoAnswerError
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.node_identity import Node
from trio_chat.journal.redis.record_codec import RecordCodec
from trio_chat.journal.redis.replies import shown
from trio_chat.journal.redis.rows import decode_told, read_facts
from trio_chat.journal.redis.scripts import script
from trio_chat.journal.redis.signals import SIGNALS_MAX, WORD_BYTES_MAX, EndOrder, Signal, SignalReader
from trio_chat.journal.redis.times import RedisTimes
from trio_chat.journal.redis.trouble import Trouble

ADOPTED_AT_ONCE, ADOPTED_BYTES = 50, 6144
"""Session records that one script takes over, and their bytes, unless one alone has more: 1,500 rooms at most.

They are restored in one step, before anybody can take one of them: see WORK_PER_TURN in session_restore.py.
"""

LOST_MAX = 10_000
"""Sessions that others took over and that are remembered, since an answer from before that may be on its way."""

FACTS_AT_ONCE = 200
"""Clients described in one script: 6 ms where each is in a hundred rooms."""

ROOMS_PER_TURN = 2000
"""Rooms of clients of others read or forgotten between two checkpoints, in 15 ms; each client counts as ten more."""

UNREAD_MAX = 1000
"""Signals that wait, beyond which no more are read: what Redis has dropped by then is read anew from the state."""

encode = msgspec.json.Encoder().encode
decode_order = msgspec.json.Decoder(EndOrder).decode

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

    async def rest(self) -> None:
        """Let others have their turn, if that is due."""
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
        wall_clock: Callable[[], float],
    ) -> None:
        """`links` are one to ask by and one to follow signals on. `starts` is a number that no other start has had.

        `fence` returns the fencing number of the present claim, None where there is none. `on_moved` is told of session
        records that this node has taken over, and of sessions that another has; `on_abandoned` is called when this node
        has no clients any more that others have. `settled` returns when everything posted is kept or has failed.
        """
        self.name, self._codec = node.name, codec
        self.clients = RemoteClients()
        self._link, following = links
        self._times, self._fence, self._on_pruned, self._on_moved = times, fence, on_pruned, on_moved
        self._on_abandoned, self._settled, self._wall_clock = on_abandoned, settled, wall_clock
        self._ids, self._numbers = f"c{len(str(starts))}{starts}", itertools.count(1)
        self._delegate: NodeDelegate | None = None
        self._own: dict[str, Client] = {}
        self._changed: dict[str, None] = {}
        """The ids of clients that others are to be told of, in order."""
        self._outgoing: dict[tuple[str, str, bytes], None] = {}
        """Other signals, each once, in order."""
        self._has_begun_anew = True
        """True until the others were told to forget all that they know of clients here."""
        self._moved: dict[str, str] = {}
        """The ids of clients that another node has taken over, by session, until that tells of them."""
        self._lost: dict[str, int] = {}
        """The numbers of the signals by which others took over sessions of this node, the newest ones."""
        self._taken: dict[str, int] = {}
        """The numbers of the signals of sessions that this node has taken over: earlier ones say nothing of now."""
        self._has_others = True
        """False once it is known that no other node is there."""
        self._unclaimed: list[Client] = []
        self._has_news = trio.Event()
        self._incoming: list[Signal] = []
        self._has_taken = trio.Event()
        self._is_behind = True
        """True while the clients of other nodes have to be read anew."""
        self._has_heard = trio.Event()
        self._was_adopted = self._is_loss_untold = False
        self._steady_since = trio.current_time()
        self._missing: set[str] = set()
        self._may_have_adopted = False
        self._telling = Trouble("other servers are told nothing of the clients here")
        self._obeying = Trouble("cannot read what other servers changed")
        self._watching = Trouble("cannot see whether other servers are gone")
        self._reader = SignalReader(following, times, on_signals=self._hear, on_gap=self._lose)

    # What the chat asks for

    def attach(self, delegate: NodeDelegate) -> None:
        """Let a delegate carry out what other nodes ask for, from now on."""
        self._delegate = delegate
        self._has_heard.set()

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
        self._own[client.id] = client
        self._note(client.id)

    def withdraw(self, client: Client) -> None:
        """Let the other nodes know soon that a client of this one is gone."""
        self._own.pop(client.id, None)
        self._taken.pop(client.session, None)
        self._note(client.id)

    def announce_arrival(self, account: str) -> None:
        """Let the other nodes know soon that a member has come, even one who is gone again by then."""
        self._send("m", account, b"")

    def end(self, client: RemoteClient, notice: Kind, reason: CloseReason, text: str) -> None:
        """Have the node of a client end it."""
        self._send("e", client.node, encode(EndOrder(client.id, notice, reason.name, text)))

    def tell_change(self, table: str) -> None:
        """Let the other nodes read a table of the journal again."""
        self._send("x", table, b"")

    def read_again(self, table: str) -> None:
        """Take over a table of the journal here: it is not as this node thought."""
        if self._delegate:
            self._delegate.reread(table)

    async def claim_nick(self, owner: str, nick: str) -> bool:
        """Claim a well-formed nick for the owner of a session record. Returns False where another node has it."""
        answer = await self._link.call(script("claim_nick"), self.name, self._current_fence(), owner, fold(nick))
        if answer == b"fenced":
            raise JournalError("this server lost its place among the others; try again")
        return bool(answer == b"ok")

    async def release_nick(self, owner: str, nick: str) -> None:
        """Give up a nick that was claimed and is not used."""
        await self._link.call(script("release_nick"), owner, fold_name(nick))

    async def take_session(self, session: str) -> SessionRecord | None:
        """Take over a session that another node has, and return its record; None where none has it.

        Waits while Redis is out of reach, unless no other node is known: else two nodes could have the session.
        """
        while (found := await self._take(session)) is None:
            if not self._has_others:
                return None
            await trio.sleep(self._times.retry_s)
        if not found:
            return None
        record, number, was_here = found
        if was_here and any(it.session == session for it in self._own.values()):
            return None
        self._taken[session] = number  # where it was here, the answer to an earlier question was lost
        records = self._codec.decode("sessions", {session.encode(): record}, SessionRecord)
        self.clients.remove_session(session)
        self._on_moved(records, ())
        return records[0] if records else None

    async def _take(self, session: str) -> tuple[()] | tuple[bytes, int, bool] | None:
        """Take a session away from the node that has it.

        Returns its record, the number of the newest signal, and whether the session was here already; () where no node
        has it, and None where that cannot be known.
        """
        try:
            answer = await self._link.call(script("take"), self.name, self._current_fence(), session)
        except JournalError:
            return None
        if not answer:
            return ()
        if len(answer) < 3 or self._has_lost(session, since=answer[1]):
            return None
        return answer[0], answer[1], answer[2] == b"1"

    def _has_lost(self, session: str, *, since: int) -> bool:
        """Tell whether another node has taken a session over, by a signal after this one."""
        return self._lost.get(session, 0) > since

    # What the journal tells

    def begin_again(self, *, was_adopted: bool, has_lost: bool) -> None:
        """Tell everything anew, after a new claim.

        `was_adopted`: other nodes have the clients of this one. `has_lost`: Redis lost entries, and nicks with them.
        """
        self._steady_since = trio.current_time()
        self._was_adopted |= was_adopted
        self._is_loss_untold |= has_lost
        if has_lost:
            self._unclaimed = [it for it in self._own.values() if it.nick and not it.account]
        self._changed.update(dict.fromkeys(self._own))
        self._reader.begin_again()
        self._has_news.set()
        self._has_heard.set()

    async def run(self) -> None:
        """Tell, hear and watch until cancelled."""
        async with trio.open_nursery() as nursery:
            for part in (self._reader.run, self._tell, self._obey, self._watch):
                nursery.start_soon(part)

    # Telling

    def _note(self, client: str) -> None:
        self._changed[client] = None
        self._has_news.set()

    def _send(self, kind: str, id: str, payload: bytes) -> None:
        self._outgoing[kind, id, payload] = None
        self._has_news.set()

    async def _tell(self) -> None:
        while True:
            await self._has_news.wait()
            self._has_news = trio.Event()
            await self._claim_again()
            while self._outgoing or self._changed or self._has_begun_anew:
                await self._tell_some()
            await trio.sleep(self._times.tell_s)  # what changes meanwhile goes together

    async def _claim_again(self) -> None:
        """Claim the nicks that Redis has lost."""
        try:
            while self._unclaimed:
                client = self._unclaimed[-1]
                if client.nick:
                    await self.claim_nick(client.owner, client.nick)
                self._unclaimed.pop()
        except JournalError:
            self._has_news.set()  # and again, with what else is to be told

    async def _tell_some(self) -> None:
        """Send some of what is to be told. What was not sent is tried again: it may then be told twice."""
        changed = list(itertools.islice(self._changed, FACTS_AT_ONCE))
        words: list[str | bytes] = []
        if self._has_begun_anew:
            words += "r", "", b""
        words += [word for client in changed for word in ("c", client, self._facts(client))]
        # A client is known on its new node before the former one is forgotten
        signals = [] if len(changed) < len(self._changed) else list(itertools.islice(self._outgoing, SIGNALS_MAX))
        words += [word for signal in signals for word in signal]
        for client in changed:  # before they are sent: what happens meanwhile is to be told anew
            del self._changed[client]
        for signal in signals:
            del self._outgoing[signal]
        begins_anew, self._has_begun_anew = self._has_begun_anew, False
        if not await self._has_told(words):
            self._outgoing = dict.fromkeys(signals) | self._outgoing
            self._has_begun_anew |= begins_anew
            self._changed |= dict.fromkeys(changed)
            await trio.sleep(self._times.retry_s)

    async def _has_told(self, words: Sequence[str | bytes]) -> bool:
        try:
            answer = await self._link.call(script("signal"), self.name, self._current_fence(), *words)
        except JournalError as error:
            self._telling.note(error)
            return False
        self._telling.end()
        return bool(answer == b"ok")

    def _facts(self, client: str) -> bytes:
        if (found := self._own.get(client)) is None:
            return b""
        return encode(facts_of(found, clock_began_at=self._clock_began_at))

    @property
    def _clock_began_at(self) -> float:
        return self._wall_clock() - trio.current_time()

    def _current_fence(self) -> int:
        """Return the fencing number. Raises JournalError where there is none."""
        fence = self._fence()
        if fence is None:
            raise NoAnswerError("Redis cannot be reached")
        return fence

    # Hearing

    async def _hear(self, signals: Sequence[Signal]) -> None:
        self._incoming += signals
        self._has_heard.set()
        while len(self._incoming) >= UNREAD_MAX:
            await self._has_taken.wait()

    def _take_incoming(self) -> Sequence[Signal]:
        signals, self._incoming = self._incoming, []
        self._has_taken.set()
        self._has_taken = trio.Event()
        return signals

    def _lose(self) -> None:
        self._take_incoming()
        self._is_behind = True
        self._has_heard.set()

    async def _obey(self) -> None:
        """Do what was heard, in order."""
        while True:
            await self._has_heard.wait()
            self._has_heard = trio.Event()
            if self._delegate is None:
                continue
            if self._was_adopted:
                self._was_adopted = False
                before = tuple(self._own)
                await self._delegate.abandon_all()
                for client in before:
                    self._own.pop(client, None)
                    self._changed.pop(client, None)
                self._changed.update(dict.fromkeys(self._own))  # those who came meanwhile
                self._has_begun_anew = True
                self._has_news.set()
                self._on_abandoned()
                await self._delegate.restore_rest()
                self._is_behind = True  # some of the rest may be elsewhere already
            if self._is_loss_untold:
                self._is_loss_untold = False
                await self._delegate.tell_loss()
            try:
                await self._obey_all(self._delegate)
            except JournalError as error:
                self._obeying.note(error)
                self._lose()
                await trio.sleep(self._times.retry_s)
            else:
                self._obeying.end()

    async def _obey_all(self, delegate: NodeDelegate) -> None:
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
                    await self._obey_one(delegate, signal)
                    turns.note(signal.id)
                await turns.rest()

    async def _obey_one(self, delegate: NodeDelegate, signal: Signal) -> None:
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
                self._lost.pop(session, None)
                self._lost[session] = signal.number
                if len(self._lost) > LOST_MAX:
                    del self._lost[next(iter(self._lost))]
                if self._taken.get(session, 0) < signal.number:
                    await self._hand_over(delegate, session, signal.node)
            case "e" if signal.id == self.name:
                self._end(delegate, signal)
            case "x":
                delegate.reread(signal.id)

    def _take_facts(self, node: str, client: str, payload: bytes) -> None:
        """Take over what a node tells of a client: nothing where that is gone."""
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
            self._note(former)

    def _remote(self, node: str, facts: ClientFacts) -> RemoteClient:
        return RemoteClient(node, facts, clock_began_at=self._clock_began_at, now=trio.current_time())

    def _end(self, delegate: NodeDelegate, signal: Signal) -> None:
        try:
            order = decode_told(decode_order, signal.payload)
            delegate.end_client(order.client, order.kind, order.close_reason, order.text)
        except ValueError as error:
            logger.error("an order of the node %s cannot be read: %s", shown(signal.node), error)

    async def _hand_over(self, delegate: NodeDelegate, session: str, node: str) -> None:
        """Abandon a client; until its new node tells of it, it is known as it was."""
        self._on_moved((), (session,))
        client = next((it for it in self._own.values() if it.session == session), None)
        if client:
            facts = facts_of(client, clock_began_at=self._clock_began_at)
            delegate.hand_over(session)
            del self._own[client.id]
            if node and not self.clients.with_session(session):
                self._moved[session] = client.id
                self.clients.put(self._remote(node, facts))
            else:
                self._note(client.id)
        await self._settled()  # what this node has posted of it before is ignored by Redis
        await self._link.remove_from_set(f"taken:{self.name}", session)

    async def _read_clients(self) -> None:
        """Read the clients of all other nodes. Signals that came meanwhile tell some of it once more."""
        turns = FactsTurns(self.clients)
        known = {it.id for it in self.clients}
        nodes = await self._link.members("nodes")
        self._has_others = len(nodes) > 1
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
                await turns.rest()

        await self._forget(known)

    async def _forget(self, clients: Collection[str]) -> None:
        turns = FactsTurns(self.clients)
        for client in clients:
            turns.note(client)
            self.clients.remove(client)
            await turns.rest()

    async def _check_own(self, delegate: NodeDelegate) -> None:
        """Abandon the clients that others have taken over, though this node has missed that."""
        sessions = {it.session for it in self._own.values() if it.session and it.room_names}
        await self._settled()
        kept = await self._link.fields(f"sessions:{self.name}")
        for session in sessions:
            if session.encode() not in kept and session not in self._taken:
                await self._hand_over(delegate, session, "")

    # Watching

    async def _watch(self) -> None:
        """Take over the clients of nodes that are gone.

        A node is gone whose lease has ended for two looks. But where Redis itself was out of reach all leases may have
        ended: then the others have the time of a lease to come back.
        """
        while True:
            began = self._wall_clock()  # it counts a time for which this process stood still, perhaps with all others
            await trio.sleep(self._times.watch_s)
            try:
                pruned_to, *missing = await self._link.call(script("watch"), self.name)
                if not 0 < self._wall_clock() - began < self._times.lease_s / 2:
                    raise NoAnswerError("Redis, or this server, stood still")
                self._on_pruned(pruned_to)
                self._has_others = bool(self.clients) or await self._link.size("nodes") > 1
                gone = {node.decode(errors="replace") for node in missing}
                if trio.current_time() - self._steady_since >= self._times.lease_s:
                    if self._may_have_adopted:
                        await self._delegate_restoring()
                    for node in gone & self._missing:
                        self._may_have_adopted = True
                        await self._adopt(node)
                        self._may_have_adopted = False
                self._missing = gone
            except JournalError as error:
                self._watching.note(error)
                self._steady_since, self._missing = trio.current_time(), set()
            else:
                self._watching.end()

    async def _delegate_restoring(self) -> None:
        """Restore what was taken over by a question whose answer was lost."""
        if self._delegate:
            await self._delegate.restore_rest()
        self._may_have_adopted = False

    async def _adopt(self, node: str) -> None:
        """Take over the clients of a node. Raises JournalError."""
        if self._delegate is None:
            return
        persons: list[SessionRecord] = []
        count, has_more = 0, True
        while has_more:
            fence = self._current_fence()
            most = ADOPTED_AT_ONCE, ADOPTED_BYTES
            answer, *rest = await self._link.call(script("adopt"), self.name, fence, node, *most)
            if answer != b"ok":
                return
            has_more, newest = rest[0] == b"1", rest[1]
            named = {str(number).encode(): record for number, record in enumerate(rest[2:])}
            page = self._codec.decode(f"sessions:{node}", named, SessionRecord)
            page = [it for it in page if not self._has_lost(it.owner, since=newest)]
            self._on_moved(page, ())
            self._taken.update((it.owner, newest) for it in page)
            persons += [it for it in page if it.mode == PERSON]
            await self._delegate.adopt([it for it in page if it.mode != PERSON])
            count += len(page)
        if count:
            logger.warning("the node %s is gone: its %d sessions are held here, or have ended", shown(node), count)
        await self._delegate.adopt(persons)
        await self._forget(self.clients.of_node(node))
        self._send("d", node, b"")
