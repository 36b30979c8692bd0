"""The directory: finds the clients of the chat, those of this node in its register and those of the others."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from trio_chat.chat.addressee import Addressee
from trio_chat.chat.client import Client
from trio_chat.chat.dependencies import Owner
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import MARK
from trio_chat.chat.nodes import Nodes
from trio_chat.chat.register import Register, as_peer, find_remote, plain_name
from trio_chat.chat.room import Listener, Room
from trio_chat.chat.session_record import PERSON, SessionRecord
from trio_chat.chat.text import excerpt


class Directory:
    """Finds clients by session, account, name, room or address, on whatever node they are."""

    def __init__(self, register: Register, nodes: Nodes, owner_of: Callable[[str], Owner | None]) -> None:
        """`owner_of` returns the account to which a nick belongs."""
        self._register = register
        self._nodes = nodes
        self._owner_of = owner_of

    def __contains__(self, client: Client) -> bool:
        return client in self._register or bool(client.node and self._nodes.clients.by_id(client.id))

    def check_is_here(self, client: Client) -> None:
        """Raise ChatError for a client that is gone. A session that was kicked runs on up to its next wait."""
        if client not in self:
            raise ChatError("no-such-client", "that client is gone")

    @property
    def everybody(self) -> Collection[Client]:
        """All clients, those that are away and those of other nodes too."""
        return (*self._register.connected, *self._register.away, *self._nodes.clients)

    def with_session(self, session: str) -> Client | None:
        """The client that a new connection with this session would take over."""
        return self._register.by_session(session)

    def has(self, owner: str) -> bool:
        """Tell whether the owner of a session record is here. A single server forgets ids of clients at a restart."""
        return bool(self._register.by_session(owner) or (self._nodes.name and self._register.by_id(owner)))

    def places_of(self, client: Client) -> Sequence[Client]:
        """Return the places of a client's account, the connected ones first; of a guest, it alone."""
        return self.places(client.account) if client.account else (client,)

    def places(self, account: str) -> Sequence[Client]:
        """Return the places of an account, those that are away behind the others, and those of other nodes last."""
        here, elsewhere = self._register.places(account), self._nodes.clients.places(account)
        return (*here, *elsewhere) if elsewhere else here

    def places_here(self, account: str) -> Sequence[Client]:
        """Return the places of an account on this node."""
        return self._register.places(account)

    def called(self, who: str) -> Sequence[Client]:
        """Return the places of the member, or the guest, who has a nick. -> none where `who` names nobody so"""
        here, elsewhere = self._register.called(who), self._nodes.clients.called(plain_name(who))
        return (*here, *elsewhere) if elsewhere else here

    def rooms_of(self, account: str) -> Collection[Room]:
        """Return the rooms of a person: those of all their places."""
        return dict.fromkeys(room for place in self._register.places(account) for room in place.members)

    def person_record(self, account: str) -> SessionRecord | None:
        """Make the record of a person; None where no place is left."""
        for place in self._register.places(account):
            rooms, name = tuple(room.name for room in self.rooms_of(account)), place.label
            return SessionRecord(place.person, PERSON, name, name, rooms, account=account)
        return None

    def known_as(self, label: str) -> Client:
        """The client with this label, however it is written. Raises ChatError where there is none."""
        client = self._register.by_label(label) or self._nodes.clients.by_label(as_peer(label))
        if client is None:
            raise ChatError("nobody", f"nobody here is called {excerpt(label)}")
        return client

    def find(self, who: str) -> list[Client]:
        """All clients that `who` names: a port, an `address:port` (`[address]:port` for IPv6), an id or a nick.

        Raises ChatError for a text that can be none of these. Connected clients can share a port, but not an address
        and port. A client that is away is found by its last address and port, unless a connected one has them.
        """
        found, remote = self._register.find_with_away(who), self._nodes.clients
        return [*found, *find_remote(remote, who)] if remote else found

    def people_in(self, room: Room) -> Iterator[Listener]:
        """One client of each person in a room: in the order of coming, those of other nodes last."""
        yield from room.people
        known = set[str]()
        for client in self._nodes.clients.in_room(room.name):
            if client.account not in known and not room.has(client.account):
                yield client
            if client.account:
                known.add(client.account)

    def headcount(self, room: Room) -> int:
        """The number of people in a room: all places of a person count as one."""
        guests, accounts = self._nodes.clients.count_in(room.name)
        return room.headcount + guests + sum(not room.has(account) for account in accounts)

    def addressee(self, label: str) -> Addressee:
        """Return whoever a private message is for. Raises ChatError where nobody has the name, nor owns it."""
        try:
            client = self.known_as(label)
        except ChatError:
            if owner := self._owner_of(label.removesuffix(MARK)):
                return Addressee(owner.name, owner.id, f"@{owner.id}", None)
            raise
        if client.away_since is not None and client.account:  # they may be connected to another node
            client = next((it for it in self.places(client.account) if it.away_since is None), client)
        return Addressee(client.label, client.account, client.mailbox_name, client)

    def is_in(self, account: str, room: Room) -> bool:
        """Tell whether a place of an account is in a room, on whatever node."""
        return room.has(account) or self._nodes.clients.has(account, room.name)

    def is_in_rooms_elsewhere(self, client: Client) -> bool:
        """Tell whether another place of this one's account is in a room, on whatever node."""
        return bool(client.account) and any(place.room_names for place in self.places_of(client) if place is not client)

    def here(self, clients: Iterable[Client]) -> list[Client]:
        """Return those of these clients that are not gone."""
        return [client for client in clients if client in self]
