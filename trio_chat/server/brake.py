"""The brake: a client that sends too fast is left alone for a while. Nothing is dropped."""

import trio

from trio_chat.chat.flood import Bucket
from trio_chat.server.peer import SocketPeer
from trio_chat.server.services import Services


class Brake:
    """What slows one client down. It costs nothing before the client speaks."""

    __slots__ = ("_bucket", "_services")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._bucket: Bucket | None = None

    def spend(self, cost: float) -> float:
        """Let the client pay. -> how long it has to wait before that is heard."""
        if not self._services.pace.rate:
            return 0.0
        now = trio.current_time()
        if self._bucket is None:
            self._bucket = self._services.pace.bucket(now)
        return self._bucket.take(cost, now)


async def pause(wait_s: float, peer: SocketPeer) -> None:
    """Leave a fast client alone for a while. Raises trio.BrokenResourceError when its connection is gone after that.

    Else one that sent a lot and vanished would be listed until all that was heard.
    """
    await trio.sleep(wait_s)
    if peer.is_dead:
        raise trio.BrokenResourceError("the connection broke while it was slowed down")
