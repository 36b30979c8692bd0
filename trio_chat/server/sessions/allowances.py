"""Allowances that connections leave behind, so that a reconnect does not renew the burst of the rate limit.

Each is taken up once by a later connection of its origin, and besides by a connection that resumes its session. So an
origin never has more fresh bursts than it had connections at one time.
"""

from collections import OrderedDict
from typing import TypeVar

from trio_chat.chat.token_bucket import TokenBucket
from trio_chat.server.transport.admission import KNOWN_ORIGINS

LEFT_PER_ORIGIN = 100
"""Allowances that one origin leaves behind, at most; the oldest are forgotten. Each is full again after seconds."""

OriginKey = int | str
"""The ticket of a connection, or its address where it has none."""


K = TypeVar("K")
V = TypeVar("V")


class Allowances:
    """The allowances left behind, by origin and by session. Of more than KNOWN_ORIGINS the oldest are forgotten."""

    def __init__(self) -> None:
        self._by_origin: OrderedDict[OriginKey, OrderedDict[TokenBucket, None]] = OrderedDict()
        self._by_session: OrderedDict[str, TokenBucket] = OrderedDict()

    def leave(self, bucket: TokenBucket, origin: OriginKey, session: str, now: float) -> None:
        """Leave the allowance of a connection that ends, unless it is full. An empty session cannot be resumed."""
        if bucket.is_full(now):
            return
        left = self._by_origin.setdefault(origin, OrderedDict())
        left[bucket] = None
        _trim(left, LEFT_PER_ORIGIN)
        self._by_origin.move_to_end(origin)
        _trim(self._by_origin, KNOWN_ORIGINS)
        if session:
            self._by_session[session] = bucket
            self._by_session.move_to_end(session)
            _trim(self._by_session, KNOWN_ORIGINS)

    def resume(self, origin: OriginKey, session: str) -> TokenBucket | None:
        """Take up the allowance of a session that is resumed. -> None where it left none, or a full one"""
        bucket = self._by_session.pop(session, None)
        if bucket is None:
            return None
        if self._remove(origin, bucket):
            return bucket
        return bucket.copy()  # another connection has that one

    def take(self, origin: OriginKey) -> TokenBucket | None:
        """Take up the allowance that a connection of an origin left last. -> None where there is none"""
        left = self._by_origin.get(origin)
        if not left:
            return None
        bucket = next(reversed(left))
        self._remove(origin, bucket)
        return bucket

    def _remove(self, origin: OriginKey, bucket: TokenBucket) -> bool:
        left = self._by_origin.get(origin, OrderedDict())
        if bucket not in left:
            return False
        del left[bucket]
        if not left:
            del self._by_origin[origin]
        return True


def _trim(table: OrderedDict[K, V], most: int) -> None:
    if len(table) > most:
        table.popitem(last=False)
