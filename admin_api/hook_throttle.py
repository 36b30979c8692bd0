"""Rate limits on what each hook says, and on the wrong secrets that come from one address. Needs no Quart."""

from collections import OrderedDict

from admin_api.http.access import origin_of
from trio_chat.chat.operators.networks import IpAddress
from trio_chat.chat.token_bucket import TokenBucket

WRONG_SECRETS_BURST = 10
"""Wrong secrets that an address may send at once; answers to more are delayed."""

WRONG_SECRET_INTERVAL_S = 5
WRONG_SECRET_DELAY_S = 1.0

TRACKED_MAX = 1000
"""Hooks, and addresses of wrong secrets, that are remembered; the longest unused is forgotten first."""


class HookThrottle:
    """The buckets of hooks, and of addresses that guessed. `now` is monotonic, in seconds."""

    def __init__(self) -> None:
        self._hooks: OrderedDict[str, TokenBucket] = OrderedDict()
        self._guessers: OrderedDict[tuple[int, int], TokenBucket] = OrderedDict()

    def wait_s(self, hook: str, lines: int, rate: tuple[float, float], now: float) -> float:
        """Charge a hook for so many lines. -> 0, or the seconds after which it may say them; then nothing is charged"""
        bucket = self._hooks.setdefault(hook, TokenBucket(*rate, now))
        _touch(self._hooks, hook)
        bucket.change(*rate)
        if wait_s := bucket.wait_s(lines, now):
            return wait_s
        bucket.take(lines, now)
        return 0.0

    def is_guessing(self, address: IpAddress, now: float) -> bool:
        """Count a wrong secret. -> whether too many came from its address"""
        origin = origin_of(address)
        bucket = self._guessers.setdefault(origin, TokenBucket(1 / WRONG_SECRET_INTERVAL_S, WRONG_SECRETS_BURST, now))
        _touch(self._guessers, origin)
        return not bucket.try_take(1, now)


def _touch(buckets: "OrderedDict[str, TokenBucket] | OrderedDict[tuple[int, int], TokenBucket]", key: object) -> None:
    buckets.move_to_end(key)  # type: ignore[arg-type]  # each has keys of one type
    if len(buckets) > TRACKED_MAX:
        buckets.popitem(last=False)
