"""A conversation in frames: requests in, answers out. What was said is durable before more of it is read."""

import itertools
import sys
from collections.abc import Iterable, Sequence
from typing import assert_never

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Entry, Receipt
from trio_chat.chat.outlet import CloseReason
from trio_chat.journal import Damaged, JournalError, Past, Searchable, need
from trio_chat.server.delivery.liveness import Heartbeat
from trio_chat.server.sessions.context import (
    ANSWERS_BYTES,
    INPUTS_PER_TURN,
    LINGER_S,
    SessionContext,
    failures_of,
    heard,
)
from trio_chat.server.sessions.ending import end_of
from trio_chat.server.sessions.handshake import Handshake, room_info
from trio_chat.server.sessions.throttle import Throttle, pause
from trio_chat.server.transport.socket_outlet import SocketOutlet, Voice
from trio_chat.server.transport.socket_peer import SocketPeer
from trio_chat.wire import frames
from trio_chat.wire.frame_decoder import FrameFault, request_decoder

HELLO_S = 10
MEMBERS_MAX = 1000
ROOMS_MAX = 500
PAGE_CHARS = 64 * 1024
"""Text in one page. A reader that never takes it must not cost megabytes."""

ASKING_COST = 5
"""What is asked of the past, or of many, counts for as many lines."""


def _encode_gap(room: str, missed: int) -> bytes:
    room = frames.MAILBOX if room.startswith(frames.MAILBOX) else room
    return frames.encode(frames.Gap(room=room, after=0, reason="slow", missed=missed))


def _encode_farewell(farewell: CloseReason) -> bytes:
    return frames.encode(frames.Farewell(reason=farewell.code, text=farewell.text, retry_s=farewell.retry_s))


VOICE = Voice(gap=_encode_gap, farewell=_encode_farewell)


async def serve_frames(context: SessionContext, peer: SocketPeer) -> None:
    """Converse in frames until the connection ends. Raises what the socket raises."""
    with trio.CancelScope() as scope:
        outlet = peer.outlet(VOICE, scope)
        session = FramesSession(context, peer, outlet)
        try:
            await session.run(peer)
        finally:
            outlet.push(None)
            session.end(end_of(outlet, sys.exception() or outlet.fault))


