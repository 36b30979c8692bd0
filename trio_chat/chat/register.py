"""The register of clients: finds them by id, port, label or session."""

import re
from collections import Counter
from collections.abc import Collection, Sequence

from trio_chat.chat.away import AwayClients
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import MARK
from trio_chat.chat.nicks import NICK_MAX, fold_name, is_nick
from trio_chat.chat.remote_clients import RemoteClient, RemoteClients

_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_SHOWN = re.compile(r"\[([^][:]+:[0-9]+|\[[^][]+\]:[0-9]+)\]", re.ASCII)
_CLIENT_ID = re.compile(r"c[1-9][0-9]{0,18}", re.ASCII)


def as_peer(who: str) -> str:
    """Return the `address:port` that `who` is another spelling of, or else `who`.

    It may stand in brackets, as the chat shows it, and an IPv6 address before a port needs none of its own.
    """
    if shown := _SHOWN.fullmatch(who):
        return shown[1]
    address, _, port = who.rpartition(":")
    return f"[{address}]:{port}" if ":" in address and "[" not in address else who


def plain_name(who: str) -> str:
    """Return a name without the brackets and the mark with which the chat shows it."""
    return (who[1:-1] if who.startswith("[") and who.endswith("]") else who).removesuffix(MARK)


def find_remote(clients: RemoteClients, who: str) -> Sequence[RemoteClient]:
    """All clients of other nodes that `who` names: a port, an `address:port`, an id or a nick."""
    if client := clients.by_id(who):
        return (client,)
    if called := clients.called(plain_name(who)):
        return called
    who = as_peer(who)
    port = who.rpartition(":")[2]
    if not _PORT.fullmatch(port):
        return ()
    return [client for client in clients.at(int(port)) if port == who or client.peer == who]


