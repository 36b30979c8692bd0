"""The end of a server: who asked for it, and by when all that comes of it has to be over.

A stop may take 5 s, whatever clients, operators and the disk do. So nothing that is waited for then has a time of its
own that would only add up: all of it ends by one deadline, and each part leaves the next one its share.
"""

import math

import trio

STOP_S = 4.0
"""From the request until the journal is closed. The rest of the 5 s is for the log and for Python itself to end."""

JOURNAL_S = 1.0
"""What the journal has of these in any case; and whatever the others have not used."""


class Stop:
    """A request to stop that may come at any time. `deadline` is a time of Trio's clock."""

    def __init__(self) -> None:
        self.deadline = math.inf
        self._requested = trio.Event()

    def request(self) -> None:
        """Ask for it. Asking again changes nothing."""
        if not self._requested.is_set():
            self.deadline = trio.current_time() + STOP_S
            self._requested.set()

    async def requested(self) -> None:
        """Return when it has been asked for."""
        await self._requested.wait()

    def leaving_time_for_the_journal(self, seconds: float) -> trio.CancelScope:
        """Make a scope for what may still take so many seconds, if there are as many."""
        return trio.CancelScope(deadline=min(trio.current_time() + seconds, self.deadline - JOURNAL_S))
