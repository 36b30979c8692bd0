"""Chat: all rooms and every rule. Lines, frames, the console and HTTP call the same methods.

What it decides becomes drafts, handed to `post`; what comes back from the journal enters the rooms through `hear`.
Nothing here waits: no method is a coroutine, so a rule is checked and applied in one step.
"""

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Draft, Entry, Kind, Post, Receipt
from trio_chat.chat.log import Encode, Mode, Window
from trio_chat.chat.nicks import check_nick, fold
from trio_chat.chat.room import Client, Outlet, Room
from trio_chat.chat.text import clean

LOBBY = "lobby"
SERVER = "server"

_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_CLIENT_ID = re.compile(r"c[1-9][0-9]{0,18}", re.ASCII)


class Change(StrEnum):
    """What an operator is told of a client."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    KICKED = "kicked"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the chat needs from outside.

    `post` hands a draft to the journal. `encoders` are the wire formats. `wall_clock` gives seconds since 1970, `clock`
    seconds that never go back. `on_change` hears of clients coming and going, `on_news` of rooms with something to
    send.
    """

    post: Post
    encoders: Mapping[Mode, Encode]
    wall_clock: Callable[[], float]
    clock: Callable[[], float]
    on_change: Callable[[Change, Client], None]
    on_news: Callable[[Room], None]


class Chat:
    """All clients and rooms of this server."""

    def __init__(self, outside: Surroundings, *, window: Window = Window()) -> None:  # noqa: B008  # frozen: safe to share
        self._outside = outside
        self._window = window
        self._next_id = itertools.count(1)
        self._by_id: dict[str, Client] = {}
        self._by_port: dict[int, list[Client]] = {}
        self._by_nick: dict[str, Client] = {}
        self.rooms: dict[str, Room] = {}

    @property
    def clients(self) -> Collection[Client]:
        """Everyone who is connected, in the order of coming."""
        return self._by_id.values()

    # Coming and going

    def connect(self, address: str, port: int, *, mode: Mode, outlet: Outlet) -> Client:
        """Admit a connection. It is in no room yet."""
        client = Client(f"c{next(self._next_id)}", address, port, mode, outlet)
        client.connected_at = self._outside.wall_clock()
        client.heard_at = self._outside.clock()
        self._by_id[client.id] = client
        self._by_port.setdefault(port, []).append(client)
        self._outside.on_change(Change.CONNECTED, client)
        return client

    def join(self, client: Client, name: str) -> Room:
        """Put a client into a room, which is made if it is not there. It hears what is kept from now on."""
        room = self.room(name)
        if client not in room.members:
            room.admit(client)
            self._post(client, room, Kind.JOINED)
        return room

    def disconnect(self, client: Client) -> None:
        """The connection is over. Does nothing for one that is gone already, as after a kick."""
        if client.id in self._by_id:
            self._forget(client, Kind.LEFT)
            self._outside.on_change(Change.DISCONNECTED, client)

    def kick(self, client: Client) -> None:
        """End a client's connection; everyone where it was is told. Raises ChatError for one that is gone."""
        if client.id not in self._by_id:
            raise ChatError("no-such-client", "that client is gone")
        self._forget(client, Kind.KICKED)
        self._outside.on_change(Change.KICKED, client)
        client.outlet.hang_up("you were kicked")

    # Speaking

    def say(self, client: Client, text: str) -> Receipt | None:
        """Say a line in the client's room. -> None when nothing readable is left of it once it is clean."""
        return self._speak(client, Kind.SAID, text)

    def act(self, client: Client, text: str) -> Receipt | None:
        """Say what the client does, as in `* [alice] waves`."""
        return self._speak(client, Kind.ACTED, text)

    def rename(self, client: Client, nick: str) -> Receipt | None:
        """Give a client another nick. Raises ChatError where it is malformed, reserved or taken."""
        nick = check_nick(nick)
        key = fold(nick)
        if self._by_nick.get(key, client) is not client:
            raise ChatError("nick-taken", f"the nick {nick} is taken")
        if nick == client.nick:
            return None
        self._release_nick(client)
        self._by_nick[key] = client
        receipt = None
        for room in client.members:
            receipt = self._post(client, room, Kind.RENAMED, nick)
        client.nick = nick
        return receipt

    def announce(self, text: str) -> Receipt | None:
        """Let the server speak in every room that anyone is in."""
        receipt = None
        if text := clean(text).strip():
            for room in self.rooms.values():
                receipt = self._outside.post(Draft(room.name, Kind.ANNOUNCED, SERVER, text))
        return receipt

    # Hearing

    def hear(self, entries: Iterable[Entry]) -> None:
        """Put entries, durable now, into the logs of their rooms."""
        news: dict[Room, None] = {}
        for entry in entries:
            room = self.room(entry.draft.room)
            room.hear(entry, self._by_id.get(entry.draft.client))
            news[room] = None
        for room in news:
            self._outside.on_news(room)

    def heard_from(self, client: Client) -> None:
        """Note that a client has sent a line."""
        client.lines_in += 1
        client.heard_at = self._outside.clock()

    # Looking

    def room(self, name: str) -> Room:
        """The room of that name, made if it is not there."""
        if (room := self.rooms.get(name)) is None:
            room = self.rooms[name] = Room(name, self._outside.encoders, self._window)
        return room

    def idle_s(self, client: Client) -> float:
        """Seconds since the client last sent a line."""
        return self._outside.clock() - client.heard_at

    def find(self, who: str) -> list[Client]:
        """All clients that `who` names: a port, an `address:port` (`[address]:port` for IPv6) or an id.

        Raises ChatError for what is none of these. Several clients can share a port, none an address and port.
        """
        if _CLIENT_ID.fullmatch(who):
            return [self._by_id[who]] if who in self._by_id else []
        address, _, port = who.rpartition(":")
        if not _PORT.fullmatch(port) or int(port) > 65535:
            raise ChatError("bad-client", "expected a port, ADDRESS:PORT or the id of a client")
        found = self._by_port.get(int(port), [])
        return [client for client in found if not address or client.peer == who]

    # Inside

    def _speak(self, client: Client, kind: Kind, text: str) -> Receipt | None:
        if client.room is None:
            raise ChatError("no-room", "you are in no room")
        if not (text := clean(text)) or text.isspace():
            return None
        return self._post(client, client.room, kind, text)

    def _post(self, client: Client, room: Room, kind: Kind, text: str = "") -> Receipt:
        return self._outside.post(Draft(room.name, kind, client.label, text, client.id))

    def _forget(self, client: Client, notice: Kind) -> None:
        del self._by_id[client.id]
        sharing = self._by_port[client.port]
        sharing.remove(client)
        if not sharing:
            del self._by_port[client.port]
        self._release_nick(client)
        for room in client.members:
            room.dismiss(client)
            self._post(client, room, notice)
        client.members = {}

    def _release_nick(self, client: Client) -> None:
        if client.nick is not None:
            del self._by_nick[fold(client.nick)]
