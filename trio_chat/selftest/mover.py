"""A client that joins and leaves rooms, changes its nick, leaves the chat and comes back."""

import itertools
from collections.abc import Callable, Iterator

import trio

from trio_chat.selftest.participant import Participant, open_participant
from trio_chat.selftest.returning_client import ReturningClient
from trio_chat.selftest.visits import Visit
from trio_chat.wire import frames

MOVING_ROOMS = ("attic", "yard", "shed")
STEPS = ("join", "leave", "rename", "say", "say", "say", "go")


class Mover(ReturningClient):
    """A person that moves between rooms in each stay. All nicks that it takes begin with its name."""

    @property
    def visits(self) -> Iterator[Visit]:
        """All visits of rooms."""
        return itertools.chain.from_iterable(stay.visits for stay in self._stays)

    async def run(self, interval_s: float, is_over: Callable[[], bool]) -> None:
        """Join, move about and leave, again and again; return when it is over and the last stay has ended."""
        while not is_over():
            nick = f"{self.name}{next(self._numbers)}"
            rooms = [self._rng.choice(MOVING_ROOMS)]
            async with open_participant(nick, self._port, self._folder, rooms, is_persistent=True) as stay:
                self._stays.append(stay)
                await self._move_about(stay, interval_s, is_over)
                await stay.leave_chat()

    async def _move_about(self, stay: Participant, interval_s: float, is_over: Callable[[], bool]) -> None:
        while not is_over() and (step := self._rng.choice(STEPS)) != "go":
            room, number = self._rng.choice(MOVING_ROOMS), next(self._numbers)
            if step == "join":
                await stay.ask(frames.Join(room=room))
            elif step == "leave" and room in stay.rooms and len(stay.rooms) > 1:
                await stay.ask(frames.Leave(room=room))
            elif step == "rename":
                await stay.ask(frames.Nick(nick=f"{self.name}{number}"))
            elif room in stay.rooms:
                await stay.say(f"{self.name} {number}", room)
            await trio.sleep(self._rng.expovariate(1 / interval_s))
