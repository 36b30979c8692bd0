"""Turns: the share of the event loop that the pump takes before all others have theirs."""

from time import perf_counter

import trio

from trio_chat.chat.cohort import Cohort, M

TURN_S = 0.002
"""Seconds of one turn: long enough that the loop itself costs little, so short that readers and commits hardly wait."""

SENDS_MIN = 16
"""Sends of one offer at least, however little of the turn is left."""

SEND_S_MIN = 2e-6
"""Seconds that a send is expected to take at least. If it takes 20 times as long of a sudden, the turn lasts 40 ms."""

KEPT_SHARE = 0.75
"""The estimate follows a slower send at once, and a faster one by this share at most."""


class Turn:
    """A turn of the pump, and the number of sends that fit into it, from the time that the last ones took."""

    def __init__(self, seconds: float = TURN_S) -> None:
        self._seconds = seconds
        self._until = 0.0
        self._send_s = SEND_S_MIN

    def begin(self) -> None:
        """Let a turn begin now."""
        self._until = perf_counter() + self._seconds

    @property
    def is_over(self) -> bool:
        """True if others should have their turn."""
        return perf_counter() >= self._until

    async def give_way(self) -> None:
        """Let all others have their turn. The next one begins then."""
        await trio.lowlevel.checkpoint()
        self.begin()

    def offer(self, cohort: Cohort[M]) -> list[M]:
        """Offer its slice to as many of a cohort as fit into the turn. -> those that did not take all of it"""
        began = perf_counter()
        fitting = max(SENDS_MIN, int((self._until - began) / self._send_s))
        count = min(fitting, cohort.unserved)
        refusing = cohort.offer(count)
        self._send_s = max(SEND_S_MIN, self._send_s * KEPT_SHARE, (perf_counter() - began) / count)
        return refusing
