"""Authentication by address and token. Needs no Quart, which is imported later.

A token that is set is required of everyone outside the trusted networks. Without a token, only loopback addresses are
admitted, unless the operator opened the API. Every token is compared, and the right one admitted at once, however many
wrong ones came from its address: a guesser behind the same proxy must not lock an operator out. Wrong tokens are
counted by address; after too many, the answers to further ones are delayed. The API is protected by the length of its
token.
"""

import hmac
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import sha256

from trio_chat.chat.operators.networks import IpAddress, Network
from trio_chat.chat.token_bucket import TokenBucket

WRONG_TOKENS_BURST = 10
"""Wrong tokens that an address may send at once."""

WRONG_TOKEN_INTERVAL_S = 5
"""After these, an address may send one in this many seconds; the answers to others are delayed."""

WRONG_TOKEN_DELAY_S = 1.0
"""The delay of an answer to a wrong token beyond that. Its connection makes way for others meanwhile."""

TRACKED_ORIGINS_MAX = 1000
"""Origins of wrong tokens that are tracked; the least recently seen are dropped first."""


@dataclass(frozen=True, slots=True)
class Access:
    """The access settings. `names` are the host names of the API, besides the machine's own."""

    token: str = field(default="", repr=False)
    allow: tuple[Network, ...] = ()
    is_open: bool = False
    names: tuple[str, ...] = ()

    @property
    def is_limited(self) -> bool:
        """True if the settings say who may access the API from other machines."""
        return bool(self.token or self.allow or self.is_open)


class AccessDecision(Enum):
    """The outcome of authentication."""

    ADMITTED = auto()
    NO_TOKEN = auto()
    WRONG_TOKEN = auto()
    TOO_MANY_WRONG_TOKENS = auto()
    NOT_LOCAL = auto()
    """No token is set, and the address is neither local nor trusted."""


class Authenticator:
    """Authenticates requests. Its state is bounded."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._digest = _digest(access.token)
        self._wrong_tokens: OrderedDict[tuple[int, int], TokenBucket] = OrderedDict()

    def authenticate(self, address: IpAddress, token: str | None, now: float) -> AccessDecision:
        """Decide about a request from an address, with a token or None. `now` is monotonic, in seconds."""
        if any(address in network for network in self._access.allow):
            return AccessDecision.ADMITTED
        if not self._access.token:
            return AccessDecision.ADMITTED if self._access.is_open or address.is_loopback else AccessDecision.NOT_LOCAL
        if token is None:
            return AccessDecision.NO_TOKEN
        if self._is_right(token):
            return AccessDecision.ADMITTED
        origin = origin_of(address)
        bucket = self._wrong_tokens.get(origin)
        if bucket and bucket.wait_s(0, now):
            return AccessDecision.TOO_MANY_WRONG_TOKENS
        self._count_wrong_token(origin, now)
        return AccessDecision.WRONG_TOKEN

    def _is_right(self, token: str) -> bool:
        # Digests have one length, so the time of the comparison reveals nothing about the token, nor its length.
        return hmac.compare_digest(self._digest, _digest(token))

    def _count_wrong_token(self, origin: tuple[int, int], now: float) -> None:
        bucket = self._wrong_tokens.setdefault(
            origin, TokenBucket(1 / WRONG_TOKEN_INTERVAL_S, WRONG_TOKENS_BURST - 1, now)
        )
        bucket.take(1, now)
        self._wrong_tokens.move_to_end(origin)
        if len(self._wrong_tokens) > TRACKED_ORIGINS_MAX:
            self._wrong_tokens.popitem(last=False)


def _digest(token: str) -> bytes:
    return sha256(token.encode(errors="surrogatepass")).digest()


def origin_of(address: IpAddress) -> tuple[int, int]:
    """Return the key by which wrong tokens are counted: an IPv4 address, or the /64 of a household (RFC 6177)."""
    return address.version, int(address) if address.version == 4 else int(address) >> 64
