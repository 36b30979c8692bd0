"""Mutes: whoever is muted hears everything and says nothing. Times are seconds since 1970.

A mute of a network silences everybody there. One of a client finds that client again by its session and by its address,
whatever its nick: a plain client has no session, and a session is soon replaced by a new one. Others who were at that
address at the time, and have not left since, are spared. Newcomers at that address are silenced, since they could be
the same person. A mute of a member silences all places of the account as well, at any address.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.operators.networks import (
    Network,
    NetworkTable,
    address_of,
    named_networks,
    network_of,
    parse_network,
    show_network,
)
from trio_chat.chat.operators.restrictions import LISTED_MAX, Restrictions, batched, holding, terms
from trio_chat.chat.text import excerpt

MUTES_LIMIT = 10_000

MUTES_PER_NETWORK = 100
"""Mutes of clients of one address: a line from there is checked against each."""

SPARED_MAX = 10_000
"""Other clients of its address that a mute of a client can spare: some 300 KB."""

CLIENTS_PER_STEP = 500
"""Clients looked at between two turns of the loop: about a millisecond."""

_ID = re.compile("m([1-9][0-9]{0,8})", re.ASCII)

_Target = tuple[str, Network | None]


@dataclass(frozen=True, slots=True)
class Mute:
    """The mute of a client, or of a network. `until` is None for a permanent one."""

    number: int
    """Its number, as in the id `m7`; 0 before it is in force."""
    label: str
    """The label of the client that it was made for; "" for the mute of a network."""
    network: Network | None
    """The network that it silences; None for a client whose address is not known."""
    session: str
    """The session of the client, if it has one."""
    spared: frozenset[str]
    """The owners of the clients of that network that it does not silence."""
    reason: str
    by: str
    since: float
    until: float | None = None
    account: str = ""
    """The id of the client's account, if it has one: it silences all its places."""

    @property
    def id(self) -> str:
        """Its id, by which operators name it."""
        return f"m{self.number}"

    @property
    def target(self) -> _Target:
        """The identity that is muted: equal for mutes that take each other's place."""
        if self.account:
            return f"@{self.account}", None
        return self.session or self.label, None if self.session else self.network

    @property
    def who(self) -> str:
        """The client or network, as operators read it."""
        return f"[{self.label}]" if self.label else show_network(self.network) if self.network else "?"

    @property
    def sentence(self) -> str:
        """The sentence for somebody whom it silences."""
        return f"you are muted{terms(self.reason, self.until)}"

    def is_over(self, now: float) -> bool:
        """True if it has expired."""
        return self.until is not None and self.until <= now


class MuteStore(Protocol):
    """The store that keeps mutes across restarts. Neither method waits."""

    def keep_mute(self, mute: Mute) -> None:
        """Keep a mute, in place of an earlier one with its number."""

    def forget_mute(self, number: int) -> None:
        """Delete a mute."""


