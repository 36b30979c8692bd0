"""How long to wait before the next connection: longer each time, and never as long as the others do."""

import random

LEAST_S = 0.5
MOST_S = 30.0
RETRY_MAX_S = 3600.0
"""What a server asks for beyond this is taken for a mistake."""


class Backoff:
    """Doubles from 1 s to MOST_S, of which each time between half and all is waited."""

    def __init__(self, chance: random.Random | None = None, *, is_once: bool = False) -> None:
        """`is_once` is for those who want one connection and no other."""
        self._chance = chance or random.Random()
        self.is_once = is_once
        self._next_s = 2 * LEAST_S

    def reset(self) -> None:
        """Begin anew: a connection was made."""
        self._next_s = 2 * LEAST_S

    def next_s(self, asked_s: float | None = None) -> float:
        """Return the seconds to wait now; no fewer than the server asked for, and not all clients the same."""
        wait_s = self._chance.uniform(self._next_s / 2, self._next_s)
        self._next_s = min(2 * self._next_s, MOST_S)
        if asked_s is None:
            return wait_s
        return min(max(asked_s, 0.0), RETRY_MAX_S) + self._chance.uniform(0, LEAST_S)
