"""Completion by Tab: commands, stickers, rooms and names. Pure."""

from collections.abc import Iterable, Iterator

from trio_chat.chat.text import clean
from trio_chat.client.transcript.narrator import Narrator

_TAKING_A_NAME = ("/msg", "/ignore", "/unignore")


class Completion:
    """Completes the last word before the cursor."""

    def __init__(self, commands: Iterable[str], stickers: Iterable[str], narrator: Narrator) -> None:
        self._commands = sorted(f"/{name}" for name in commands)
        self._stickers = sorted(f"@{name}" for name in stickers)
        self._narrator = narrator

    def words(self, before: str) -> list[str]:
        """Return the completions of the last word of `before`, the text left of the cursor."""
        first, _, typed = before.rpartition(" ")
        begin = typed.lower()
        return [clean(word) for word in self._candidates(first, typed) if word.lower().startswith(begin)]

    def _candidates(self, first: str, typed: str) -> Iterator[str]:
        people = self._narrator.people
        here = people.names(self._narrator.room)
        if typed.startswith("@"):
            yield from self._stickers
            yield from (f"@{name}" for name in here if f"@{name}" not in self._stickers)
        elif not first:
            yield from self._commands if typed.startswith("/") else ()
            yield from (f"{name}: " for name in here if typed)
        elif first == "/join":
            yield from (f"#{room}" if typed.startswith("#") else room for room in people.rooms)
        elif first in _TAKING_A_NAME:
            yield from people.all_names()
        elif typed:
            yield from here
