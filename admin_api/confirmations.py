"""Confirmations: the clients that a dry run showed an operator, who may then end exactly these. Needs no Quart."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

VALID_S = 60
"""The time within which a confirmation can be used."""

HELD_MAX = 100
"""Confirmations held at once; the oldest are dropped first."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Clients that were shown, by id with their labels, and the filter that they fit. Valid before `expires_at`."""

    token: str
    labels: Mapping[str, str]
    what: str
    expires_at: float


class Confirmations:
    """The confirmations that may still be used, each once. `now` is in seconds since 1970."""

    def __init__(self) -> None:
        self._held: dict[str, Confirmation] = {}

    def add(self, labels: Mapping[str, str], what: str, now: float) -> Confirmation:
        """Hold a new one."""
        made = Confirmation(secrets.token_urlsafe(16), labels, what, now + VALID_S)
        self._held[made.token] = made
        if len(self._held) > HELD_MAX:
            del self._held[next(iter(self._held))]
        return made

    def take(self, token: str, now: float) -> Confirmation | None:
        """Return one and forget it. -> None for one that was used, is too old or unknown"""
        found = self._held.pop(token, None)
        return found if found and now < found.expires_at else None