class FramesSession:
    """The conversation itself. Before `hello` there is no client."""

    def __init__(self, context: SessionContext, peer: SocketPeer, outlet: SocketOutlet) -> None:
        self._context = context
        self._outlet = outlet
        self._decoder = request_decoder()
        self._client: Client | None = None
        self._reception: Handshake | None = Handshake(context, peer, outlet)
        self._throttle = Throttle(context, _cost_of)
        self._heartbeat: Heartbeat | None = None
        self._patience = trio.CancelScope()
        self._is_leaving = False
        self._may_return = False

    async def run(self, peer: SocketPeer) -> None:
        """Converse until the peer leaves or is gone."""
        self._patience.deadline = trio.current_time() + HELLO_S
        with self._patience:
            while not self._is_leaving and (data := await self._receive(peer)):
                await self._take(self._decoder.feed(data), peer)
        if self._client:
            with trio.move_on_after(LINGER_S):
                await self._hear_out(self._client)

    async def _hear_out(self, client: Client) -> None:
        """Return when the client has been sent all that is durable: what it said is acknowledged by that."""
        await heard(self._context)
        await self._context.pump.delivered(client)

    async def _receive(self, peer: SocketPeer) -> bytes:
        """Wait for the next bytes. Only now does silence count."""
        if self._heartbeat is None:
            return await peer.receive()
        self._heartbeat.start_waiting()
        data = await peer.receive()
        self._heartbeat.stop_waiting()
        return data

    def end(self, end: DisconnectReason) -> None:
        """Let the client leave, or wait for its next connection where this one broke.

        Where it has that already, as when it came back while this one had `bye` still to be settled, nothing is done.
        """
        self._context.heartbeats.unwatch(self._outlet)
        if self._client is None or self._client.outlet is not self._outlet:
            return
        chat = self._context.chat
        if self._is_leaving:
            chat.disconnect(self._client)
            return
        if end is DisconnectReason.LEFT:  # the input ended without `bye`
            end = DisconnectReason.BROKEN
        if self._may_return:
            chat.connection_lost(self._client, self._outlet, end)
        else:
            chat.disconnect(self._client, end)

    async def _take(self, inputs: Iterable[frames.AnyRequest | FrameFault], peer: SocketPeer) -> None:
        """Handle frames in their order; return when what they said is durable and their answers are sent."""
        said: list[tuple[Receipt, str]] = []
        for turn, request in enumerate(inputs, 1):
            if wait_s := self._throttle.spend(request):
                await self._settle(said)
                await self._flush()
                await pause(wait_s, peer)
            try:
                await self._respond(request, said)
            except JournalError as error:
                self._answer(frames.Error(code="journal", text=str(error), key=request.key))
            if self._is_leaving:
                break
            if turn % INPUTS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
            if self._outlet.unsent_bytes > ANSWERS_BYTES:
                await self._flush()
        await self._settle(said)
        await self._flush()

    async def _flush(self) -> None:
        """Return when the answers are sent. A stranger that does not take them has to go: nobody watches over it."""
        if self._client is None:
            self._is_leaving |= not self._outlet.push(None)
        elif self._outlet.unsent_bytes:
            await self._context.pump.delivered(self._client)

    async def _respond(self, request: frames.AnyRequest | FrameFault, said: list[tuple[Receipt, str]]) -> None:
        """Handle a frame, and say why where it is refused. Raises JournalError."""
        try:
            await self._handle(request, said)
        except (ChatError, FrameFault) as error:
            entry = await self._kept_before(request.key) if error.code == "not-in-room" else None
            refusal = frames.Error(code=error.code, text=error.text, key=request.key)
            self._answer(frames.said(entry, again=True) if entry else refusal)

    async def _handle(self, request: frames.AnyRequest | FrameFault, said: list[tuple[Receipt, str]]) -> None:
        if isinstance(request, FrameFault):
            raise request
        if self._client is None:
            assert self._reception
            await self._enter(request, self._reception)
            return
        if not isinstance(request, frames.Pong):  # nobody typed that
            self._context.chat.heard_from(self._client)
        if isinstance(request, frames.History | frames.Search):
            await self._settle(said)
            await self._recall(self._client, request)
            return
        if isinstance(request, frames.Leave):  # what it said in the room is acknowledged there
            await self._settle(said)
            await self._hear_out(self._client)
        elif said and isinstance(request, frames.Join | frames.ListRooms):  # which answer with topics
            await self._settle(said)
            await heard(self._context)
        if receipt := self._obey(self._client, request):
            said.append((receipt, request.key))

    def _obey(self, client: Client, request: frames.AnyRequest) -> Receipt | None:
        """Do what can be done at once. -> a receipt where the answer is an entry that bears the key."""
        chat = self._context.chat
        match request:
            case frames.Say(room=room, text=text, key=key):
                return self._spoken(chat.say(client, chat.room_of(client, room), text, key=key))
            case frames.Act(room=room, text=text, key=key):
                return self._spoken(chat.act(client, chat.room_of(client, room), text, key=key))
            case frames.Tell(to=to, text=text, key=key):
                return self._spoken(chat.tell(client, to, text, key=key))
            case frames.Topic(room=room, text=text, key=key):
                return chat.set_topic(client, chat.room_of(client, room), text, key=key)
            case frames.Join(room=name, key=key):
                member = chat.join(client, name, is_move=True)
                self._answer(frames.Joined(room=room_info(chat, member.room, chat.rooms.heard_to(member)), key=key))
            case frames.Leave(room=name, key=key):
                chat.leave(client, chat.room_of(client, name))
                self._answer(frames.Done(key=key))
            case frames.Nick(nick=nick, key=key):
                chat.rename(client, nick)
                self._answer(frames.Done(key=key))
            case frames.Who(room=name, key=key):
                members = chat.room_of(client, name).members
                labels = [member.label for member in itertools.islice(members, MEMBERS_MAX)]
                self._answer(frames.Members(room=name, count=len(members), labels=labels, key=key))
            case frames.ListRooms(key=key):
                rooms = [room_info(chat, room) for room in chat.rooms.largest(ROOMS_MAX)]
                self._answer(frames.RoomList(rooms=rooms, count=len(chat.rooms), key=key))
            case frames.Ping(key=key):
                self._answer(frames.Pong(key=key))
            case frames.Pong():
                pass
            case frames.Bye():
                self._is_leaving = True
            case frames.Hello():
                raise ChatError("hello-again", "hello was said already")
            case frames.History() | frames.Search():
                raise AssertionError("answered by _recall")
            case _:
                assert_never(request)
        return None

    async def _enter(self, request: frames.AnyRequest, reception: Handshake) -> None:
        """Let a client come in, or come back."""
        try:
            client = reception.admit(request)
        except ChatError:
            self._is_leaving |= reception.is_closed
            raise
        assert isinstance(request, frames.Hello)
        self._client, self._reception = client, None
        self._may_return = request.session is not None
        self._heartbeat = self._context.heartbeats.watch(client, self._outlet)
        self._patience.deadline = float("inf")
        try:
            await reception.welcome(client, request)
        except ChatError:
            self._is_leaving = True
            raise

    async def _recall(self, client: Client, request: frames.History | frames.Search) -> None:
        chat, journal = self._context.chat, self._context.journal
        if isinstance(request, frames.History):
            room = client.mailbox_name if request.room == frames.MAILBOX else chat.room_of(client, request.room).name
            past = await journal.read(room, limit=request.limit + 1, before=request.before, after=request.after)
        else:
            names = [chat.room_of(client, request.room).name] if request.room else [r.name for r in client.members]
            past = await need(journal, Searchable).search(
                names, request.text, limit=request.limit + 1, before=request.before
            )
        self._answer(_page(past, request))

    async def _settle(self, said: list[tuple[Receipt, str]]) -> None:
        """Wait until everything said so far is durable. What was said before under its key is acknowledged again."""
        failures = await failures_of(receipt for receipt, _ in said)
        for receipt, key in said:
            if why := failures.get(receipt):
                self._answer(frames.Error(code="not-kept", text=why, key=key))
            elif self._client and (entry := receipt.repeated(self._client.session, key)):
                self._answer(frames.said(entry, again=True))
        said.clear()

    async def _kept_before(self, key: str) -> Entry | None:
        """What this client said under the key before, perhaps in a room that it has left since."""
        session = self._client.session if self._client else ""
        found = await self._context.journal.find(session, key) if session and key else None
        return found if isinstance(found, Entry) else None

    def _spoken(self, receipt: Receipt | None) -> Receipt:
        if receipt is None:
            raise ChatError("empty", "nothing readable is left of that")
        return receipt

    def _answer(self, reply: frames.Frame) -> None:
        self._outlet.write(frames.encode(reply))


def _cost_of(request: frames.AnyRequest | FrameFault) -> int:
    """How many lines a frame counts for where clients are slowed down."""
    return ASKING_COST if isinstance(request, frames.History | frames.Search | frames.Who | frames.ListRooms) else 1


def _page(past: Sequence[Past], request: frames.History | frames.Search) -> frames.Page:
    """Fill a page from its near end. One entry more than asked for was read, to see whether there is more."""
    is_forward = isinstance(request, frames.History) and request.after is not None
    nearest_first = past if is_forward else past[::-1]
    sizes = itertools.accumulate(len(it.draft.text) if isinstance(it, Entry) else 0 for it in nearest_first)
    fitting = sum(size <= PAGE_CHARS for size in sizes)
    page = nearest_first[: min(request.limit, fitting)]
    told = page if is_forward else page[::-1]
    return frames.Page(
        entries=[frames.said(it) for it in told if isinstance(it, Entry)],
        damaged=[it.id for it in told if isinstance(it, Damaged)],
        more=len(page) < len(past),
        key=request.key,
    )
