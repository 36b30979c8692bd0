"""A client that takes part in a test, and records what it sends and is shown."""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from trio_chat.chat.events import LOBBY, Kind
from trio_chat.client.link.address import TcpAddress
from trio_chat.client.link.events import (
    Answer,
    Answered,
    Connected,
    Disconnected,
    Ended,
    Failed,
    GapFound,
    LinkEvent,
    MessageWaits,
    Question,
    Received,
    Refused,
    RoomJoined,
    RoomLeft,
    Sent,
)
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.link import Link, open_link
from trio_chat.client.link.outbox import open_outbox
from trio_chat.client.link.signing import signer_for
from trio_chat.selftest.checker import OTHER_EPOCH, AnnouncedGap, Recording, ShownEntry
from trio_chat.selftest.supervisor import SelftestError
from trio_chat.selftest.visits import Visit
from trio_chat.wire import frames

ROOMS = (LOBBY, "den")


class Participant:
    """A client that stays connected, with the recording of its link's events."""

    def __init__(self, name: str, link: Link, place: str = "") -> None:
        self.recording = Recording(name, place)
        self.visits: list[Visit] = []
        """The visits of rooms, those that go on included."""
        self._answers = 0
        self._last_answer: Answer | None = None
        self._is_connected = self._has_ended = False
        self._just_ended: list[Visit] = []
        """Visits that ended by the events which came together with the one that is recorded."""
        self._link = link
        self._changed = trio.Event()

    async def run(self) -> None:
        """Record events until the link ends."""
        async for events in self._link:
            self._just_ended.clear()
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

    async def ask(self, question: Question) -> Answer | None:
        """Send a request. -> the answer; None if it was refused, or if a room was joined or left"""
        wanted, self._last_answer = self._answers + 1, None
        self._link.ask(question)
        await self._wait_until(lambda: self._answers >= wanted or self._has_ended)
        return self._last_answer

    async def claim_name(self) -> None:
        """Make a key for this client, and claim the name with it. Raises SelftestError."""
        await self._link.own_key()
        if not isinstance(await self.ask(frames.ClaimName(proof=frames.Proof())), frames.Named):
            raise SelftestError(f"{self.recording.name} could not claim that name")

    async def read_mail(self) -> list[str]:
        """Return the texts of all private messages to it that the server keeps, oldest first."""
        texts: list[str] = []
        before: int | None = None
        while True:
            await self._wait_until(lambda: self._is_connected)
            question = frames.History(room=frames.MAILBOX, before=before, limit=frames.PAGE_LIMIT)
            if isinstance(page := await self.ask(question), frames.Page):
                received = [it for it in page.entries if it.kind == Kind.TOLD and it.author != self.recording.name]
                texts = [*(it.text for it in received), *texts]
                if not page.more:
                    return texts
                before = page.entries[0].id

    async def leave_chat(self) -> None:
        """Leave for good once everything that was sent is acknowledged; return when that is over."""
        self._link.finish()
        await self._wait_until(lambda: self._has_ended)

    @property
    def epoch(self) -> str:
        """The epoch of the server's journal, as it is known here."""
        return self._link.epoch

    @property
    def unacknowledged(self) -> list[str]:
        """The keys of the messages that are not acknowledged."""
        return [message.key for message in self._link.pending]

    @property
    def rooms(self) -> list[str]:
        """The rooms that it is in, or wants to be in."""
        return list(self._link.rooms)

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
            case Received(entry=entry):
                shown = ShownEntry(entry.id, entry.room, entry.kind, entry.author, entry.text)
                recording.shown.append(shown)
                if entry.kind == Kind.TOLD:
                    (recording.echoed if entry.author == recording.name else recording.heard).append(entry.text)
                for visit in self._open_visits(entry.room):
                    visit.shown.append(shown)
            case GapFound(reason="pruned", room=room, after=after):
                recording.gaps.append(AnnouncedGap(room, after))
                for visit in self._open_visits(room):
                    visit.gaps.append(AnnouncedGap(room, after))
            case Connected(rooms=rooms, is_other_epoch=False):
                self._is_connected = True
                for room in rooms:
                    self._begin_visit(room)
            case Sent(message=message):
                recording.sent.append(message.key)
            case Failed(message=message):
                recording.failed.append(message.key)
            case Connected():
                self._is_connected = True
                recording.other_gaps.append(OTHER_EPOCH)
                recording.epoch_changes.append(len(recording.shown))
            case GapFound(reason=reason, room=room, after=after):
                recording.other_gaps.append(f"#{room} after {after}: {reason}")
            case RoomJoined(room=room):
                self._answers += 1
                self._begin_visit(room)
            case RoomLeft(room=room):
                self._answers += 1
                self._end_visit(room)
            case Answered(answer=answer):
                self._answers += 1
                self._last_answer = answer
            case Refused(question=frames.Request()):
                self._answers += 1
            case MessageWaits():
                recording.waits += 1
            case Disconnected():
                recording.reconnects += 1
                self._lose_connection()
            case Ended(reason=reason, is_orderly=is_orderly):
                self._has_ended = True
                recording.ended = "" if is_orderly else reason

    def _open_visits(self, room: str) -> list[Visit]:
        return [visit for visit in self.visits if visit.room == room and not visit.is_over]

    def _begin_visit(self, room: str) -> None:
        if not self._open_visits(room):
            self.visits.append(Visit(room))

    def _end_visit(self, room: str) -> None:
        for visit in self._open_visits(room):
            visit.is_over, visit.is_whole = True, self._is_connected
            self._just_ended.append(visit)

    def _lose_connection(self) -> None:
        """Note that the connection broke; a room that was being left then was left without an answer."""
        self._is_connected = False
        for visit in self._just_ended:
            visit.is_whole = False


@asynccontextmanager
async def open_participant(
    name: str,
    port: int,
    folder: Path,
    rooms: Sequence[str] = ROOMS,
    *,
    is_persistent: bool = False,
    place: str = "",
) -> AsyncIterator[Participant]:
    """Join, and stay until the end of the block, with the outbox in `folder`. Raises LinkError, in a group.

    If `is_persistent`, there need not be a server yet. `place` tells the places of one member apart, which share a key.
    """
    address, identity = TcpAddress("127.0.0.1", port), Identity(nick=name, rooms=tuple(rooms))
    signer = signer_for(None, folder / "keys" / name)
    with open_outbox(str(address), f"{name}{place}", folder=folder / "outbox") as outbox:
        async with (
            open_link(address, identity, outbox, is_persistent=is_persistent, signer=signer) as link,
            trio.open_nursery() as nursery,
        ):
            participant = Participant(name, link, place)
            nursery.start_soon(participant.run)
            yield participant
            nursery.cancel_scope.cancel()
