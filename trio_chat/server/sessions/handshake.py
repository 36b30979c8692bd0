"""The handshake in frames: from the first frame of a connection until its `hello` is accepted."""

import hashlib
import logging
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

import trio

from trio_chat.chat.accounts.account import NameProof
from trio_chat.chat.client import UNCOUNTED, Client
from trio_chat.chat.commands import REQUEST_PRICES
from trio_chat.chat.errors import ChatError
from trio_chat.chat.log import Mode
from trio_chat.chat.nicks import check_nick
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.prices import PROOF, Extent
from trio_chat.chat.session_record import SessionRecord
from trio_chat.journal import JournalError
from trio_chat.server.sessions.arrivals import Arrival
from trio_chat.server.sessions.bounds import ANSWERS_BYTES, INPUTS_PER_TURN
from trio_chat.server.sessions.challenges import Challenges, proof_in
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.name_requests import (
    Proven,
    check_is_private,
    check_still_holds,
    claim,
    enter_proven,
    prove,
)
from trio_chat.server.sessions.password_check import PASSWORD_TRIES, is_password_right
from trio_chat.server.sessions.proving_time import ProvingTime
from trio_chat.server.sessions.settling import published
from trio_chat.server.sessions.throttle import Throttle, pause, pause_unpriced
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.server.transport.peer import Peer
from trio_chat.wire import frames
from trio_chat.wire.frame_decoder import FrameDecoder, FrameFault

HELLO_TIMEOUT_S = 10
"""A connection without an accepted `hello` is closed after this."""

THROTTLED_MAX_S = 60
"""Seconds, in all, by which that is put off while such a connection is slowed down. The dearest `hello`, of 100 rooms,
is paid off in 16 s by default."""

MEMBERS_ONLY = "this chat is for members: prove a name, or join with an invite from its operator"

ANSWER_TIMEOUT_S = 1.0
"""Time for a stranger to take its answers, which are few."""

logger = logging.getLogger(__name__)

FrameInput = frames.AnyRequest | FrameFault


@dataclass(frozen=True, slots=True)
class FrameReader:
    """The reading half of a session in frames, before and after its handshake."""

    peer: Peer
    decoder: FrameDecoder[frames.AnyRequest]
    throttle: Throttle


@dataclass(frozen=True, slots=True)
class Admitted:
    """The outcome of a handshake. `ahead` are inputs that came after the `hello`, still to be handled."""

    client: Client
    hello: frames.Hello
    is_resumed: bool
    ahead: Iterator[FrameInput]
    challenges: Challenges | None = None
    arrival: Arrival | None = None
    """That of a member, unless the client was a place of the account already."""


async def handshake(context: SessionContext, reader: FrameReader, outlet: PeerOutlet) -> Admitted | None:
    """Answer frames until a `hello` is accepted. -> None where none came in time, or the connection must end

    Raises what the peer raises. There is no client before this returns one; then it is the caller's to disconnect.
    """
    attempt = Handshake(context, reader, outlet)
    unpriced = 0
    with trio.move_on_after(HELLO_TIMEOUT_S) as attempt.timeout:
        while not attempt.is_over and (data := await reader.peer.receive()):
            inputs = reader.decoder.feed(data)
            if admitted := await attempt.handle(iter(inputs)):
                return admitted
            unpriced = 0 if inputs else await pause_unpriced(unpriced, data)
    return None


