"""A conversation in frames: one client, what it has said, and the answers that it is sent."""

from contextlib import suppress

from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import SUPERSEDED, Entry, Receipt
from trio_chat.chat.room import Room
from trio_chat.journal import JournalError
from trio_chat.server.sessions.challenges import Challenges
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.keyed import Speech, Unkept, earlier_lines, ends_in, is_repeat
from trio_chat.server.sessions.settling import failures_of, published
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.server.transport.peer import Peer
from trio_chat.wire import frames
from trio_chat.wire.frame_decoder import FrameFault


class FrameConversation:
    """The state that requests of one client share."""

    __slots__ = (
        "_challenges",
        "_peer",
        "chat",
        "client",
        "context",
        "is_leaving",
        "journal",
        "lags",
        "outlet",
        "posted",
        "unkept",
    )

    def __init__(
        self,
        context: SessionContext,
        client: Client,
        outlet: PeerOutlet,
        peer: Peer,
        challenges: Challenges | None = None,
    ) -> None:
        self._peer = peer
        self._challenges = challenges
        self.context = context
        self.chat = context.chat
        self.journal = context.journal
        self.client = client
        self.outlet = outlet
        self.posted: list[tuple[Receipt, Speech]] = []
        """Requests that were posted and are not settled yet, with their receipts."""
        self.lags = False
        """True if something that the client said is durable and may not have been sent to it yet."""
        self.unkept = Unkept()
        self.is_leaving = False

    @property
    def challenges(self) -> Challenges:
        """The challenges of this connection, and its proofs that failed."""
        self._challenges = self._challenges or Challenges(self.context, self._peer)
        return self._challenges

    def room(self, name: str) -> Room:
        """The room of that name. Raises ChatError where the client is not in it."""
        return self.chat.room_of(self.client, name)

    def answer(self, reply: frames.Frame) -> None:
        """Write a frame, which the next flush sends."""
        self.outlet.write(frames.encode(reply))

    @property
    def is_in_order(self) -> bool:
        """True while nothing has to be said again, as far as is known."""
        return not self.unkept and (not self.posted or self.posted[-1][0].error is None)

    async def check_order(self, request: frames.AnyRequest) -> bool:
        """Tell whether a request may be handled now. Refuse it where something said before has to be repeated first."""
        if not isinstance(request, Speech):
            return True
        if self.posted and self.posted[-1][0].error is not None:
            await self.settle()
        if self.unkept.is_turn_of(request.key) or any(request.key == it.key for _, it in self.posted):
            return True
        with suppress(JournalError):
            if await self._acknowledge_kept(request):
                self.unkept.discard(request.key)
                return False
        self.unkept.append(request.key)
        text = "what was said before it could not be kept, and has to be repeated first"
        self.answer(frames.Error(code="not-kept", text=text, key=request.key))
        return False

    async def settle(self) -> None:
        """Wait until everything posted is durable, and answer the requests that no entry acknowledges.

        These are failures, requests whose key had been used before, and topics that gave way to a later one.
        """
        posted, self.posted = self.posted, []
        self.lags |= bool(posted)
        failures = await failures_of(receipt for receipt, _ in posted)
        unkept: list[str] = []
        for receipt, request in posted:
            if why := failures.get(receipt):
                with suppress(JournalError):
                    if await self._acknowledge_kept(request):
                        continue
                unkept.append(request.key)
                self.answer(frames.Error(code="not-kept", text=why, key=request.key))
            elif entry := receipt.repeated(self.client.session, request.key):
                try:
                    await self._answer_with(entry, request)
                except JournalError as error:
                    self.fail(request, error)
        self.unkept.add(unkept)

    async def refuse(self, request: frames.AnyRequest | FrameFault, error: ChatError | FrameFault) -> None:
        """Refuse a request with its reason, unless it repeats something that was kept. Raises JournalError."""
        await self.catch_up()
        if isinstance(request, Speech) and request.key:
            await self.journal.settled()  # it may have been said a moment ago, on an earlier connection
            if await self._acknowledge_kept(request):
                return
        self.answer(frames.Error(code=error.code, text=error.text, key=request.key))

    def fail(self, request: frames.AnyRequest | FrameFault, error: JournalError) -> None:
        """Answer that the journal failed a request. What it said is to be said again before anything else."""
        if isinstance(request, Speech):
            self.unkept.add([request.key])
        self.answer(frames.Error(code="journal", text=str(error), key=request.key))

    async def catch_up(self) -> None:
        """Return when everything posted is settled, and the client has been sent the entries up to there."""
        await self.settle()
        if self.lags:
            await self.deliver()

    async def deliver(self) -> None:
        """Return when the kernel has taken all that is durable: what the client said is acknowledged by that."""
        await published(self.context)
        await self.context.pump.delivered(self.client)
        self.lags = False

    async def may_take_place_of_others(self, request: frames.Topic) -> bool:
        """Tell whether a topic may take the place of others that are not posted yet, and answer it where it may not.

        It may not where it repeats a topic that was kept before, or has to wait for its turn. Raises JournalError.
        """
        await self.journal.settled()  # it may have been posted a moment ago, on an earlier connection
        if self.client.session and request.key:
            found = await self.journal.find(self.client.session, request.key)
            if isinstance(found, Entry):
                await self._answer_with(found, request)
            elif found:
                self.answer(frames.Done(key=request.key))
            if found:
                return False
        return self.is_in_order or await self.check_order(request)

    async def _acknowledge_kept(self, request: Speech) -> bool:
        """Acknowledge the entry that was kept under the key of a request before. -> whether there was one

        It may be in a room that the client has left since. Raises JournalError.
        """
        session = self.client.session
        found = await self.journal.find(session, request.key) if session and request.key else None
        if isinstance(found, Entry):
            await self._answer_with(found, request)
        return isinstance(found, Entry)

    async def _answer_with(self, entry: Entry, request: Speech) -> None:
        """Answer with an entry that was kept under the key of a request, if it is what the request says.

        One that gave way to a later one is nobody's to read: it is only confirmed. Raises JournalError.
        """
        if not (is_repeat(request, entry) and await self._follows_earlier_lines(entry, request)):
            text = "that key belongs to something else that you said: say this under a new one"
            self.answer(frames.Error(code="key-used", text=text, key=request.key))
        elif entry.draft.room == SUPERSEDED:
            self.answer(frames.Done(key=request.key))
        else:
            self.answer(frames.said(entry, again=True))

    async def _follows_earlier_lines(self, entry: Entry, request: Speech) -> bool:
        """Tell whether an entry with the last line of a request stands behind its other lines. Raises JournalError."""
        if not (lines := earlier_lines(request)):
            return True
        past = await self.journal.read(entry.draft.room, limit=len(lines), before=entry.id)
        return ends_in(past, lines, entry.draft.author)
