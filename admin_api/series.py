"""The last hour in samples, for the plots of the console. Needs no Quart."""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import msgspec
import trio

from admin_api.client_counts import count_clients
from trio_chat.chat.chat import Chat
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.histogram import Histogram

INTERVAL_S = 10.0
"""Between two samples."""

SAMPLES = 360
"""An hour."""


class Sample(msgspec.Struct, frozen=True):
    """The clients at one time, and the traffic of the INTERVAL_S before it. `time` is in seconds since 1970.

    Delays are those between commit and last send; null where nothing was sent.
    """

    time: int
    clients: int
    away: int
    behind: int
    lines_per_s: float
    deliveries_per_s: float
    delay_p50_ms: float | None
    delay_p99_ms: float | None


@dataclass(slots=True)
class _Totals:
    time: float
    lines: int
    deliveries: int
    delays: tuple[int, ...]


class Series:
    """Samples of a running chat, oldest first."""

    def __init__(self, chat: Chat, delays: Histogram, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970."""
        self.samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._chat = chat
        self._delays = delays
        self._clock = clock
        self._last = self._totals(trio.current_time())
        self._ended: deque[Counter[DisconnectReason]] = deque([Counter()], maxlen=SAMPLES)
        """The disconnects so far, at each sample."""

    @property
    def ended(self) -> Mapping[DisconnectReason, int]:
        """The disconnects of the last hour, by reason; every reason is there."""
        now = self._chat.counters.disconnects
        return {reason: now[reason] - self._ended[0][reason] for reason in DisconnectReason}

    async def run(self) -> None:
        """Take samples until cancelled."""
        while True:
            await trio.sleep(INTERVAL_S)
            await self.take_sample()

    async def take_sample(self) -> None:
        """Add a sample of the time since the last one."""
        behind = (await count_clients(self._chat)).behind
        last, self._last = self._last, self._totals(trio.current_time())
        elapsed_s = max(self._last.time - last.time, 1e-3)
        delays = [now - before for now, before in zip(self._last.delays, last.delays, strict=True)]
        self._ended.append(Counter(self._chat.counters.disconnects))
        self.samples.append(
            Sample(
                time=int(self._clock()),
                clients=len(self._chat.clients),
                away=len(self._chat.away),
                behind=behind,
                lines_per_s=round((self._last.lines - last.lines) / elapsed_s, 2),
                deliveries_per_s=round((self._last.deliveries - last.deliveries) / elapsed_s, 2),
                delay_p50_ms=quantile_ms(self._delays.bounds_s, delays, 0.5),
                delay_p99_ms=quantile_ms(self._delays.bounds_s, delays, 0.99),
            )
        )

    def _totals(self, now: float) -> _Totals:
        counters = self._chat.counters
        return _Totals(now, counters.lines_in, counters.deliveries, tuple(self._delays.counts))


def quantile_ms(bounds_s: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """Estimate the duration that `share` of all stay below, in milliseconds, as if each bucket were filled evenly.

    `counts` has one more than `bounds_s`; what is above the last bound counts as that. -> None without durations
    """
    total = sum(counts)
    if not total:
        return None
    wanted = share * total
    lower_s = 0.0
    for upper_s, count, reached in zip(bounds_s, counts, accumulate(counts), strict=False):
        if reached >= wanted:
            return round(1000 * (lower_s + (upper_s - lower_s) * (1 - (reached - wanted) / count)), 3)
        lower_s = upper_s
    return round(1000 * lower_s, 3)
