"""Admission: accepting or refusing connections by their address, before anything is read.

Loopback and the proxies themselves count only in the total, since many clients can share one of their addresses.
"""

import resource
from collections import Counter, OrderedDict
from dataclasses import dataclass

from trio_chat.chat.errors import ChatError
from trio_chat.chat.operators.bans import Bans
from trio_chat.chat.operators.networks import IpAddress, Network, address_of
from trio_chat.chat.token_bucket import TokenBucket
from trio_chat.config import ServeSettings

RESERVED_FILES = 200
"""Open files that are no clients: the journal, connections to the admin API, and clients that are being refused."""

CONNECT_BURST_S = 10
"""An address may open at once what its rate allows in this time: a whole class reconnects after a restart."""

KNOWN_ORIGINS = 10_000
"""Origins whose rate is remembered; the least recently seen is forgotten first."""

REFUSALS = ("banned", "denied", "full", "too-fast", "too-many")
"""The codes by which a connection can be refused."""

Ticket = int
"""The key that a connection is counted under: the number of its origin, or one of these two."""

NO_TICKET = -1
"""That of a connection that is not counted: it was not let in yet, or was refused."""

SHARED_ADDRESS = -2
"""That of connections from loopback or a proxy: many clients share such an address, which only the total counts."""

_IPV6_BIT = 1 << 128
"""Distinguishes the number of an IPv6 origin from that of an IPv4 one."""


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """Settings of the operator. 0 is no limit; an empty `allow` allows everyone; `deny` overrides `allow`."""

    clients: int = 0
    per_address: int = 0
    connect_rate: float = 0.0
    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()
    proxies: tuple[Network, ...] = ()


class Admission:
    """Counts connections, and refuses those that are too many or not allowed."""

    def __init__(self, limits: AdmissionLimits, bans: Bans) -> None:
        self._limits = limits
        self.refused: Counter[str] = Counter(dict.fromkeys(REFUSALS, 0))
        """Refused connections, by the code of the ChatError."""
        self._bans = bans
        self._total = 0
        self._open: dict[Ticket, int] = {}
        self._rates: OrderedDict[Ticket, TokenBucket] = OrderedDict()

    @property
    def limits(self) -> AdmissionLimits:
        """The limits in force. They can be set anew at any time; connections that are open stay so."""
        return self._limits

    @limits.setter
    def limits(self, limits: AdmissionLimits) -> None:
        self._limits = limits
        self._rates.clear()

    @property
    def total(self) -> int:
        """Open connections."""
        return self._total

    @property
    def is_full(self) -> bool:
        """True while no more connections are admitted from anywhere."""
        return bool(self.limits.clients) and self._total >= self.limits.clients

    def is_proxy(self, address: str) -> bool:
        """Tell whether connections from this address begin with a header that gives the client's address."""
        return bool(self.limits.proxies) and _is_in(self.limits.proxies, address_of(address))

    def enter(self, written: str, *, now: float, date: float) -> Ticket:
        """Count a connection in. `now` is steady, `date` is seconds since 1970; give the ticket to `leave`.

        Raises ChatError with a sentence for the one who is refused.
        """
        address = address_of(written)
        try:
            self._check_lists(address, date)
            if self.is_full:
                raise ChatError("full", "the server is full: try again later")
            ticket = self._origin_of(address)
            if ticket != SHARED_ADDRESS:
                self._check_origin(ticket, now)
        except ChatError as refusal:
            self.refused[refusal.code] += 1
            raise
        self._total += 1
        if ticket != SHARED_ADDRESS:
            self._open[ticket] = self._open.get(ticket, 0) + 1
        return ticket

    def check(self, written: str, *, date: float) -> None:
        """Raise ChatError for an address that was banned or denied since it was let in: it is no client yet."""
        self._check_lists(address_of(written), date)

    def leave(self, ticket: Ticket) -> None:
        """Count a connection out. Does nothing for one that was not counted in."""
        if ticket == NO_TICKET:
            return
        self._total -= 1
        if ticket == SHARED_ADDRESS:
            return
        self._open[ticket] -= 1
        if not self._open[ticket]:
            del self._open[ticket]

    def origin_of(self, written: str) -> Ticket:
        """Return the key that connections from an address are counted under."""
        return self._origin_of(address_of(written))

    def charge(self, ticket: Ticket, cost: float, now: float) -> None:
        """Charge an origin for as many new connections as something is worth, such as a wrong password."""
        if ticket >= 0 and self.limits.connect_rate:
            self._rate_of(ticket, now).take(cost, now)

    def _check_lists(self, address: IpAddress, date: float) -> None:
        if _is_in(self.limits.deny, address) or (self.limits.allow and not _is_in(self.limits.allow, address)):
            raise ChatError("denied", "your address is not welcome here")
        if ban := self._bans.find(address, date):
            raise ChatError("banned", ban.sentence)

    def _check_origin(self, ticket: Ticket, now: float) -> None:
        if self.limits.per_address and self._open.get(ticket, 0) >= self.limits.per_address:
            raise ChatError("too-many", "there are too many connections from your address: close one first")
        if self.limits.connect_rate and not self._rate_of(ticket, now).try_take(1, now):
            raise ChatError("too-fast", "your address connects too often: wait a little")

    def _rate_of(self, ticket: Ticket, now: float) -> TokenBucket:
        bucket = self._rates.get(ticket)
        if bucket is None:
            rate = self.limits.connect_rate
            bucket = self._rates[ticket] = TokenBucket(rate, rate * CONNECT_BURST_S, now)
            if len(self._rates) > KNOWN_ORIGINS:
                self._rates.popitem(last=False)
        self._rates.move_to_end(ticket)
        return bucket

    def _origin_of(self, address: IpAddress) -> Ticket:
        """The origin of an address: for IPv6 its /64, which is what one household gets (RFC 6177)."""
        if address.is_loopback or _is_in(self.limits.proxies, address):
            return SHARED_ADDRESS
        if address.version == 4:
            return int(address)
        return _IPV6_BIT | int(address) >> (0 if address.is_link_local else 64)


def _is_in(networks: tuple[Network, ...], address: IpAddress) -> bool:
    return any(address in network for network in networks)


def raise_file_limit() -> None:
    """Use all the file descriptors that the system grants: each client is one."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limits_of(settings: ServeSettings) -> AdmissionLimits:
    """Make the limits from the settings. There are never more clients than open files for them."""
    files, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = files - min(RESERVED_FILES, files // 4) if files != resource.RLIM_INFINITY else 0
    return AdmissionLimits(
        clients=min(filter(None, (settings.max_clients, room)), default=0),
        per_address=settings.max_per_address,
        connect_rate=settings.connect_rate,
        allow=settings.allow,
        deny=settings.deny,
        proxies=settings.proxy,
    )
