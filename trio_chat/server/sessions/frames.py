"""Sessions in frames: a handshake, then a conversation. What was said is durable before more of it is read."""

import sys
from contextlib import suppress

import trio

from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.errors import ChatError
from trio_chat.chat.outlet import CloseReason
from trio_chat.journal import JournalError
from trio_chat.server.sessions.bounds import (
    ANSWERS_BYTES,
    DELIVERY_AFTER_LEAVE_S,
    FINAL_READS,
    INPUTS_PER_TURN,
)
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.ending import disconnect_reason
from trio_chat.server.sessions.frame_conversation import FrameConversation
from trio_chat.server.sessions.frame_requests import HANDLERS, price_of
from trio_chat.server.sessions.handshake import Admitted, FrameInput, FrameReader, handshake
from trio_chat.server.sessions.settling import departed, send_farewell
from trio_chat.server.sessions.throttle import Throttle, pause, pause_unpriced
from trio_chat.server.sessions.welcome import welcome
from trio_chat.server.shutdown_timeouts import FINAL_READ_S
from trio_chat.server.transport.outlet import NoticeEncoders, PeerOutlet
from trio_chat.server.transport.peer import READ_BYTES, Peer
from trio_chat.wire import frames
from trio_chat.wire.frame_decoder import FrameFault, request_decoder

_BYE = b'"bye"'
_LAST_LINES = 4
"""Lines at the end of an input among which a `bye` is looked for: pings and pongs may follow it."""


def _encode_gap(room: str, missed: int) -> bytes:
    room = frames.MAILBOX if room.startswith(frames.MAILBOX) else room
    return frames.encode(frames.Gap(room=room, after=0, reason="slow", missed=missed))


def _encode_farewell(reason: CloseReason, text: str) -> bytes:
    return frames.encode(frames.Farewell(reason=reason.code, text=text, retry_s=reason.retry_s))


NOTICES = NoticeEncoders(gap=_encode_gap, farewell=_encode_farewell)


async def serve_frames(context: SessionContext, peer: Peer) -> None:
    """Converse in frames until the connection ends. Raises what the peer raises; the peer stays its owner's."""
    outlet = peer.open_outlet(NOTICES)
    with outlet.interruptible():
        reader = FrameReader(peer, request_decoder(), Throttle(context.overdrafts, context.allowances, peer))
        session = None
        try:
            admitted = await handshake(context, reader, outlet)
            if admitted:
                session = FramesSession(context, reader, outlet, admitted)
                await session.welcome(admitted)
                del admitted  # else its `hello` would be held for as long as the client stays
                await session.run()
        finally:
            reader.throttle.leave(session.resumable if session else "")
            await context.turnstile.wait_turn()
            outlet.push(None)
            if session:
                reason = disconnect_reason(outlet, sys.exception() or outlet.fault)
                await session.look_for_bye(reason)
                session.disconnect(reason)
                await session.send_farewell()


