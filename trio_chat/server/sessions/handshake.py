"""The reception: how a client that speaks frames comes in with `hello`, or comes back, and what it hears first."""

import hashlib
import secrets

from trio_chat import __version__
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.log import Mode
from trio_chat.chat.room import Room
from trio_chat.server.sessions.context import TRIES, SessionContext, is_password_right
from trio_chat.server.sessions.replay import Replay
from trio_chat.server.transport.socket_outlet import SocketOutlet
from trio_chat.server.transport.socket_peer import SocketPeer
from trio_chat.wire import frames


class Handshake:
    """What is between a connection's first frame and its `welcome`."""

    def __init__(self, context: SessionContext, peer: SocketPeer, outlet: SocketOutlet) -> None:
        self._context = context
        self._peer = peer
        self._outlet = outlet
        self._wrong_passwords = 0
        self._is_resumed = False
        self.is_closed = False
        """Whoever is here now must go."""

    def admit(self, request: frames.AnyRequest) -> Client:
        """Let a client come in, or come back. Raises ChatError where it may not."""
        if not isinstance(request, frames.Hello):
            raise ChatError("hello-first", "the first frame must be hello")
        if request.protocol != frames.PROTOCOL:
            self.is_closed = True
            raise ChatError("protocol", f"this server speaks version {frames.PROTOCOL}")
        self._check_password(request.password)
        chat, peer = self._context.chat, self._peer
        session = hashlib.sha256((request.session or secrets.token_hex()).encode()).hexdigest()[:32]
        client = chat.resume(session, peer.address, peer.port, outlet=self._outlet)
        self._is_resumed = client is not None
        return client or chat.connect(peer.address, peer.port, mode=Mode.FRAMES, outlet=self._outlet, session=session)

    async def welcome(self, client: Client, hello: frames.Hello) -> None:
        """Give the client its name and its rooms, welcome it, and bring it what it missed.

        Raises ChatError, and it is in no new room, where it needs a nick that cannot be had.
        """
        # Who comes back keeps the nick that it has taken since, unless it may have no other than this.
        if hello.nick and (client.nick is None or hello.needs_nick):
            self._try_nick(client, hello.nick, is_needed=hello.needs_nick)
        replay = Replay(self._context, client, self._outlet, since=hello.since, epoch=hello.epoch)
        replay.hold(self._context.chat.rooms.open_mailbox(client))
        for name in hello.rooms:
            self._try_room(client, name)
        for member in client.members.values():  # also where it was before, named again or not
            replay.hold(member)
        await self._outlast_a_crash(client)
        self._answer(self._welcome_to(client, replay, hello.key))
        await replay.run()

    def _check_password(self, given: str) -> None:
        """Raises ChatError. One that gives none may not know of it, and guesses nothing."""
        password = self._context.password
        if not password.is_set or (given and is_password_right(self._context, self._peer, given)):
            return
        if not given:
            raise ChatError("password", "this server asks for a password")
        self._wrong_passwords += 1
        self.is_closed = self._wrong_passwords == TRIES
        raise ChatError("password", "wrong password")

    async def _outlast_a_crash(self, client: Client) -> None:
        """Return when the client's session is saved: a client that was welcomed can resume after any crash.

        The pump is paused meanwhile, since nothing may come before the welcome.
        """
        with self._context.pump.paused(client):
            await self._context.session_saver.settled()

    def _try_room(self, client: Client, name: str) -> None:
        try:
            self._context.chat.join(client, name, is_move=self._is_resumed)
        except ChatError as error:
            self._answer(frames.Error(code=error.code, text=error.text))

    def _try_nick(self, client: Client, nick: str, *, is_needed: bool) -> None:
        """A nick that cannot be had is no reason to stay outside, unless it is needed."""
        try:
            self._context.chat.rename(client, nick)
        except ChatError as error:
            if is_needed:
                raise
            self._answer(frames.Error(code=error.code, text=error.text))

    def _welcome_to(self, client: Client, replay: Replay, key: str) -> frames.Welcome:
        chat = self._context.chat
        return frames.Welcome(
            protocol=frames.PROTOCOL,
            epoch=self._context.journal.epoch,
            server=f"trio-chat {__version__}",
            you=frames.You(id=client.id, label=client.label, address=client.peer),
            resumed=self._is_resumed,
            rooms=[room_info(chat, member.room, replay.heard_to(member)) for member in client.members.values()],
            last_id=replay.heard_to(chat.rooms.open_mailbox(client)),
            limits=frames.Limits(),
            key=key,
        )

    def _answer(self, reply: frames.Frame) -> None:
        self._outlet.write(frames.encode(reply))


def room_info(chat: Chat, room: Room, last_id: int | None = None) -> frames.RoomInfo:
    """Describe a room as it is now; for a member, `last_id` is up to where nothing more comes to it from there."""
    newest = chat.rooms.last_id if last_id is None else last_id
    return frames.RoomInfo(name=room.name, topic=room.topic, members=len(room.members), last_id=newest)