class Mutes:
    """All mutes, found by client in a time that does not grow with their number."""

    def __init__(
        self,
        kept: Iterable[Mute] = (),
        store: MuteStore | None = None,
        *,
        ahead_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`kept` is what the store has, oldest first. `ahead_s` gives the seconds by which the clock may be wrong."""
        self._in_order: Restrictions[int, Mute] = Restrictions(lambda mute: self._drop(mute.number), ahead_s)
        self._by_session: dict[str, Mute] = {}
        self._by_account: dict[str, Mute] = {}
        self._by_network: NetworkTable[dict[int, Mute]] = NetworkTable()
        self._numbers: dict[_Target, int] = {}
        self._newest = 0
        self._store = store
        for mute in kept:
            self._put(mute)

    def __len__(self) -> int:
        """The number of mutes, with some that expired a moment ago."""
        return len(self._in_order)

    def add(self, mute: Mute) -> Mute:
        """Mute, in place of an earlier mute of the same client or network. -> the mute with its number

        Raises ChatError where there are too many.
        """
        self._in_order.expire(mute.since)
        number = self._numbers.get(mute.target)
        if number is None:
            self._check_room_for(mute)
            self._newest += 1
        else:
            self._take_out(number)
        made = replace(mute, number=number or self._newest)
        self._put(made)
        self._keep(made)
        return made

    def change(self, mute: Mute) -> None:
        """Replace the mute with this number, which there is."""
        self._replace(mute)
        self._keep(mute)

    def remove(self, mute: Mute) -> None:
        """Lift a mute. Raises ChatError where it is lifted already."""
        if mute.number not in self._in_order:
            raise ChatError("not-muted", f"there is no mute of {mute.who}")
        self._drop(mute.number)

    def sync(self, kept: Sequence[Mute]) -> Iterator[None]:
        """Take over the mutes in the store, which another server has changed, some in each step.

        Where mutes change here between two steps, whoever takes these has to read the store again.
        """
        by_number = {mute.number: mute for mute in kept}
        for former in batched([mute for _, mute in self._in_order.after(0)]):
            for mute in former:
                if mute.number not in by_number and mute.number in self._in_order:
                    self._take_out(mute.number)
            yield
        for step in batched(list(by_number.values())):
            for mute in step:
                if mute.number not in self._in_order:
                    self._put(mute)
                elif self._in_order[mute.number] != mute:
                    self._replace(mute)
            yield

    def find(self, client: Client, now: float) -> Mute | None:
        """The mute that silences a client; of several, the one that ends last."""
        if not self._in_order:
            return None
        self._in_order.expire(now)
        found = holding(tuple(self._concerning(client)), now)
        return max(found, key=lambda mute: math.inf if mute.until is None else mute.until, default=None)

    def refusal(self, client: Client, now: float) -> str:
        """The sentence that refuses what a client says; "" where nothing silences it."""
        return mute.sentence if self._in_order and (mute := self.find(client, now)) else ""

    def named(self, who: str, chat: Chat, now: float) -> list[Mute]:
        """Return the mutes that `who` names: an id such as `m7`, a network, or a client, which may have left.

        Raises ChatError where there is none.
        """
        if (number := _ID.fullmatch(who)) and (named := int(number[1])) in self._in_order:
            found = [self._in_order[named]]
        elif networks := networks_written(who):
            numbers = (self._numbers.get(("", network)) for network in networks)
            found = [self._in_order[number] for number in numbers if number][:1]
        else:
            found = self._of_client(who, chat)
        if not (held := list(holding(found, now))):
            raise ChatError("not-muted", f"there is no mute of {excerpt(who)}; mutes are listed with their ids")
        return held

    def current(self, now: float, limit: int = LISTED_MAX) -> list[Mute]:
        """Return the newest mutes that hold, oldest first."""
        self._in_order.expire(now)
        return list(holding(self._in_order.newest(limit), now))

    def after(self, number: int, now: float) -> Sequence[tuple[int, Mute]]:
        """Return all mutes behind a number in the list, each with its own, oldest first. Some may be over."""
        self._in_order.expire(now)
        return self._in_order.after(number)

    def _of_client(self, who: str, chat: Chat) -> list[Mute]:
        """Return the mutes made for clients that are called this, or were when they were muted."""
        found = {mute.number: mute for client in _found(chat, who) for mute in self._concerning(client) if mute.label}
        if not found:
            label = who.removeprefix("[").removesuffix("]").casefold()
            found = {mute.number: mute for _, mute in self._in_order.after(0) if mute.label.casefold() == label != ""}
        return list(found.values())

    def _concerning(self, client: Client) -> Iterator[Mute]:
        if client.account and (mute := self._by_account.get(client.account)):
            yield mute
        if client.session and (mute := self._by_session.get(client.session)):
            yield mute
        if client.address:
            for mutes in self._by_network.matching(address_of(client.address)):
                yield from (mute for mute in mutes.values() if client.owner not in mute.spared)

    def _check_room_for(self, mute: Mute) -> None:
        if len(self) >= MUTES_LIMIT:
            raise ChatError("too-many-mutes", f"there are {MUTES_LIMIT} mutes already: mute larger networks instead")
        if mute.network and len(self._by_network.get(mute.network) or ()) >= MUTES_PER_NETWORK:
            text = f"{MUTES_PER_NETWORK} clients of {show_network(mute.network)} are muted already: mute the network"
            raise ChatError("too-many-mutes", text)

    def _enter(self, mute: Mute) -> None:
        self._numbers[mute.target] = mute.number
        if mute.session:
            self._by_session[mute.session] = mute
        if mute.account:
            self._by_account[mute.account] = mute
        if mute.network:
            mutes = self._by_network.get(mute.network) or {}
            mutes[mute.number] = mute
            self._by_network.put(mute.network, mutes)

    def _leave(self, mute: Mute) -> None:
        self._numbers.pop(mute.target, None)
        self._by_session.pop(mute.session, None)
        self._by_account.pop(mute.account, None)
        if mute.network and (mutes := self._by_network.get(mute.network)):
            mutes.pop(mute.number, None)
            if not mutes:
                self._by_network.remove(mute.network)

    def _put(self, mute: Mute) -> None:
        self._newest = max(self._newest, mute.number)
        self._in_order.put(mute.number, mute)
        self._enter(mute)

    def _replace(self, mute: Mute) -> None:
        self._leave(self._in_order[mute.number])
        self._in_order.change(mute.number, mute)
        self._enter(mute)

    def _take_out(self, number: int) -> None:
        self._leave(self._in_order.pop(number))

    def _drop(self, number: int) -> None:
        self._take_out(number)
        if self._store:
            self._store.forget_mute(number)

    def _keep(self, mute: Mute) -> None:
        if self._store:
            self._store.keep_mute(mute)


def network_written(who: str) -> Network | None:
    """Read whom to mute: an address, of IPv6 its /64, or a network. -> None for what is neither, and may be a client"""
    networks = networks_written(who)
    return networks[-1] if networks else None


def networks_written(who: str) -> tuple[Network, ...]:
    """Read the networks that `who` may name, the likeliest first. -> none for a text that may name a client"""
    who = who.strip()
    try:
        return named_networks(who, parse_network(who, strict=False))
    except ValueError:
        return ()


def mute_of_network(network: Network, *, reason: str, by: str, now: float, until: float | None) -> Mute:
    """Make the mute of everybody in a network."""
    return Mute(0, "", network, "", frozenset(), reason, by, now, until)


def mute_of_client(
    client: Client, neighbours: Iterable[Client], *, reason: str, by: str, now: float, until: float | None
) -> Mute:
    """Make the mute of a client. `neighbours` are the clients of its address.

    Raises ChatError where these are too many to be spared.
    """
    spared = frozenset(one.owner for one in neighbours if one.person != client.person)
    if len(spared) > SPARED_MAX:
        text = f"{len(spared)} others are at the address of {client.label}, and at most {SPARED_MAX} can be spared"
        raise ChatError("too-many-spared", text)
    return Mute(0, client.label, home_of(client), client.session, spared, reason, by, now, until, client.account)


def home_of(client: Client) -> Network | None:
    """Return the network that stands for the address of a client. -> None where that is not known"""
    return network_of(address_of(client.address)) if client.address else None


def collect_clients(chat: Chat, network: Network, found: list[Client]) -> Iterator[int]:
    """Append all clients from a network to `found`, those that are away too. -> the number so far, in each step"""
    clients = tuple(chat.directory.everybody)
    for start in range(0, len(clients), CLIENTS_PER_STEP):
        step = clients[start : start + CLIENTS_PER_STEP]
        found += [client for client in step if client.address and address_of(client.address) in network]
        yield len(found)


def _found(chat: Chat, who: str) -> list[Client]:
    try:
        return chat.directory.find(who)
    except ChatError:
        return []
