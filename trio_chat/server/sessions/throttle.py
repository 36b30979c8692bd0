"""The throttle: a client that sends too fast is not read for a while. Nothing is dropped.

A request that costs more than a whole burst is let through at once, and paid off by waiting afterwards. An address has
one such overdraft at a time, so that a second connection has no other. What a connection has spent or owes when it ends
is taken over by the next one, see `allowances`.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import trio

from trio_chat.chat.token_bucket import TokenBucket
from trio_chat.server.sessions.allowances import Allowances, OriginKey
from trio_chat.server.transport.admission import KNOWN_ORIGINS
from trio_chat.server.transport.peer import Peer

SIGN_OF_LIFE_EVERY_S = 10
"""Seconds between two signs of life to a client that is not read; our own gives a silent server up after 35."""

LOOK_EVERY_S = 2.5
"""Seconds between two checks whether the connection of a client that is not read is dead."""


UNPRICED_BYTES = 64 * 1024
"""Bytes that are read at full speed though they have no price: the rest of a line or frame that is too long, and empty
frames."""

UNPRICED_PAUSE_S = 0.001
"""Pause for each so many of them. Without it one endless line keeps the loop busy, and a thread that has committed what
others said waits for Python's lock, for up to 5 ms."""

COSTLY_BYTES = (b"\n", b"\xff")
"""Bytes that are looked at one by one: the end of an empty frame, and the first of a telnet sequence."""

COSTLY_WEIGHT = 128
"""Bytes that each of them counts for: 4 KiB of them take 0.5 and 2 ms of CPU, and others 20 us."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The speed allowed to a client: `burst` lines at once, then `rate` a second. A rate of 0 is no limit."""

    rate: float = 0.0
    burst: float = 1.0


class Overdrafts:
    """The times at which overdrafts are paid off, by origin. Of more than KNOWN_ORIGINS the oldest are forgotten."""

    def __init__(self) -> None:
        self._paid_at: OrderedDict[OriginKey, float] = OrderedDict()

    def wait_s(self, origin: OriginKey, now: float) -> float:
        """Seconds until an origin may have another overdraft."""
        return max(0.0, self._paid_at.get(origin, now) - now)

    def begin(self, origin: OriginKey, paid_at: float) -> None:
        """Note an overdraft."""
        self._paid_at[origin] = paid_at
        self._paid_at.move_to_end(origin)
        if len(self._paid_at) > KNOWN_ORIGINS:
            self._paid_at.popitem(last=False)


class Throttle:
    """Slows one client down. It costs nothing before the client speaks."""

    __slots__ = ("_allowances", "_bucket", "_origin", "_overdrafts")

    def __init__(self, overdrafts: Overdrafts, allowances: Allowances, peer: Peer) -> None:
        """`overdrafts` and `allowances` are those of all clients."""
        self._overdrafts = overdrafts
        self._allowances = allowances
        self._origin: OriginKey = peer.ticket if peer.ticket >= 0 else peer.address
        self._bucket: TokenBucket | None = None

    def spend(self, price: float, limit: RateLimit) -> float:
        """Charge the client for one input, unless it has to wait. -> seconds to wait before this is asked again

        `limit` may differ from call to call.
        """
        if not limit.rate:
            return 0.0
        now = trio.current_time()
        bucket = self._bucket or self._begin(self._allowances.take(self._origin), limit)
        bucket.change(limit.rate, limit.burst)
        wait_s = bucket.wait_s(price, now)
        is_overdraft = price > limit.burst
        if is_overdraft:
            wait_s = max(wait_s, self._overdrafts.wait_s(self._origin, now))
        if wait_s:
            return wait_s
        bucket.take(price, now)
        if is_overdraft:
            self._overdrafts.begin(self._origin, now + (price - limit.burst) / limit.rate)
        return 0.0

    def resume(self, session: str, limit: RateLimit) -> bool:
        """Go on with the allowance of a session that is to be resumed. -> False where this is not the first input"""
        if self._bucket:
            return False
        if limit.rate:
            self._begin(self._allowances.resume(self._origin, session), limit)
        return True

    def owe(self, price: float, limit: RateLimit) -> None:
        """Charge the client for an input that does not wait: what is missing has to come back before the next one."""
        if self._bucket and limit.rate:
            self._bucket.take(price, trio.current_time())

    def leave(self, session: str = "") -> None:
        """Leave the allowance behind, at the end of the connection. `session` can be resumed, if it is not empty."""
        if self._bucket:
            self._allowances.leave(self._bucket, self._origin, session, trio.current_time())

    def _begin(self, left: TokenBucket | None, limit: RateLimit) -> TokenBucket:
        self._bucket = left or TokenBucket(limit.rate, limit.burst, trio.current_time())
        return self._bucket


def _keep_silent() -> None:
    """Give no sign of life: a plain client expects none."""


async def pause(wait_s: float, peer: Peer, give_sign_of_life: Callable[[], None] = _keep_silent) -> None:
    """Wait before more input of a fast client is handled. Raises trio.BrokenResourceError where its connection breaks.

    Otherwise a client that sent much and vanished would stay listed until all of it was handled.
    """
    ends_at = trio.current_time() + wait_s
    for look in range(1, math.ceil(wait_s / LOOK_EVERY_S) + 1):
        await trio.sleep_until(min(ends_at, trio.current_time() + LOOK_EVERY_S))
        if peer.is_dead:
            raise trio.BrokenResourceError("the connection broke while it was slowed down")
        if look % (SIGN_OF_LIFE_EVERY_S / LOOK_EVERY_S) == 0:
            give_sign_of_life()


async def pause_unpriced(before: int, data: bytes) -> int:
    """Pause where what came to nothing since the last pause takes much work. -> what counts for the next one

    `before` is what this returned for the read before, and `data` what was read now.
    """
    count = before + len(data) + COSTLY_WEIGHT * sum(map(data.count, COSTLY_BYTES))
    if count < UNPRICED_BYTES:
        return count
    await trio.sleep(UNPRICED_PAUSE_S * (count // UNPRICED_BYTES))
    return 0
