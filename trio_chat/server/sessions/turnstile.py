"""A turnstile: of thousands of connections that come or break at once, a bounded number begin or end at a time."""

import trio

SESSIONS_PER_TURN = 100
"""Sessions that begin or end in one turn of the loop, or go on with ending: each takes up to 0.1 ms."""


class Turnstile:
    """Lets some tasks pass in each turn of the loop, in their order."""

    def __init__(self, nursery: trio.Nursery, *, per_turn: int = SESSIONS_PER_TURN) -> None:
        """`nursery` outlives the tasks that pass."""
        self._nursery = nursery
        self._per_turn = per_turn
        self._passed = 0
        """Tasks that have passed in this turn."""
        self._waiting = trio.lowlevel.ParkingLot()
        self._is_turning = False

    async def wait_turn(self) -> None:
        """Return when it is the turn of this task; a cancellation is not noticed here."""
        if not self._is_turning:
            self._is_turning = True
            self._nursery.start_soon(self._turn)
        if self._passed < self._per_turn and not self._waiting:
            self._passed += 1
            return
        with trio.CancelScope(shield=True):
            await self._waiting.park()

    async def _turn(self) -> None:
        """Let those who wait pass, as many in each turn as may; all of them at once where the server ends."""
        try:
            while self._passed:
                await trio.lowlevel.checkpoint()
                self._passed = len(self._waiting.unpark(count=self._per_turn))
        finally:
            self._is_turning, self._passed = False, 0
            self._waiting.unpark_all()
