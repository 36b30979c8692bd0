"""A client that takes part in a test, and records what it sends and is shown."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from trio_chat.chat.events import LOBBY, Kind
from trio_chat.client.link.address import TcpAddress
from trio_chat.client.link.events import Connected, Disconnected, Ended, Failed, GapFound, LinkEvent, Received, Sent
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.link import Link, open_link
from trio_chat.client.link.outbox import open_outbox
from trio_chat.selftest.checker import Recording, ShownEntry
from trio_chat.wire import frames

ROOMS = (LOBBY, "den")


class Participant:
    """A client that stays connected, with the recording of its link's events."""

    def __init__(self, name: str, link: Link) -> None:
        self.recording = Recording(name)
        self._link = link
        self._changed = trio.Event()

    async def run(self) -> None:
        """Record events until the link ends."""
        async for events in self._link:
            for event in events:
                self._record(event)
            self._changed.set()
            self._changed = trio.Event()

    async def say(self, text: str, room: str = LOBBY) -> None:
        """Send a line; return when the client has queued it."""
        key = secrets.token_hex(16)
        await self._link.wait_for_space(1, is_persistent=True)
        self.recording.said[key] = text
        await self._link.say(frames.Say(room=room, text=text, key=key))

    async def tell(self, name: str, text: str) -> None:
        """Send a private message; return when the client has queued it."""
        key = secrets.token_hex(16)
        await self._link.wait_for_space(1, is_persistent=True)
        self.recording.told[key] = name, text
        await self._link.say(frames.Tell(to=name, text=text, key=key))

    async def wait_until_settled(self) -> None:
        """Return when each line that it sent was acknowledged or failed."""
        await self._wait_until(lambda: self.recording.is_settled)

    async def wait_until_shown(self, text: str) -> None:
        """Return when it was shown this text, from anyone."""
        await self._wait_until(lambda: any(line.text == text for line in reversed(self.recording.shown)))

    async def _wait_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _record(self, event: LinkEvent) -> None:
        recording = self.recording
        match event:
            case Received(entry=entry) if entry.room in ROOMS:
                recording.shown.append(ShownEntry(entry.id, entry.room, entry.kind, entry.author, entry.text))
            case Received(entry=entry) if entry.kind == Kind.TOLD and entry.author != recording.name:
                recording.heard.append(entry.text)
            case Sent(message=message):
                recording.sent.append(message.key)
            case Failed(message=message):
                recording.failed.append(message.key)
            case GapFound() | Connected(is_other_epoch=True):
                recording.missed += 1
            case Disconnected():
                recording.reconnects += 1
            case Ended(reason=reason):
                recording.ended = reason


@asynccontextmanager
async def open_participant(name: str, port: int, folder: Path) -> AsyncIterator[Participant]:
    """Join, and stay until the end of the block, with the outbox in `folder`. Raises LinkError, in a group."""
    address, identity = TcpAddress("127.0.0.1", port), Identity(nick=name, rooms=ROOMS)
    with open_outbox(str(address), name, folder=folder / "outbox") as outbox:
        async with open_link(address, identity, outbox) as link, trio.open_nursery() as nursery:
            participant = Participant(name, link)
            nursery.start_soon(participant.run)
            yield participant
            nursery.cancel_scope.cancel()
