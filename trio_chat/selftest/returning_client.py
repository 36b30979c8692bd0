"""A client that joins the chat and leaves it, again and again."""

import itertools
from pathlib import Path
from random import Random

from trio_chat.selftest.checker import Recording
from trio_chat.selftest.participant import Participant


class ReturningClient:
    """Base of clients that join and leave again and again: each stay is a participant of its own."""

    def __init__(self, name: str, port: int, folder: Path, rng: Random) -> None:
        self.name = name
        self._port = port
        self._folder = folder
        self._rng = rng
        self._numbers = itertools.count(1)
        self._stays: list[Participant] = []

    @property
    def recordings(self) -> list[Recording]:
        """The recording of each stay."""
        return [stay.recording for stay in self._stays]

    @property
    def unacknowledged(self) -> list[str]:
        """The keys of the messages that are not acknowledged."""
        return self._stays[-1].unacknowledged if self._stays else []
