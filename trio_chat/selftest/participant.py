"""A client that takes part in a test: what it says, sees and is told goes into its transcript."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from trio_chat.chat.events import LOBBY
from trio_chat.client.link.address import TcpAddress
from trio_chat.client.link.events import Connected, Disconnected, Ended, Failed, GapFound, LinkEvent, Received, Sent
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.link import Link, open_link
from trio_chat.client.link.outbox import open_outbox
from trio_chat.selftest.verdict import Line, Recording
from trio_chat.wire import frames

ROOMS = (LOBBY, "den")


class Participant:
    """A person at a client that never closes it, and writes everything down."""

    def __init__(self, name: str, link: Link) -> None:
        self.transcript = Recording(name)
        self._link = link
        self._news = trio.Event()

    async def run(self) -> None:
        """Write down what happens until it is over."""
        async for happenings in self._link:
            for happening in happenings:
                self._note(happening)
            self._news.set()
            self._news = trio.Event()

    async def say(self, text: str, room: str = LOBBY) -> None:
        """Say something; return when the client has it."""
        key = secrets.token_hex(16)
        await self._link.wait_for_space(1, is_persistent=True)
        self.transcript.said[key] = text
        await self._link.say(frames.Say(room=room, text=text, key=key))

    async def settled(self) -> None:
        """Return when it was told of everything that it said what became of it."""
        await self._until(lambda: self.transcript.is_settled)

    async def shown(self, text: str) -> None:
        """Return when it was shown this, by whomever."""
        await self._until(lambda: any(line.text == text for line in reversed(self.transcript.shown)))

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            await self._news.wait()

    def _note(self, happening: LinkEvent) -> None:
        transcript = self.transcript
        match happening:
            case Received(entry=entry) if entry.room in ROOMS:
                transcript.shown.append(Line(entry.id, entry.room, entry.kind, entry.author, entry.text))
            case Sent(message=message):
                transcript.sent.append(message.key)
            case Failed(message=message):
                transcript.failed.append(message.key)
            case GapFound() | Connected(is_other_epoch=True):
                transcript.missed += 1
            case Disconnected():
                transcript.reconnects += 1
            case Ended(reason=reason):
                transcript.ended = reason


@asynccontextmanager
async def participating(name: str, port: int, folder: Path) -> AsyncIterator[Participant]:
    """Come, and stay until the end of the block. What the client keeps is in `folder`. Raises LinkError, in a group."""
    place, visitor = TcpAddress("127.0.0.1", port), Identity(nick=name, rooms=ROOMS)
    with open_outbox(str(place), name, folder=folder / "outbox") as outbox:
        async with open_link(place, visitor, outbox) as link, trio.open_nursery() as nursery:
            participant = Participant(name, link)
            nursery.start_soon(participant.run)
            yield participant
            nursery.cancel_scope.cancel()
