"""Exponential backoff with jitter between attempts to connect."""

import random

MIN_DELAY_S = 0.5
MAX_DELAY_S = 30.0
SERVER_DELAY_MAX_S = 3600.0
"""The longest delay that a server can ask for; a longer one is capped, as a mistake."""


class Backoff:
    """The delay doubles from 1 s to MAX_DELAY_S; a random half of it is taken off."""

    def __init__(self, rng: random.Random | None = None, *, is_once: bool = False) -> None:
        """If `is_once`, there is one connection and no other."""
        self._rng = rng or random.Random()
        self.is_once = is_once
        self._next_s = 2 * MIN_DELAY_S

    def reset(self) -> None:
        """Start again at 1 s, after a connection was made."""
        self._next_s = 2 * MIN_DELAY_S

    def next_s(self, asked_s: float | None = None) -> float:
        """Return the seconds to wait now: at least those that the server asked for, and different for each client."""
        wait_s = self._rng.uniform(self._next_s / 2, self._next_s)
        self._next_s = min(2 * self._next_s, MAX_DELAY_S)
        if asked_s is None:
            return wait_s
        return min(max(asked_s, 0.0), SERVER_DELAY_MAX_S) + self._rng.uniform(0, MIN_DELAY_S)
