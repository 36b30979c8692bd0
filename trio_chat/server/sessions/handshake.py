"""The handshake in frames: from the first frame of a connection until its `hello` is accepted."""

import hashlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.commands import REQUEST_PRICES
from trio_chat.chat.errors import ChatError
from trio_chat.chat.log import Mode
from trio_chat.chat.prices import Extent
from trio_chat.server.sessions.bounds import ANSWERS_BYTES, INPUTS_PER_TURN
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.password_check import PASSWORD_TRIES, is_password_right
from trio_chat.server.sessions.throttle import Throttle, pause
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.server.transport.peer import Peer
from trio_chat.wire import frames
from trio_chat.wire.frame_decoder import FrameDecoder, FrameFault

HELLO_TIMEOUT_S = 10
"""A connection without an accepted `hello` is closed after this."""

THROTTLED_MAX_S = 60
"""The sum of the times for which such a connection is slowed down, besides. The dearest `hello`, of 100 rooms, is paid
off in 16 s by default."""

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


async def handshake(context: SessionContext, reader: FrameReader, outlet: PeerOutlet) -> Admitted | None:
    """Answer frames until a `hello` is accepted. -> None where none came in time, or the connection must end

    Raises what the peer raises. There is no client before this returns one; then it is the caller's to disconnect.
    """
    attempt = Handshake(context, reader, outlet)
    with trio.move_on_after(HELLO_TIMEOUT_S) as attempt.timeout:
        while not attempt.is_over and (data := await reader.peer.receive()):
            if admitted := await attempt.handle(iter(reader.decoder.feed(data))):
                return admitted
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
        self.timeout = trio.CancelScope()
        """Ends attempts that take too long."""

    async def handle(self, inputs: Iterator[FrameInput]) -> Admitted | None:
        """Handle frames up to the first `hello` that is accepted, and answer why the others are refused."""
        for turn, request in enumerate(inputs, 1):
            await self._charge(request)
            try:
                return self._admit(request, inputs)
            except (ChatError, FrameFault) as error:
                self._outlet.write(frames.encode(frames.Error(code=error.code, text=error.text, key=request.key)))
            if self.is_over:
                break
            if turn % INPUTS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
            if self._outlet.unsent_bytes > ANSWERS_BYTES:
                self._flush()
        self._flush()
        return None

    async def _charge(self, request: FrameInput) -> None:
        """Charge for a frame, and wait if that is necessary.

        A `hello` that only resumes does not wait: a connection that broke may have left nothing of its burst.
        """
        price, throttle, limit = self._price_of(request), self._reader.throttle, self._context.rate_limit
        if isinstance(request, frames.Hello) and self._context.chat.with_session(session := _session_of(request)):
            is_first = throttle.resume(session, limit)
            if is_first and price <= 1:
                throttle.owe(price, limit)
                return
        while wait_s := throttle.spend(price, limit):
            self._flush()
            grace_s = min(wait_s, THROTTLED_MAX_S - self._throttled_s)
            self._throttled_s += grace_s
            self.timeout.deadline += grace_s  # a wait on our side is no silence of the client
            await pause(wait_s, self._reader.peer)

    def _flush(self) -> None:
        """Send the answers, or disconnect a stranger that takes none: neither pump nor heartbeat watches it."""
        self.is_over |= not self._outlet.push(None)

    def _admit(self, request: FrameInput, ahead: Iterator[FrameInput]) -> Admitted:
        """Admit a client, or resume its session. Raises FrameFault, and ChatError where it may not."""
        if isinstance(request, FrameFault):
            raise request
        if not isinstance(request, frames.Hello):
            raise ChatError("hello-first", "the first frame must be hello")
        if request.protocol != frames.PROTOCOL:
            self.is_over = True
            raise ChatError("protocol", f"this server speaks version {frames.PROTOCOL}")
        self._check_password(request.password)
        self._check_address()
        chat, peer, outlet = self._context.chat, self._reader.peer, self._outlet
        session = _session_of(request)
        if client := chat.resume(session, peer.address, peer.port, outlet=outlet, origin=peer.ticket):
            return Admitted(client, request, True, ahead)
        client = chat.connect(
            peer.address, peer.port, mode=Mode.FRAMES, outlet=outlet, session=session, origin=peer.ticket
        )
        return Admitted(client, request, False, ahead)

    def _check_address(self) -> None:
        """Raises ChatError, and the attempts end, for an address that was banned since it was let in."""
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
        client = chat.with_session(_session_of(request))
        if client is None:
            return REQUEST_PRICES["hello"].of(Extent(moves=len(set(request.rooms))))
        moves = sum(chat.rooms.find(name) not in client.members for name in set(request.rooms))
        renames = len(client.members) if wants_rename(client, request) else 0
        return REQUEST_PRICES["hello"].of(Extent(moves=moves + renames))

    def _check_password(self, given: str) -> None:
        """Raises ChatError. A missing password is not charged: the client may not know of it, and guesses nothing."""
        password = self._context.password
        if not password.is_set or (given and is_password_right(self._context, self._reader.peer, given)):
            return
        if not given:
            raise ChatError("password", "this server asks for a password")
        self._wrong_passwords += 1
        self.is_over = self._wrong_passwords == PASSWORD_TRIES
        raise ChatError("password", "wrong password")


def wants_rename(client: Client, hello: frames.Hello) -> bool:
    """Tell whether a `hello` asks for a nick that its client does not have yet.

    A client that resumes keeps the nick that it took later, unless it needs the one that it asks for.
    """
    return bool(hello.nick) and hello.nick != client.nick and (client.nick is None or hello.needs_nick)


def _session_of(hello: frames.Hello) -> str:
    """Return the name under which a session is kept: one that nobody can ask for, where the client gave no secret."""
    return hashlib.sha256((hello.session or secrets.token_hex()).encode()).hexdigest()[:32]
