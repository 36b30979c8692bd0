"""Bans of addresses and networks. Times are seconds since 1970."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from trio_chat.chat.chat import Chat
from trio_chat.chat.errors import ChatError
from trio_chat.chat.operators.kicks import CLIENTS_PER_STEP, kick_in_steps
from trio_chat.chat.operators.networks import (
    IpAddress,
    Network,
    NetworkTable,
    address_of,
    named_networks,
    read_home,
    read_network,
    show_network,
)
from trio_chat.chat.operators.restrictions import LISTED_MAX, Restrictions, batched, holding, read_reason, terms

BANS_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Ban:
    """The ban of a network. `until` is None for a permanent one."""

    network: Network
    reason: str
    by: str
    since: float
    until: float | None = None

    @property
    def sentence(self) -> str:
        """The sentence for somebody whom it keeps out."""
        return f"you are banned{terms(self.reason, self.until)}"

    def is_over(self, now: float) -> bool:
        """True if it has expired."""
        return self.until is not None and self.until <= now


class BanStore(Protocol):
    """The store that keeps bans across restarts. Neither method waits."""

    def keep_ban(self, ban: Ban) -> None:
        """Keep a ban, in place of an earlier one of the same network."""

    def forget_ban(self, network: Network) -> None:
        """Delete the ban of exactly this network."""


class Bans:
    """All bans, found by address in a time that does not grow with their number."""

    def __init__(
        self,
        kept: Iterable[Ban] = (),
        store: BanStore | None = None,
        *,
        ahead_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`kept` is what the store has, oldest first. `ahead_s` gives the seconds by which the clock may be wrong."""
        self._by_network: NetworkTable[Ban] = NetworkTable()
        self._in_order: Restrictions[Network, Ban] = Restrictions(lambda ban: self._drop(ban.network), ahead_s)
        self._store = store
        for ban in kept:
            self._put(ban)

    def __len__(self) -> int:
        """The number of bans, with some that expired a moment ago."""
        return len(self._in_order)

    def add(self, ban: Ban) -> None:
        """Ban a network, in place of an earlier ban of exactly that one. Raises ChatError when there are too many."""
        self._in_order.expire(ban.since)
        if len(self) >= BANS_LIMIT and ban.network not in self._in_order:
            raise ChatError("too-many-bans", f"there are {BANS_LIMIT} bans already: ban larger networks instead")
        self._put(ban)
        if self._store:
            self._store.keep_ban(ban)

    def get(self, network: Network) -> Ban | None:
        """Return the ban of exactly this network."""
        return self._by_network.get(network)

    def named(self, written: str, now: float) -> Ban:
        """Return the ban of exactly this address or network. Raises ChatError where there is none, or it is over.

        One IPv6 address names the ban of its /64, too, unless it is banned alone.
        """
        network = read_network(written)
        found = filter(None, map(self._by_network.get, named_networks(written, network)))
        if ban := next(holding(tuple(found), now), None):
            return ban
        raise ChatError("not-banned", f"there is no ban of {show_network(network)}")

    def change(self, ban: Ban) -> None:
        """Replace the ban of exactly this network, which there is."""
        self._replace(ban)
        if self._store:
            self._store.keep_ban(ban)

    def remove(self, network: Network) -> Ban:
        """Lift the ban of exactly this network, and return it. Raises ChatError where there is none."""
        if network not in self._in_order:
            raise ChatError("not-banned", f"there is no ban of {show_network(network)}")
        return self._drop(network)

    def find(self, address: IpAddress, now: float) -> Ban | None:
        """A ban that keeps this address out."""
        self._in_order.expire(now)
        return next((ban for ban in self._by_network.matching(address) if not ban.is_over(now)), None)

    def current(self, now: float, limit: int = LISTED_MAX) -> list[Ban]:
        """Return the newest bans that hold, oldest first."""
        self._in_order.expire(now)
        return list(holding(self._in_order.newest(limit), now))

    def after(self, number: int, now: float) -> Sequence[tuple[int, Ban]]:
        """Return all bans that were made after the one with this number, each with its number, oldest first.

        Some may be over. 0 is before the first.
        """
        self._in_order.expire(now)
        return self._in_order.after(number)

    def sync(self, kept: Sequence[Ban]) -> Iterator[int]:
        """Take over the bans in the store, which another server has changed, some in each step. -> how many are new

        Where bans change here between two steps, whoever takes these has to read the store again.
        """
        by_network: dict[Network, Ban] = {}
        for step in batched(kept):
            by_network.update((ban.network, ban) for ban in step)
            yield 0
        for former in batched([ban for _, ban in self._in_order.after(0)]):
            for ban in former:
                if ban.network not in by_network and ban.network in self._in_order:
                    self._take_out(ban.network)
            yield 0
        new = 0
        for step in batched(list(by_network.values())):
            for ban in step:
                if ban.network not in self._in_order:
                    self._put(ban)
                    new += 1
                elif self._by_network.get(ban.network) != ban:
                    self._replace(ban)
            yield new

    def _put(self, ban: Ban) -> None:
        self._by_network.put(ban.network, ban)
        self._in_order.put(ban.network, ban)

    def _replace(self, ban: Ban) -> None:
        self._by_network.put(ban.network, ban)
        self._in_order.change(ban.network, ban)

    def _take_out(self, network: Network) -> Ban:
        self._by_network.remove(network)
        return self._in_order.pop(network)

    def _drop(self, network: Network) -> Ban:
        ban = self._take_out(network)
        if self._store:
            self._store.forget_ban(network)
        return ban


def kick_banned(chat: Chat, ban: Ban) -> Iterator[int]:
    """Kick everyone who is connected from a banned network, or was last, some in each step. -> the number so far

    Of a member, all places are kicked, wherever they are. They are told why, and until when.
    """
    known = tuple(chat.directory.everybody)
    yield from kick_in_steps(
        chat,
        known,
        ban.sentence,
        kicked=set(),
        is_meant=lambda client: bool(client.address) and address_of(client.address) in ban.network,
        everywhere=True,
    )


def kick_all_banned(chat: Chat, bans: Bans, now: float) -> Iterator[int]:
    """Kick everyone whom any ban keeps out, as `kick_banned` does, in one pass. -> the number so far"""
    known, kicked = tuple(chat.directory.everybody), 0
    for start in range(0, len(known), CLIENTS_PER_STEP):
        for client in known[start : start + CLIENTS_PER_STEP]:
            if client.address and (ban := bans.find(address_of(client.address), now)):
                with suppress(ChatError):  # it has gone since
                    kicked += len(chat.kick(client, ban.sentence, everywhere=True))
        yield kicked


def make_ban(target: str, *, reason: str = "", by: str, now: float, minutes: int | None = None) -> Ban:
    """Make the ban of an address or network, of an IPv6 address its /64. Raises ChatError where `target` is neither."""
    until = None if minutes is None else now + 60 * minutes
    return Ban(read_home(target), read_reason(reason), by, now, until)
