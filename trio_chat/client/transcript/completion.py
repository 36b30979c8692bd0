"""Completion by Tab: commands, stickers, rooms and names. Pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from trio_chat.chat.nicks import NICK_MAX
from trio_chat.chat.text import clean
from trio_chat.client.transcript.narrator import Narrator
from trio_chat.client.transcript.transcript import Transcript

_TAKING_A_NAME = ("/msg", "/whois", "/ignore", "/unignore")
_TAKING_A_ROOM = ("/leave", "/mute", "/unmute")


class TabCompletion(NamedTuple):
    """A completion, and the number of characters before the cursor that it replaces."""

    text: str
    replaced: int


class StickerNames:
    """Iterates over the names and aliases of the stickers that there are now."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript

    def __iter__(self) -> Iterator[str]:
        yield from self._transcript.catalogue.stickers
        yield from self._transcript.catalogue.aliases


class Completion:
    """Completes the last word before the cursor."""

    def __init__(self, commands: Iterable[str], stickers: Iterable[str], narrator: Narrator) -> None:
        self._commands = sorted(f"/{name}" for name in commands)
        self._sticker_names = stickers
        self._narrator = narrator

    def words(self, before: str) -> list[TabCompletion]:
        """Return the completions of the last word of `before`, the text left of the cursor.

        Where nothing begins like all of it, as in scripts without spaces, it may be the end of it that is completed.
        """
        from trio_chat.chat.words import tails  # takes 15 ms, which nobody should wait for at the start

        first, _, typed = before.rpartition(" ")
        found = self._beginning_like(first, typed)
        for tail in () if found else tails(typed, NICK_MAX + 1):
            if found := self._beginning_like(before, tail):
                break
        return found

    def _beginning_like(self, first: str, typed: str) -> list[TabCompletion]:
        from trio_chat.chat.folding import fold

        begin = fold(typed)
        if typed and not begin.strip():
            return []
        candidates = self._candidates(first, typed)
        return [TabCompletion(clean(word), len(typed)) for word in candidates if fold(word).startswith(begin)]

    def _candidates(self, first: str, typed: str) -> Iterator[str]:
        people = self._narrator.people
        here = people.names(self._narrator.room)
        if typed.startswith("@"):
            stickers = sorted(f"@{name}" for name in self._sticker_names)
            yield from stickers
            yield from (f"@{name}" for name in here if f"@{name}" not in stickers)
        elif not first:
            yield from self._commands if typed.startswith("/") else ()
            yield from (f"{name}: " for name in dict.fromkeys((*here, *people.all_names())) if typed)
        elif first == "/join":
            yield from (f"#{room}" if typed.startswith("#") else room for room in people.known_rooms)
        elif first in _TAKING_A_ROOM:
            yield from (f"#{room}" if typed.startswith("#") else room for room in people.rooms)
        elif first in _TAKING_A_NAME:
            yield from people.all_names()
        elif typed:
            yield from dict.fromkeys((*here, *people.all_names()))
