"""The time that proofs may wait for their turn, which is no silence of the client."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

PROVING_MAX_S = 240
"""The sum of these times, for one connection: the last of as many passwords as may wait has its turn after 172 s."""


class ProvingTime:
    """Moves the time-out of a connection by the time that its proofs wait."""

    def __init__(self) -> None:
        self._left_s: float = PROVING_MAX_S

    @contextmanager
    def added_to(self, scope: trio.CancelScope) -> Iterator[None]:
        """Add the time that the block takes to a time-out, as far as there is some left."""
        began, most_s = trio.current_time(), self._left_s
        scope.deadline += most_s
        try:
            yield
        finally:
            took_s = min(most_s, trio.current_time() - began)
            self._left_s -= took_s
            scope.deadline -= most_s - took_s
