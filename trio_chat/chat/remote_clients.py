"""Clients of other nodes, as these tell of them: found like those of this one, but without a connection here."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from math import inf
from typing import Annotated

import msgspec

from trio_chat.chat.client import Client
from trio_chat.chat.events import MARK
from trio_chat.chat.log import Mode
from trio_chat.chat.nicks import NICK_MAX, fold_name
from trio_chat.chat.outlet import NoOutlet
from trio_chat.chat.session_record import CleanWord

Time = Annotated[float, msgspec.Meta(gt=-1e9, lt=253402300800)]
"""Seconds since 1970, before the year 10000. A machine whose clock is not set may tell of times before 1970."""

Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class ClientFacts(msgspec.Struct, frozen=True):
    """A client as its node tells of it. Times are in seconds since 1970; `away_at` is 0 while it is connected."""

    id: CleanWord
    mode: CleanWord
    label: CleanWord
    nick: CleanWord
    account: CleanWord
    session: str
    rooms: tuple[CleanWord, ...]
    address: CleanWord
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)]
    connected_at: Time
    input_at: Time
    away_at: Time = 0.0
    lines_in: Count = 0
    bytes_out: Count = 0
    is_encrypted: bool = False
    proven_by: CleanWord = ""

    @property
    def known_mode(self) -> Mode:
        """The mode; FRAMES where only a newer version knows it."""
        return Mode(self.mode) if self.mode in set(Mode) else Mode.FRAMES


class _RemoteOutlet(NoOutlet):
    """The outlet of a client of another node: it sends nothing."""

    __slots__ = ("bytes_out", "is_encrypted")

    def __init__(self, bytes_out: int, *, is_encrypted: bool) -> None:
        self.bytes_out = bytes_out
        self.is_encrypted = is_encrypted


class RemoteClient(Client):
    """A client of another node. It is no member of any room here."""

    __slots__ = ("_node", "_rooms")

    def __init__(self, node: str, facts: ClientFacts, *, clock_began_at: float, now: float = inf) -> None:
        """`clock_began_at` is the time at which the steady clock of the chat was 0, in seconds since 1970.

        `now` is the time by that clock: later times, from a node whose time of day is ahead, count as this one.
        """
        outlet = _RemoteOutlet(facts.bytes_out, is_encrypted=facts.is_encrypted)
        super().__init__(facts.id, facts.address, facts.port, mode=facts.known_mode, outlet=outlet)
        self._node = node
        self._rooms = facts.rooms
        self.session, self.account, self.proven_by = facts.session, facts.account, facts.proven_by
        self.nick, self.label = facts.nick or None, facts.label
        self.connected_at, self.last_input_at = facts.connected_at, min(now, facts.input_at - clock_began_at)
        self.away_since = min(now, facts.away_at - clock_began_at) if facts.away_at else None
        self.lines_in = facts.lines_in

    @property
    def node(self) -> str:
        """The name of its node."""
        return self._node

    @property
    def room_names(self) -> Sequence[str]:
        """The names of its rooms."""
        return self._rooms


def facts_of(client: Client, *, clock_began_at: float) -> ClientFacts:
    """Return the facts about a client of this node, as other nodes are told them."""
    away = client.away_since
    return ClientFacts(
        client.id,
        client.mode,
        client.label,
        client.nick or "",
        client.account,
        client.session,
        tuple(client.room_names),
        client.address,
        client.port,
        client.connected_at,
        client.last_input_at + clock_began_at,
        0.0 if away is None else away + clock_began_at,
        client.lines_in,
        client.bytes_out,
        client.outlet.is_encrypted,
        client.proven_by,
    )


class RemoteClients:
    """All clients of other nodes, found by id, name, address, room, account or session."""

    def __init__(self) -> None:
        self._by_id: dict[str, RemoteClient] = {}
        self._by_nick: dict[str, dict[str, RemoteClient]] = {}
        self._by_label: dict[str, dict[str, RemoteClient]] = {}
        self._by_port: dict[int, dict[str, RemoteClient]] = {}
        self._by_room: dict[str, dict[str, RemoteClient]] = {}
        self._by_account: dict[str, dict[str, RemoteClient]] = {}
        self._by_session: dict[str, dict[str, RemoteClient]] = {}
        self._members_in: dict[str, Counter[str]] = {}
        """The places of each account in a room, by its name."""

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[RemoteClient]:
        return iter(self._by_id.values())

    def put(self, client: RemoteClient) -> None:
        """Add a client, or its new state. It may have moved from one node to another, under another id."""
        self.remove(client.id)
        if client.session:
            self.remove_session(client.session)
        self._by_id[client.id] = client
        for index, key in self._index_entries_of(client):
            index.setdefault(key, {})[client.id] = client
        if client.account:
            for name in client.room_names:
                self._members_in.setdefault(name, Counter())[client.account] += 1

    def remove(self, client_id: str) -> None:
        """Forget a client, if it is known."""
        if (client := self._by_id.pop(client_id, None)) is None:
            return
        for index, key in self._index_entries_of(client):
            del index[key][client_id]
            if not index[key]:
                del index[key]
        if client.account:
            for name in client.room_names:
                members = self._members_in[name]
                members[client.account] -= 1
                if not members[client.account]:
                    del members[client.account]
                if not members:
                    del self._members_in[name]

    def of_node(self, node: str) -> Sequence[str]:
        """The ids of the clients of a node."""
        return [it.id for it in self if it.node == node]

    def remove_session(self, session: str) -> None:
        """Forget the client that has this session."""
        for client in self.with_session(session):
            self.remove(client.id)

    def with_session(self, session: str) -> Sequence[RemoteClient]:
        """The clients that have a session: at most one, but while it moves."""
        return tuple(self._by_session.get(session, {}).values())

    def by_id(self, client_id: str) -> RemoteClient | None:
        """The client with that id."""
        return self._by_id.get(client_id)

    def called(self, name: str) -> Sequence[RemoteClient]:
        """The clients that have a nick, however it is written."""
        return tuple(self._by_nick.get(fold_name(name), {}).values()) if 0 < len(name) <= NICK_MAX else ()

    def by_label(self, label: str) -> RemoteClient | None:
        """A client that others know by this label, with or without its mark."""
        label = label.removesuffix(MARK)
        return next(iter((*self.called(label), *self._by_label.get(label, {}).values())), None)

    def at(self, port: int) -> Sequence[RemoteClient]:
        """The clients that are connected from a port."""
        return [it for it in self._by_port.get(port, {}).values() if it.away_since is None]

    def places(self, account: str) -> Sequence[RemoteClient]:
        """The places of an account, the connected ones first."""
        return sorted(self._by_account.get(account, {}).values(), key=lambda it: it.away_since is not None)

    def in_room(self, name: str) -> Sequence[RemoteClient]:
        """The clients in a room."""
        return tuple(self._by_room.get(name, {}).values())

    def count_in(self, name: str) -> tuple[int, Collection[str]]:
        """Return the number of guests in a room, and the accounts that have places there."""
        guests = len(self._by_room.get(name, ()))
        members = self._members_in.get(name)
        return (guests - members.total(), members) if members else (guests, ())

    def has(self, account: str, room: str) -> bool:
        """Tell whether a place of an account is in a room."""
        return bool(account) and any(room in it.room_names for it in self._by_account.get(account, {}).values())

    def _index_entries_of(self, client: RemoteClient) -> Iterator[tuple[dict[object, dict[str, RemoteClient]], object]]:
        indices: tuple[tuple[object, object], ...] = (
            (self._by_nick, client.nick and fold_name(client.nick)),
            (self._by_label, client.label),
            (self._by_port, client.port),
            (self._by_account, client.account),
            (self._by_session, client.session),
            *((self._by_room, name) for name in client.room_names),
        )
        for index, key in indices:
            if key:
                yield index, key  # type: ignore[misc]  # the indices differ in their keys alone
