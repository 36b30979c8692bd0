"""The link to a server: what is said gets there, what happens there is told once, however often the connection breaks.

It connects, and comes back by itself after a while that grows; it keeps what was said in the outbox until the server
has it. It is an async iterator of what happened, and knows no view.
"""

import re
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Self, TypeVar

import msgspec
import trio

from trio_chat.client.link.address import Address, LinkError
from trio_chat.client.link.backoff import Backoff
from trio_chat.client.link.connection import LinkConnection
from trio_chat.client.link.event_queue import EventQueue
from trio_chat.client.link.events import (
    Ended,
    Failed,
    LinkEvent,
    Lost,
    Noticed,
    Pending,
    Question,
    Sent,
    Speech,
)
from trio_chat.client.link.greeting import LateHelloError
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.outbox import PENDING_MAX, Outbox, OutboxError
from trio_chat.client.link.protocol import ClientProtocol
from trio_chat.wire import frames

RequestT = TypeVar("RequestT", bound=frames.Request)

_SURROGATE = re.compile("[\ud800-\udfff]")


class Link:
    """A session with a server. Iterates over what happened together, up to Ended.

    Whoever made it runs `run`; any task may say and ask things.
    """

    def __init__(self, place: Address, visitor: Identity, outbox: Outbox, *, backoff: Backoff | None = None) -> None:
        self._place = place
        self._outbox = outbox
        self._dialogue = ClientProtocol(visitor, outbox.session, outbox.pending)
        self._backoff = backoff or Backoff()
        self._unread = EventQueue()
        self._exchange: LinkConnection | None = None
        self._for_space = trio.lowlevel.ParkingLot()
        self._is_finishing = False
        self._is_leaving = False
        self._tell_begun: Callable[[], None] | None = None
        """What is called when the first connection is made; None after that."""
        self._is_on_disk = True
        self._notices: list[str] = []

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[LinkEvent]:
        return await anext(self._unread)

    @property
    def is_connected(self) -> bool:
        """Whether the server has let us in, as far as we know."""
        return self._dialogue.is_connected

    @property
    def label(self) -> str:
        """What others call us."""
        return self._dialogue.label

    @property
    def rooms(self) -> dict[str, str]:
        """The rooms that we are in or want to be in, each with its topic."""
        return dict(self._dialogue.rooms)

    def newest_id_before(self, room: str) -> int | None:
        """The newest entry of a room when it was entered: what is older does not come by itself. None where unknown."""
        return self._dialogue.newest_id_before(room)

    @property
    def pending(self) -> tuple[Speech, ...]:
        """What the server has not acknowledged, oldest first."""
        return tuple(self._dialogue.pending.values())

    async def say(self, *speeches: Speech) -> None:
        """Say things, in order; return when they are in the outbox. Each gets a key if it has none.

        What becomes of them happens: Pending, then Sent or Failed.
        """
        keyed = [_with_key(speech) for speech in speeches]
        refused = {speech.key: Failed(speech, why) for speech in keyed if (why := _fault_of(speech))}
        room = max(0, PENDING_MAX - len(self._dialogue.pending))
        fine = [speech for speech in keyed if speech.key not in refused]
        refused |= {speech.key: Failed(speech, "too much waits to be sent already") for speech in fine[room:]}
        await self._store(fine[:room])
        self._dialogue.speak(fine[:room])
        self._wake()
        self._unread.put(refused.get(speech.key) or Pending(speech) for speech in keyed)

    def ask(self, question: Question) -> None:
        """Ask something; the answer happens, or why there is none."""
        self._unread.put(self._dialogue.ask(_with_key(question)))
        self._wake()

    def happened(self) -> list[LinkEvent]:
        """Return what has happened since the iteration ended."""
        return self._unread.take()

    async def space(self, count: int, *, is_patient: bool) -> None:
        """Return when `count` things can be said without being refused because too much waits.

        Who is not patient waits only while there is a connection, on which what waits gets less.
        """
        while len(self._dialogue.pending) + count > PENDING_MAX and (is_patient or self.is_connected):
            await self._for_space.park()

    def finish(self) -> None:
        """Leave as soon as all that was said is acknowledged and all that was asked is answered."""
        self._is_finishing = True
        self._leave_if_settled()
        self._wake()

    async def run(self, *, is_patient: bool, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be connected until it is over; Ended happens last. It has started when the server has let us in.

        One that `is_patient` has started at once. Another raises LinkError where the first connection fails, with what
        the person should know besides as notes; but one whose hello was only late tries again.
        """
        self._tell_begun = task_status.started
        if is_patient:
            self._begun()
        while True:
            error = await self._visit()
            if self._is_turned_away(error):
                for notice in self._notices:
                    error.add_note(notice)
                raise error
            self._unread.put(self._dialogue.lose())
            self._for_space.unpark_all()
            self._is_leaving = False
            if self._dialogue.has_said_bye or error.is_final or self._backoff.is_once:
                self._unread.put([Ended(str(error), is_orderly=self._dialogue.has_said_bye)])
                return
            if isinstance(error, LateHelloError):  # the server is there, and not overrun
                self._backoff.reset()
            wait_s = self._backoff.next_s(error.retry_s)
            self._unread.put([Lost(str(error), wait_s)])
            await trio.sleep(wait_s)

    def _is_turned_away(self, error: LinkError) -> bool:
        """Whether the first connection has failed, for more than that our hello was late."""
        return self._tell_begun is not None and not isinstance(error, LateHelloError)

    def _begun(self) -> None:
        if self._tell_begun is not None:
            self._tell_begun()
            self._tell_begun = None

    async def _visit(self) -> LinkError:
        """Make one connection and use it. -> how it was lost"""
        try:
            stream = await self._place.connect(self._tell)
        except LinkError as error:
            return error
        self._exchange = LinkConnection(stream, self._dialogue, hear=self._hear, room=self._unread.room)
        try:
            return await self._exchange.run()
        finally:
            self._exchange = None
            await trio.aclose_forcefully(stream)

    def _wake(self) -> None:
        if self._exchange:
            self._exchange.wake()

    def _tell(self, notice: str) -> None:
        self._notices.append(notice)
        self._unread.put([Noticed(notice)])

    async def _hear(self, replies: Sequence[frames.AnyReply]) -> None:
        was_connected = self.is_connected
        happened = [happening for reply in replies for happening in self._dialogue.hear(reply)]
        if self.is_connected and not was_connected:
            self._backoff.reset()
            self._begun()
        await self._forget([what.speech.key for what in happened if isinstance(what, Sent | Failed)])
        self._unread.put(happened)
        self._leave_if_settled()
        self._for_space.unpark_all()
        self._wake()

    def _leave_if_settled(self) -> None:
        if self._is_finishing and self.is_connected and self._dialogue.is_settled and not self._is_leaving:
            self._is_leaving = True
            self._dialogue.leave()

    async def _store(self, speeches: list[Speech]) -> None:
        """Put things on disk; where that fails they are said all the same, and the person is told once."""
        try:
            if speeches:
                await self._outbox.add(speeches)
        except OutboxError as error:
            if self._is_on_disk:
                self._unread.put([Noticed(f"cannot keep lines on disk until they are sent: {error}")])
            self._is_on_disk = False

    async def _forget(self, keys: list[str]) -> None:
        """Take things from the disk. One that stays there is said again, and acknowledged again, another time."""
        with suppress(OutboxError):
            if keys:
                await self._outbox.remove(keys)


@asynccontextmanager
async def open_link(
    place: Address, visitor: Identity, outbox: Outbox, *, is_patient: bool = False, backoff: Backoff | None = None
) -> AsyncIterator[Link]:
    """Connect, and close the connection at the end of the block.

    One that `is_patient` goes on trying where the first connection fails; another raises LinkError, in a group.
    """
    link = Link(place, visitor, outbox, backoff=backoff)
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(link.run, is_patient=is_patient))
        yield link
        nursery.cancel_scope.cancel()


def _with_key(request: RequestT) -> RequestT:
    return request if request.key else msgspec.structs.replace(request, key=secrets.token_hex(16))


def _fault_of(speech: Speech) -> str:
    """Say why this can never be said, or nothing."""
    if len(speech.text) > frames.TEXT_LIMIT:
        return f"line too long: at most {frames.TEXT_LIMIT} characters"
    if not speech.text.isascii() and _SURROGATE.search(speech.text):
        return "line is not valid UTF-8"
    return ""
