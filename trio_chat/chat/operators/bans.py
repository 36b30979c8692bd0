"""Bans of addresses and networks. Times are seconds since 1970."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from trio_chat.chat.chat import Chat
from trio_chat.chat.errors import ChatError
from trio_chat.chat.operators.kicks import kick_in_steps
from trio_chat.chat.operators.networks import Address, Network, address_of, read_network, show_network
from trio_chat.chat.text import clean

_Key = tuple[int, int, int]
"""Version, length of the prefix, first address."""

REASON_LIMIT = 200
BANS_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Ban:
    """The ban of a network. `until` is None for good."""

    network: Network
    reason: str
    by: str
    since: float
    until: float | None = None

    @property
    def sentence(self) -> str:
        """The sentence for somebody whom it keeps out."""
        end = f" until {show_time(self.until)}" if self.until is not None else ""
        return f"you are banned{end}" + (f": {self.reason}" if self.reason else "")

    def is_over(self, now: float) -> bool:
        """True if it has expired."""
        return self.until is not None and self.until <= now


class BanStore(Protocol):
    """The store that keeps bans across restarts. Neither method waits."""

    def keep(self, ban: Ban) -> None:
        """Keep a ban, in place of an earlier one of the same network."""

    def forget(self, network: Network) -> None:
        """Delete the ban of exactly this network."""


class Bans:
    """All bans, found by address in a time that does not grow with their number."""

    def __init__(self, kept: Iterable[Ban] = (), store: BanStore | None = None) -> None:
        """`kept` is what the store has."""
        self._bans: dict[_Key, Ban] = {}
        self._lengths: Counter[tuple[int, int]] = Counter()
        self._store = store
        for ban in kept:
            self._put(ban)

    def __len__(self) -> int:
        """The number of bans, with those that have expired since `current` was called last."""
        return len(self._bans)

    def add(self, ban: Ban) -> None:
        """Ban a network, in place of an earlier ban of exactly that one. Raises ChatError when there are too many."""
        if len(self._bans) >= BANS_LIMIT and _key(ban.network) not in self._bans:
            raise ChatError("too-many-bans", f"there are {BANS_LIMIT} bans already: ban larger networks instead")
        self._put(ban)
        if self._store:
            self._store.keep(ban)

    def remove(self, network: Network) -> Ban:
        """Lift the ban of exactly this network, and return it. Raises ChatError where there is none."""
        key = _key(network)
        ban = self._bans.pop(key, None)
        if ban is None:
            raise ChatError("not-banned", f"{show_network(network)} is not banned")
        self._lengths[key[:2]] -= 1
        self._lengths += Counter()  # which drops what is zero
        if self._store:
            self._store.forget(network)
        return ban

    def find(self, address: Address, now: float) -> Ban | None:
        """A ban that keeps this address out."""
        for version, length in self._lengths:
            if version == address.version:
                rest = address.max_prefixlen - length
                ban = self._bans.get((version, length, int(address) >> rest << rest))
                if ban and not ban.is_over(now):
                    return ban
        return None

    def current(self, now: float) -> list[Ban]:
        """All bans that hold, oldest first. Expired ones are removed."""
        for ban in [ban for ban in self._bans.values() if ban.is_over(now)]:
            self.remove(ban.network)
        return sorted(self._bans.values(), key=lambda ban: ban.since)

    def _put(self, ban: Ban) -> None:
        key = _key(ban.network)
        if key not in self._bans:
            self._lengths[key[:2]] += 1
        self._bans[key] = ban


def kick_banned(chat: Chat, ban: Ban) -> Iterator[int]:
    """Kick everyone who is connected from a banned network, or was last, some in each step. -> the number so far

    They are told why, and until when.
    """
    known = (*chat.clients, *chat.away)
    yield from kick_in_steps(
        chat,
        known,
        ban.sentence,
        kicked=set(),
        is_meant=lambda client: bool(client.address) and address_of(client.address) in ban.network,
    )


def make_ban(target: str, *, reason: str = "", by: str, now: float, minutes: int | None = None) -> Ban:
    """Make the ban of an address or network. Raises ChatError where `target` is neither, or the reason is too long."""
    if len(reason) > REASON_LIMIT:
        raise ChatError("long-reason", f"a reason has at most {REASON_LIMIT} characters")
    reason = clean(reason).strip()
    until = None if minutes is None else now + 60 * minutes
    return Ban(read_network(target), reason, by, now, until)


def show_time(seconds: float) -> str:
    """Write a time for people anywhere: to the minute, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _key(network: Network) -> _Key:
    return network.version, network.prefixlen, int(network.network_address)
