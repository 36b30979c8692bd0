"""A token bucket, which limits a rate and allows bursts. It is told the time, and never waits itself."""

_ROUNDING = 1e-6
"""Tokens that may be missing: sums of times are rounded, and whoever waited as told is to be let through."""


class TokenBucket:
    """A token bucket: `burst` at once, then `rate` a second. A rate of 0 is no limit."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def copy(self) -> "TokenBucket":
        """Return another bucket with as many tokens."""
        other = TokenBucket(self._rate, self._burst, self._at)
        other._tokens = self._tokens
        return other

    def is_full(self, now: float) -> bool:
        """Tell whether there are as many tokens as there can be."""
        self._refill(now)
        return self._tokens >= self._burst

    def change(self, rate: float, burst: float) -> None:
        """Go on at another rate, other than 0. Tokens stay in the bucket, as far as they fit."""
        self._rate = rate
        self._burst = burst

    def take(self, cost: float, now: float) -> None:
        """Spend `cost` tokens, even if there are fewer: what is missing has to come back first."""
        self._refill(now)
        self._tokens -= cost

    def wait_s(self, cost: float, now: float) -> float:
        """Seconds until `cost` can be taken: 0 where there are as many tokens, or as many as there can be."""
        if not self._rate:
            return 0.0
        self._refill(now)
        missing = min(cost, self._burst) - self._tokens
        return missing / self._rate if missing > _ROUNDING else 0.0

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