class FramesSession:
    """The conversation with a client that has been admitted."""

    __slots__ = ("_can_resume", "_heartbeat", "_inputs", "_outlet", "_reader", "_talk")

    def __init__(self, context: SessionContext, reader: FrameReader, outlet: PeerOutlet, admitted: Admitted) -> None:
        self._reader = reader
        self._outlet = outlet
        self._talk = FrameConversation(context, admitted.client, outlet, reader.peer, admitted.challenges)
        self._can_resume = admitted.hello.session is not None
        self._heartbeat = context.heartbeats.watch(admitted.client, outlet)
        self._inputs = admitted.ahead
        """Inputs that were read and are still to be handled."""

    @property
    def resumable(self) -> str:
        """The session that another connection can resume, or an empty string."""
        return self._talk.client.session if self._can_resume else ""

    async def welcome(self, admitted: Admitted) -> None:
        """Welcome the client, replay what it missed, and handle the requests that came right after its `hello`."""
        try:
            await welcome(self._talk.context, self._outlet, admitted, wait=self._wait)
        except ChatError as error:
            self._talk.answer(frames.Error(code=error.code, text=error.text, key=admitted.hello.key))
            self._talk.is_leaving = True
        else:
            if admitted.hello.remembered and not admitted.is_resumed:  # rooms that nobody could charge for before
                rooms = len(self._talk.client.members) - len(set(admitted.hello.rooms))
                self._reader.throttle.owe(max(0, rooms), self._talk.context.rate_limit)
            await self._handle_inputs()

    async def run(self) -> None:
        """Converse until the client leaves or its input ends; what is owed to it by then is still sent."""
        peer, unpriced = self._reader.peer, 0
        while not self._talk.is_leaving:
            self._heartbeat.start_waiting()  # silence counts only while this waits
            await peer.receivable()  # in no coroutine of its own: each takes 200 bytes
            if (data := peer.receive_nowait()) is None:
                data = await peer.receive()
            self._heartbeat.stop_waiting()
            if not data:
                break
            inputs = self._reader.decoder.feed(data)
            self._inputs = iter(inputs)
            await self._handle_inputs()
            unpriced = 0 if inputs else await pause_unpriced(unpriced, data)
        with trio.move_on_after(DELIVERY_AFTER_LEAVE_S):
            await self._talk.deliver()
            if self._talk.is_leaving and self._talk.client.outlet is self._outlet:
                self._talk.chat.disconnect(self._talk.client)
                await departed(self._talk.context, self._talk.client)
                await self._talk.deliver()

    async def send_farewell(self) -> None:
        """Send the client its last bytes."""
        await send_farewell(self._talk.context, self._talk.client, self._outlet)

    async def look_for_bye(self, reason: DisconnectReason) -> None:
        """Leave if `bye` was among the last things that the client sent over a connection that is broken.

        It was not read before if the client was being slowed down.
        """
        if reason is not DisconnectReason.BROKEN or self._talk.is_leaving:
            return
        self._talk.is_leaving = any(isinstance(request, frames.Bye) for request in self._inputs)
        decoder, peer = self._reader.decoder, self._reader.peer
        last = decoder.unfinished
        with trio.move_on_after(FINAL_READ_S, shield=True), suppress(OSError, trio.BrokenResourceError):
            for _ in range(FINAL_READS):
                if not (data := await peer.receive()):
                    break
                last = (last + data)[-READ_BYTES:]
        *lines, _cut_off = last.split(b"\n")
        for line in lines[-_LAST_LINES:]:
            self._talk.is_leaving |= _BYE in line and isinstance(decoder.decode(line), frames.Bye)

    def disconnect(self, reason: DisconnectReason) -> None:
        """Remove the client that left, or note that it is away where its connection broke.

        Nothing happens where it has another connection already, as when it resumed before its `bye` was settled.
        """
        talk = self._talk
        talk.context.heartbeats.unwatch(self._outlet)
        if talk.client.outlet is not self._outlet:
            return
        if talk.is_leaving:
            talk.chat.disconnect(talk.client)
            return
        if reason is DisconnectReason.LEFT:  # the input ended without `bye`
            reason = DisconnectReason.BROKEN
        if self._can_resume:
            talk.chat.connection_lost(talk.client, self._outlet, reason)
        else:
            talk.chat.disconnect(talk.client, reason)

    async def _handle_inputs(self) -> None:
        """Handle requests in their order; return when what they said is durable and their answers are sent."""
        talk = self._talk
        for turn, request in enumerate(self._inputs, 1):
            await self._charge(request)
            try:
                await self._respond(request)
            except JournalError as error:
                talk.fail(request, error)
            if talk.is_leaving:
                break
            if turn % INPUTS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
            if self._outlet.unsent_bytes > ANSWERS_BYTES:
                await talk.context.pump.delivered(talk.client)
        await self._flush()

    async def _charge(self, request: FrameInput) -> None:
        """Charge for a request, and wait if that is necessary. A `bye` does not wait: the next connection would."""
        throttle, limit = self._reader.throttle, self._talk.context.rate_limit
        price = price_of(self._talk.client, request)
        if isinstance(request, frames.Bye):
            throttle.owe(price, limit)
            return
        while wait_s := throttle.spend(price, limit):
            await self._flush()
            await pause(wait_s, self._reader.peer, self._ping)

    async def _wait(self, seconds: float) -> None:
        """Wait for the server itself. Raises trio.BrokenResourceError where the connection breaks."""
        self._ping()
        await pause(seconds, self._reader.peer)

    def _ping(self) -> None:
        """Send a sign of life to a client that is not read for a while."""
        talk = self._talk
        talk.context.heartbeats.ping(talk.client, self._outlet)

    async def _flush(self) -> None:
        """Return when everything posted is durable and all answers are sent."""
        await self._talk.settle()
        if self._outlet.unsent_bytes:
            await self._talk.context.pump.delivered(self._talk.client)

    async def _respond(self, request: FrameInput) -> None:
        """Handle a request, or answer why it is refused. Raises JournalError."""
        talk = self._talk
        try:
            if isinstance(request, FrameFault):
                raise request
            handler = HANDLERS[type(request)]
            if handler.is_typed:
                talk.chat.record_input(talk.client)
            if handler.catches_up:
                await talk.catch_up()
            if talk.is_in_order or await talk.check_order(request):
                await handler.run(talk, request)
        except (ChatError, FrameFault) as error:
            await talk.refuse(request, error)
