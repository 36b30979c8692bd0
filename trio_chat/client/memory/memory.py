"""The memory of one server, saved at intervals in a thread, and at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from trio_chat.client.memory.records import Remembered
from trio_chat.client.memory.server_memory import ServerMemory
from trio_chat.client.memory.typed_lines import TypedLines

TYPED_INTERVAL_S = 1.0
"""Time between two savings of typed lines: so much may be lost with a client that is killed."""

_TURNS_PER_SAVE = 15
"""Savings of typed lines for each of the records, which change with each entry that is read."""


@dataclass(slots=True)
class Memory:
    """The memory of one server: its records and the typed lines; None for those that are not to be remembered."""

    server: ServerMemory | None = None
    typed: TypedLines | None = None

    @property
    def warnings(self) -> list[str]:
        """One line for each file that cannot be used."""
        return [kept.warning for kept in (self.server, self.typed) if kept and kept.warning]

    @property
    def remembered(self) -> Remembered:
        """The records as found, or as saved last."""
        return self.server.remembered if self.server else Remembered()

    @property
    def lines(self) -> list[str]:
        """The lines typed in earlier sittings, oldest first."""
        return [line.text for line in self.typed.lines] if self.typed else []

    def add_line(self, room: str, text: str) -> None:
        """Remember a line that was typed."""
        if self.typed:
            self.typed.add(room, text)

    def save(self, now: Remembered) -> None:
        """Save everything. It waits for the disk."""
        if self.typed:
            self.typed.save()
        if self.server:
            self.server.save(now)

    async def keep(self, snapshot: Callable[[], Remembered]) -> None:
        """Save what changes, for ever; `snapshot` returns what is to be remembered now."""
        turn = 0
        while self.server or self.typed:
            await trio.sleep(TYPED_INTERVAL_S)
            turn += 1
            if self.server and turn % _TURNS_PER_SAVE == 0:
                await trio.to_thread.run_sync(partial(self.server.save, snapshot()))
            if self.typed and self.typed.has_changed:
                await trio.to_thread.run_sync(self.typed.save)


def open_memory(server: str, *, remembers_rooms: bool, remembers_lines: bool, folder: Path | None = None) -> Memory:
    """Read what is remembered of a server, as far as it is wanted. Raises ConfigError."""
    return Memory(
        ServerMemory(server, folder=folder) if remembers_rooms else None,
        TypedLines(server, folder=folder) if remembers_lines else None,
    )