class Register:
    """All clients of this server, those that are away included; but no address or port finds these."""

    def __init__(self) -> None:
        self._by_id: dict[str, Client] = {}
        self._by_port: dict[int, tuple[Client, ...]] = {}
        self._by_nick: dict[str, Client] = {}
        self._by_session: dict[str, Client] = {}
        self._by_label: dict[str, Client] = {}
        """Clients without a nick whose label is not their present address: they have resumed, or are away."""
        self._by_account: dict[str, list[Client]] = {}
        """The places of each account that has any, in the order of proving it."""
        self.away = AwayClients()
        self._by_origin: Counter[int] = Counter()

    def __contains__(self, client: Client) -> bool:
        return client.id in self._by_id

    @property
    def connected(self) -> Collection[Client]:
        """All clients with a connection, in the order of connecting."""
        if not self.away:
            return self._by_id.values()
        return [client for client in self._by_id.values() if client not in self.away]

    def enter(self, client: Client) -> None:
        """Add a client. Where an earlier client from its address and port has its label, it gets another."""
        if client.label in self._by_label:
            client.label = f"{client.label}#{client.id}"
            self._by_label[client.label] = client
        self._by_id[client.id] = client
        self._by_origin[client.origin] += 1
        self._take_port(client)
        if client.session:
            self._by_session[client.session] = client

    def enter_away(self, client: Client, *, rooms: int) -> None:
        """Add a client that is away, and is to be in so many rooms."""
        self._by_id[client.id] = self._by_session[client.session] = client
        self._by_label[client.label] = client
        self._by_origin[client.origin] += 1
        self.away.add(client, rooms=rooms)

    def remove(self, client: Client) -> None:
        """Forget a client, its names and its session."""
        if client in self.away:
            self.away.remove(client)
        else:
            self._release_port(client)
        del self._by_id[client.id]
        self._leave_origin(client)
        self._by_session.pop(client.session, None)
        self._leave_account(client)
        self._release_name(client)

    def send_away(self, client: Client) -> None:
        """Note that a client has lost its connection and is away."""
        self._keep_label(client)
        self._release_port(client)
        self.away.add(client, rooms=len(client.members))

    def bring_back(self, client: Client, address: str, port: int, origin: int) -> None:
        """Note that a client has resumed on another connection."""
        if client in self.away:
            self.away.remove(client)
        else:
            self._release_port(client)
        self._keep_label(client)
        self._leave_origin(client)
        client.address, client.port, client.origin = address, port, origin
        self._by_origin[origin] += 1
        self._take_port(client)

    def owner_of(self, nick: str) -> Client | None:
        """Return the client that has a nick, however it is written."""
        return self._by_nick.get(fold_name(nick))

    def claim_nick(self, client: Client, nick: str) -> None:
        """Give a client a well-formed nick and free its old one. Raises ChatError where another client has it.

        Places of one account share it.
        """
        key = fold_name(nick)
        owner = self._by_nick.get(key, client)
        if owner is not client and not (client.account and owner.account == client.account):
            raise ChatError("nick-taken", f"the nick {nick} is taken")
        self._release_name(client)
        self._by_nick[key] = client
        client.nick = nick

    def enter_account(self, client: Client, account: str, name: str) -> None:
        """Make a client a place of an account, under its name. Raises ChatError where a guest has that."""
        former, client.account = client.account, account
        try:
            self.claim_nick(client, name)
        except ChatError:
            client.account = former
            raise
        self._by_account.setdefault(account, []).append(client)

    def places(self, account: str) -> Sequence[Client]:
        """The places of an account, the connected ones first."""
        return sorted(self._by_account.get(account, ()), key=self.away.__contains__)

    def called(self, who: str) -> Sequence[Client]:
        """The places of the member, or the guest, that has a nick. It may be written as the chat shows it."""
        name = plain_name(who)
        client = self._by_nick.get(fold_name(name)) if len(name) <= NICK_MAX else None
        if client is None:
            return ()
        return self.places(client.account) if client.account else (client,)

    def by_id(self, client_id: str) -> Client | None:
        """The client with that id."""
        return self._by_id.get(client_id)

    def by_session(self, session: str) -> Client | None:
        """The client that has this session, connected or away."""
        return self._by_session.get(session)

    def by_label(self, label: str) -> Client | None:
        """The client that others know by this label, with or without its mark, however nick or address is written."""
        label = as_peer(label.removesuffix(MARK))
        if client := self._by_nick.get(fold_name(label)) or self._by_label.get(label):
            return self.places(client.account)[0] if client.account else client
        try:
            found = self.find(label)
        except ChatError:
            return None
        return found[0] if len(found) == 1 else None

    def find(self, who: str) -> list[Client]:
        """All clients that `who` names: a port, an `address:port` or an id.

        An IPv6 address may be in brackets, and all of it too, as the chat shows it. Raises ChatError for what is none
        of these. Several clients can share a port, none an address and port.
        """
        if _CLIENT_ID.fullmatch(who):
            client = self._by_id.get(who)
            return [client] if client and client not in self.away else []
        who = as_peer(who)
        port = who.rpartition(":")[2]
        if not _PORT.fullmatch(port) or int(port) > 65535:
            raise ChatError("bad-client", "expected a port, ADDRESS:PORT, id or nick of a client")
        found = self._by_port.get(int(port), ())
        return [client for client in found if port == who or client.peer == who]

    def find_with_away(self, who: str) -> list[Client]:
        """All clients that `who` names: like `find`, but also by nick, and clients that are away by their last address.

        A connected client comes before one that is away. Raises ChatError for what can be none of these.
        """
        if client := self._by_id.get(who):
            return [client]
        if called := self.called(who):
            return list(called)
        if is_nick(plain_name(who)):
            return []
        if found := self.find(who):
            return found
        who = as_peer(who)
        return [client for client in self.away if who in (str(client.port), client.peer)]

    def in_the_way(self, origin: int, *, per_origin: int, total: int, away_size: int) -> Client | None:
        """The client that is away and has to make way, where there are more than allowed; 0 is no limit."""
        has_too_many = per_origin and origin >= 0 and self._by_origin[origin] > per_origin
        if has_too_many and (oldest := self.away.oldest(origin)):
            return oldest
        if (total and len(self._by_id) > total) or self.away.size > away_size:
            return self.away.oldest()
        return None

    def _leave_origin(self, client: Client) -> None:
        self._by_origin[client.origin] -= 1
        if not self._by_origin[client.origin]:
            del self._by_origin[client.origin]

    def _keep_label(self, client: Client) -> None:
        if client.nick is None:
            self._by_label[client.label] = client

    def _leave_account(self, client: Client) -> None:
        if client.account:
            places = self._by_account[client.account]
            places.remove(client)
            if not places:
                del self._by_account[client.account]

    def _release_name(self, client: Client) -> None:
        if client.nick is not None:
            key = fold_name(client.nick)
            if self._by_nick[key] is client:
                del self._by_nick[key]
                if (places := self._by_account.get(client.account)) and places[0].nick == client.nick:
                    self._by_nick[key] = places[0]
        elif self._by_label.get(client.label) is client:
            del self._by_label[client.label]

    def _take_port(self, client: Client) -> None:
        self._by_port[client.port] = (*self._by_port.get(client.port, ()), client)

    def _release_port(self, client: Client) -> None:
        sharing = tuple(other for other in self._by_port.pop(client.port) if other is not client)
        if sharing:
            self._by_port[client.port] = sharing
