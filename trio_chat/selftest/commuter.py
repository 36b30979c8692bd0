"""A place of a member that joins and leaves again and again; private messages to the member wait meanwhile."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random

import trio

from trio_chat.selftest.participant import Participant, open_participant
from trio_chat.selftest.returning_client import ReturningClient

COMMUTERS_ROOM = "tram"
"""The only room that commuters are in."""

LEAVE_PROBABILITY = 0.3
"""Probability of leaving after each line."""

AWAY_S = (0.5, 2.0)
"""Bounds of the time between two stays."""


class Commuter(ReturningClient):
    """One place of a member that speaks for a while in each of its stays."""

    def __init__(self, name: str, place: str, port: int, folder: Path, rng: Random) -> None:
        super().__init__(name, port, folder, rng)
        self.mail: Sequence[str] = ()
        """The texts of the private messages in its mailbox at the end."""
        self._place = place

    async def run(self, others: Sequence[str], interval_s: float, is_over: Callable[[], bool]) -> None:
        """Join, speak and leave, again and again; return when it is over and the last stay has ended."""
        while not is_over():
            await self._stay(others, interval_s, is_over)
            await trio.sleep(self._rng.uniform(*AWAY_S))

    async def collect_mail(self) -> None:
        """Join once more, and read the mailbox."""
        async with self._join() as stay:
            self.mail = await stay.read_mail()
            await stay.leave_chat()

    def _join(self) -> AbstractAsyncContextManager[Participant]:
        return open_participant(
            self.name, self._port, self._folder, [COMMUTERS_ROOM], is_persistent=True, place=self._place
        )

    async def _stay(self, others: Sequence[str], interval_s: float, is_over: Callable[[], bool]) -> None:
        async with self._join() as stay:
            self._stays.append(stay)
            while not is_over() and self._rng.random() > LEAVE_PROBABILITY:
                text = f"{self.name}{self._place} {next(self._numbers)}"
                if self._rng.random() < 0.5:
                    await stay.say(text, COMMUTERS_ROOM)
                else:
                    await stay.tell(self._rng.choice(others), text)
                await trio.sleep(self._rng.expovariate(1 / interval_s))
            await stay.leave_chat()
