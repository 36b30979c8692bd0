"""Who may ask: by address, or by token. Needs no Quart, so the app builds it before that is imported.

A token that is set is asked of everyone but trusted networks. Where none is set, this machine alone may ask, unless the
operator said that anybody may. Wrong tokens are counted by address: whoever gives too many is not looked at for a
while, right or wrong, or guessing would cost nothing. Others are not held up by that.
"""

import hmac
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import sha256

from trio_chat.chat.operators.networks import Address, Network
from trio_chat.chat.token_bucket import TokenBucket

GUESSES_AT_ONCE = 10
GUESS_S = 5
"""An address may guess wrong so often at once, and after that once in so many seconds."""

KNOWN_GUESSERS = 1000
"""Origins of wrong tokens that are remembered; those unheard of for longest go first."""


@dataclass(frozen=True, slots=True)
class Access:
    """What the operator decides. `names` are those under which the API may be called, beside the machine's own."""

    token: str = field(default="", repr=False)
    allow: tuple[Network, ...] = ()
    is_open: bool = False
    names: tuple[str, ...] = ()

    @property
    def is_limited(self) -> bool:
        """Whether anything is decided about those who ask from other machines."""
        return bool(self.token or self.allow or self.is_open)


class Verdict(Enum):
    """What becomes of one who asks."""

    ADMITTED = auto()
    NO_TOKEN = auto()
    WRONG_TOKEN = auto()
    TOO_MANY_GUESSES = auto()
    FOREIGN = auto()
    """There is no token, and this address may not do without."""


class Gate:
    """Judges who asks. Its state is bounded."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._digest = _digest(access.token)
        self._guessers: OrderedDict[tuple[int, int], TokenBucket] = OrderedDict()

    def judge(self, address: Address, given: str | None, now: float) -> Verdict:
        """Judge one who gave a token, or none. `now` is steady."""
        if any(address in network for network in self._access.allow):
            return Verdict.ADMITTED
        if not self._access.token:
            return Verdict.ADMITTED if self._access.is_open or address.is_loopback else Verdict.FOREIGN
        if given is None:
            return Verdict.NO_TOKEN
        origin = _origin_of(address)
        guesses = self._guessers.get(origin)
        if guesses and guesses.take(0, now) > 0:
            return Verdict.TOO_MANY_GUESSES
        if self._matches(given):
            return Verdict.ADMITTED
        self._count_guess(origin, now)
        return Verdict.WRONG_TOKEN

    def _matches(self, given: str) -> bool:
        # Digests have one length, so the time tells nothing about the token, its length included.
        return hmac.compare_digest(self._digest, _digest(given))

    def _count_guess(self, origin: tuple[int, int], now: float) -> None:
        guesses = self._guessers.setdefault(origin, TokenBucket(1 / GUESS_S, GUESSES_AT_ONCE - 1, now))
        guesses.take(1, now)
        self._guessers.move_to_end(origin)
        if len(self._guessers) > KNOWN_GUESSERS:
            self._guessers.popitem(last=False)


def _digest(token: str) -> bytes:
    return sha256(token.encode(errors="surrogatepass")).digest()


def _origin_of(address: Address) -> tuple[int, int]:
    """Who is behind an address: for IPv6 its /64, which is what one household gets (RFC 6177)."""
    return address.version, int(address) if address.version == 4 else int(address) >> 64
