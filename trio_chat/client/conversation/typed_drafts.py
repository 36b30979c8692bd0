"""Drafts that were sent at the prompt and that nobody has taken yet: a paste among them can still be taken back."""

import trio

from trio_chat.client.transcript.paste import lines_in

PASTE_GRACE_S = 1.0
"""Time after the sending of a paste in which Ctrl-C is meant to stop it, and does not leave."""

TOO_LATE = "too late to stop: it was sent; Ctrl-C again leaves"


class RoomLine(str):
    """A line or draft with the room in which it was typed: the person may have gone to another one since."""

    room: str

    def __new__(cls, text: str, room: str) -> "RoomLine":
        """Return a text with a room."""
        line = super().__new__(cls, text)
        line.room = room
        return line


def room_of_line(line: str, current: str) -> str:
    """Return the room in which a line was typed; the current one if that is not known."""
    return line.room if isinstance(line, RoomLine) else current


class TypedDrafts:
    """A queue of drafts, with one reader."""

    def __init__(self) -> None:
        self._drafts: list[str] = []
        self._has_news = trio.Event()
        self._is_closed = False

    def put(self, draft: str) -> None:
        """Add a draft."""
        self._drafts.append(draft)
        self._has_news.set()

    def close(self) -> None:
        """End the queue after the drafts that are in it."""
        self._is_closed = True
        self._has_news.set()

    async def take(self) -> list[str]:
        """Wait for drafts. -> all that there are. Raises StopAsyncIteration at the end"""
        await trio.lowlevel.checkpoint()
        while not self._drafts:
            if self._is_closed:
                raise StopAsyncIteration
            self._has_news = trio.Event()
            await self._has_news.wait()
        drafts, self._drafts = self._drafts, []
        return drafts

    def drop_pastes(self) -> int:
        """Drop the drafts of several lines. -> the number of their lines"""
        count = sum(len(lines_in(draft)) for draft in self._drafts if "\n" in draft)
        self._drafts = [draft for draft in self._drafts if "\n" not in draft]
        return count