class Handshake:
    """The attempts of one connection to be admitted."""

    def __init__(self, context: SessionContext, reader: FrameReader, outlet: PeerOutlet) -> None:
        self._context = context
        self._reader = reader
        self._outlet = outlet
        self._wrong_passwords = 0
        self.is_over = False
        """True if nothing more is accepted and the connection must end."""
        self._throttled_s = 0.0
        self._proving_time = ProvingTime()
        self._challenges: Challenges | None = None
        self.timeout = trio.CancelScope()
        """Ends attempts that take too long."""

    async def handle(self, inputs: Iterator[FrameInput]) -> Admitted | None:
        """Handle frames up to the first `hello` that is accepted, and answer why the others are refused."""
        for turn, request in enumerate(inputs, 1):
            await self._charge(request)
            try:
                if isinstance(request, frames.AskChallenge):
                    self._outlet.write(frames.encode(self._challenges_made().renew(request.key)))
                else:
                    return await self._admit(request, inputs)
            except (ChatError, FrameFault) as error:
                self._outlet.write(frames.encode(frames.Error(code=error.code, text=error.text, key=request.key)))
            if self.is_over:
                break
            if turn % INPUTS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
            if self._outlet.unsent_bytes > ANSWERS_BYTES:
                await self._flush()
        await self._flush()
        return None

    async def _charge(self, request: FrameInput) -> None:
        """Charge for a frame, and wait if that is necessary.

        A `hello` that only resumes does not wait: a connection that broke may have left nothing of its burst.
        """
        price, throttle, limit = self._price_of(request), self._reader.throttle, self._context.rate_limit
        session = _session_of(request) if isinstance(request, frames.Hello) else ""
        if session and self._context.chat.directory.with_session(session):
            is_first = throttle.resume(session, limit)
            if is_first and price <= 1:
                throttle.owe(price, limit)
                return
        while wait_s := throttle.spend(price, limit):
            await self._flush()
            grace_s = min(wait_s, THROTTLED_MAX_S - self._throttled_s)
            self._throttled_s += grace_s
            self.timeout.deadline += grace_s  # a wait on our side is no silence of the client
            await pause(wait_s, self._reader.peer)

    async def _flush(self) -> None:
        """Send the answers, or disconnect a stranger that takes none: neither pump nor heartbeat watches it."""
        with trio.move_on_after(ANSWER_TIMEOUT_S):
            while not self._outlet.push(None):  # TLS sends one record after the other
                await self._outlet.wait_writable()
            return
        self.is_over = True

    async def _admit(self, request: FrameInput, ahead: Iterator[FrameInput]) -> Admitted:
        """Admit a client, or resume its session. Raises FrameFault, and ChatError where it may not."""
        if isinstance(request, FrameFault):
            raise request
        if not isinstance(request, frames.Hello):
            raise ChatError("hello-first", "the first frame must be hello")
        if request.protocol != frames.PROTOCOL:
            self.is_over = True
            raise ChatError("protocol", f"this server speaks version {frames.PROTOCOL}")
        self._check_password(request.password)
        proven = await self._identify(request)
        await self._bring_here(request)
        # Nothing is waited for from here on: what was checked still holds when it is done.
        self._check_address()
        chat, peer, outlet = self._context.chat, self._reader.peer, self._outlet
        session = _session_of(request)
        self._check_owns(chat.directory.with_session(session), proven)
        client = chat.resume(session, peer.address, peer.port, outlet=outlet, origin=peer.ticket)
        is_resumed = client is not None
        client = client or chat.connect(
            peer.address, peer.port, mode=Mode.FRAMES, outlet=outlet, session=session, origin=peer.ticket
        )
        arrival = self._enter(client, proven) if proven else None
        return Admitted(client, request, is_resumed, ahead, self._challenges, arrival)

    async def _catch_up(self, hello: frames.Hello) -> None:
        """Read on to what a client has seen on another server: else it would be thought to come from another epoch."""
        newest_seen = max(hello.since.values(), default=0)
        if newest_seen > self._context.chat.rooms.last_id and hello.epoch == self._context.journal.epoch:
            await self._context.chat.nodes.catch_up(newest_seen)
            await published(self._context)

    async def _bring_here(self, hello: frames.Hello) -> None:
        """Take over a session that another server has. Raises ChatError where a later connection came meanwhile.

        While nobody can know whether there is one, this waits: the client is disconnected at last, and connects again.
        So what waited here may be a connection that its client has given up since.
        """
        arriving, session = self._context.arriving, _session_of(hello)
        arriving[session] = self
        try:
            await self._catch_up(hello)
            record = await self._context.chat.nodes.take_session(session) if hello.session else None
            if arriving.get(session) is not self:
                self.is_over = True
                raise ChatError("resumed", "your session goes on in another connection")
        finally:
            if arriving.get(session) is self:
                del arriving[session]
        if record is not None:
            hold_here(self._context, record)

    async def _identify(self, hello: frames.Hello) -> Proven | None:
        """Check the proof in a `hello`. -> None for a guest. Raises ChatError."""
        is_for_members = self._context.chat.rules.names == "members"
        if hello.proof is None:
            if is_for_members:
                raise ChatError("members", MEMBERS_ONLY)
            if hello.invite:
                raise ChatError("proof", "an invite needs a proof, by which the name becomes yours")
            return None
        if not hello.nick:
            raise ChatError("proof", "a proof needs the nick that it proves")
        nick, proof = check_nick(hello.nick), proof_in(hello.proof)
        check_is_private(self._challenges_made().connection, proof)
        if not (is_for_members or hello.invite or self._context.accounts.names.owner_of(nick)):
            return None  # nobody has claimed it, which the client cannot know
        try:
            with self._proving_time.added_to(self.timeout):
                proven = await self._prove(hello, proof)
        except ChatError as error:
            raise self._failed(error, nick, is_for_members=is_for_members) from error
        self._challenges_made().succeed()
        return proven

    async def _prove(self, hello: frames.Hello, proof: NameProof) -> Proven:
        name, connection = hello.nick or "", self._challenges_made().connection
        if not hello.invite:
            return await prove(self._context, connection, name, proof)
        try:
            guest = self._context.chat.directory.with_session(_session_of(hello)) if hello.session else None
            return await claim(self._context, connection, name, proof, by=guest, invite=hello.invite.lower())
        except JournalError as error:
            raise ChatError("not-kept", f"the name cannot be kept just now: {error}") from error

    def _failed(self, error: ChatError, nick: str, *, is_for_members: bool) -> ChatError:
        """Count a proof that failed. -> the error to answer with: to strangers, members are not told apart"""
        if error.code != "proof":
            return error
        challenges = self._challenges_made()
        challenges.fail()
        self.is_over |= challenges.are_used_up
        if is_for_members:
            return ChatError("members", MEMBERS_ONLY)
        return ChatError("proof", f"that does not prove that [{nick}] is yours")

    def _check_owns(self, client: Client | None, proven: Proven | None) -> None:
        """Raise ChatError for a session of a member that is to be resumed without a proof: its secret is no key."""
        if proven:
            check_still_holds(self._context, proven)
        if client and client.account and not (proven and proven.account.id == client.account):
            raise ChatError("proof", "that session belongs to a name: prove it again")

    def _enter(self, client: Client, proven: Proven) -> Arrival | None:
        """Make a client a place of the account. Raises ChatError, and the client is gone, where it has too many."""
        if client.account:  # resumed
            client.proven_by = proven.by
            return None
        try:
            return enter_proven(self._context, client, proven)
        except ChatError:
            self._context.chat.disconnect(client)
            raise

    def _challenges_made(self) -> Challenges:
        self._challenges = self._challenges or Challenges(self._context, self._reader.peer)
        return self._challenges

    def _check_address(self) -> None:
        """End the attempts, and raise ChatError, for an address that was banned since it was let in."""
        try:
            self._context.admission.check(self._reader.peer.address, date=time.time())
        except ChatError as refusal:
            self.is_over = True
            raise ChatError("banned", refusal.text) from refusal

    def _price_of(self, request: FrameInput) -> int:
        """Return the price of a frame; that of a `hello` is by the rooms that it enters, and the nick that it takes."""
        if not isinstance(request, frames.Hello):
            return 1
        chat = self._context.chat
        proof = PROOF.of(Extent()) if request.proof else 0
        client = chat.directory.with_session(_session_of(request))
        if client is None:
            return proof + REQUEST_PRICES["hello"].of(Extent(moves=len(set(request.rooms))))
        moves = sum(chat.rooms.find(name) not in client.members for name in set(request.rooms))
        renames = len(client.members) if wants_rename(client, request) else 0
        return proof + REQUEST_PRICES["hello"].of(Extent(moves=moves + renames))

    def _check_password(self, given: str) -> None:
        """Raise ChatError for a wrong password. A missing one is not charged: the client may not know of it."""
        password = self._context.password
        if not password.is_set or (given and is_password_right(self._context, self._reader.peer, given)):
            return
        if not given:
            raise ChatError("password", "this server asks for a password")
        self._wrong_passwords += 1
        self.is_over = self._wrong_passwords == PASSWORD_TRIES
        raise ChatError("password", "wrong password")


def hold_here(context: SessionContext, record: SessionRecord) -> None:
    """Hold a session that was on another server, as if its connection had broken here just now."""
    chat = context.chat
    if stale := chat.directory.with_session(record.owner):  # another took it over, of which this one has not heard yet
        chat.abandon(stale, CloseReason.MOVED)
        chat.nodes.withdraw(stale)
    try:
        chat.take_over(record, context.admission.origin_of(record.address) if record.address else UNCOUNTED)
    except ChatError as error:
        logger.warning("the session of [%s] is lost: %s", record.label, error.text)


def wants_rename(client: Client, hello: frames.Hello) -> bool:
    """Tell whether a `hello` asks for a nick that its client does not have yet.

    A client that resumes keeps the nick that it took later, unless it needs the one that it asks for.
    """
    is_other = bool(hello.nick) and hello.nick != client.nick and not client.account
    return is_other and (client.nick is None or hello.needs_nick)


def _session_of(hello: frames.Hello) -> str:
    """Return the name under which a session is kept: one that nobody can ask for, where the client gave no secret."""
    return hashlib.sha256((hello.session or secrets.token_hex()).encode()).hexdigest()[:32]
