"""A token bucket, which limits a rate and allows bursts. It is told the time, and never waits itself."""


class TokenBucket:
    """A token bucket: `burst` at once, then `rate` a second. A rate of 0 is no limit."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def change(self, rate: float, burst: float) -> None:
        """Go on at another rate, other than 0. What is in the bucket stays there, as far as it fits."""
        self._rate = rate
        self._burst = burst

    def take(self, cost: float, now: float) -> float:
        """Spend `cost` tokens. -> seconds to wait before going on, 0 where there were enough."""
        if not self._rate:
            return 0.0
        self._refill(now)
        self._tokens -= cost
        return max(0.0, -self._tokens / self._rate)

    def try_take(self, cost: float, now: float) -> bool:
        """Spend `cost` tokens if there are as many. -> whether there were."""
        if not self._rate:
            return True
        self._refill(now)
        if self._tokens < cost:
            return False
        self._tokens -= cost
        return True

    def _refill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
