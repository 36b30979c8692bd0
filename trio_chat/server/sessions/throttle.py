"""The throttle: a client that sends too fast is not read for a while. Nothing is dropped."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import trio

from trio_chat.chat.token_bucket import TokenBucket
from trio_chat.server.transport.peer import Peer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The speed allowed to a client: `burst` lines at once, then `rate` a second. A rate of 0 is no limit."""

    rate: float = 0.0
    burst: float = 1.0


class Throttle(Generic[T]):
    """Slows one client down. It costs nothing before the client speaks."""

    __slots__ = ("_bucket", "_cost_of")

    def __init__(self, cost_of: Callable[[T], float]) -> None:
        """`cost_of` says how many lines an input counts for."""
        self._cost_of = cost_of
        self._bucket: TokenBucket | None = None

    def spend(self, said: T, limit: RateLimit) -> float:
        """Charge the client for one input. -> seconds that it has to wait before that is handled

        `limit` may differ from call to call.
        """
        if not limit.rate:
            return 0.0
        now = trio.current_time()
        if self._bucket is None:
            self._bucket = TokenBucket(limit.rate, limit.burst, now)
        else:
            self._bucket.change(limit.rate, limit.burst)
        return self._bucket.take(self._cost_of(said), now)


async def pause(wait_s: float, peer: Peer) -> None:
    """Wait before more of a fast client is handled. Raises trio.BrokenResourceError where its connection broke by then.

    Without that, a client that sent much and vanished would stay listed until all of it was handled.
    """
    await trio.sleep(wait_s)
    if peer.is_dead:
        raise trio.BrokenResourceError("the connection broke while it was slowed down")
