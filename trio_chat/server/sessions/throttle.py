"""The throttle: a client that sends too fast is left alone for a while. Nothing is dropped."""

from collections.abc import Callable
from typing import Generic, TypeVar

import trio

from trio_chat.chat.token_bucket import TokenBucket
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.transport.socket_peer import SocketPeer

T = TypeVar("T")


class Throttle(Generic[T]):
    """What slows one client down. It costs nothing before the client speaks."""

    __slots__ = ("_bucket", "_context", "_cost_of")

    def __init__(self, context: SessionContext, cost_of: Callable[[T], float]) -> None:
        self._context = context
        self._cost_of = cost_of
        self._bucket: TokenBucket | None = None

    def spend(self, said: T) -> float:
        """Let the client pay for something it said. -> how long it has to wait before that is heard."""
        limit = self._context.rate_limit
        if not limit.rate:
            return 0.0
        now = trio.current_time()
        if self._bucket is None:
            self._bucket = limit.bucket(now)
        else:
            self._bucket.change(limit.rate, limit.burst)  # it may be another one since
        return self._bucket.take(self._cost_of(said), now)


async def pause(wait_s: float, peer: SocketPeer) -> None:
    """Leave a fast client alone for a while. Raises trio.BrokenResourceError when its connection is gone after that.

    Else one that sent a lot and vanished would be listed until all that was heard.
    """
    await trio.sleep(wait_s)
    if peer.is_dead:
        raise trio.BrokenResourceError("the connection broke while it was slowed down")
