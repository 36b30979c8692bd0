"""A conversation in frames: one client, what it has said, and the answers that it is sent."""

from trio_chat.chat.client import Client
from trio_chat.chat.events import Entry, Receipt
from trio_chat.chat.room import Room
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.settling import failures_of, published
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.wire import frames


class FrameConversation:
    """The state that requests of one client share."""

    __slots__ = ("chat", "client", "context", "is_leaving", "journal", "outlet", "posted")

    def __init__(self, context: SessionContext, client: Client, outlet: PeerOutlet) -> None:
        self.context = context
        self.chat = context.chat
        self.journal = context.journal
        self.client = client
        self.outlet = outlet
        self.posted: list[tuple[Receipt, str]] = []
        """Receipts and keys of what was posted and is not settled yet."""
        self.is_leaving = False

    def room(self, name: str) -> Room:
        """The room of that name. Raises ChatError where the client is not in it."""
        return self.chat.room_of(self.client, name)

    def answer(self, reply: frames.Frame) -> None:
        """Write a frame, which the next flush sends."""
        self.outlet.write(frames.encode(reply))

    async def settle(self) -> None:
        """Wait until everything posted is durable, and answer what the log does not.

        The entry itself acknowledges what was kept; answered here are failures, and what had been kept before under the
        same key.
        """
        failures = await failures_of(receipt for receipt, _ in self.posted)
        for receipt, key in self.posted:
            if why := failures.get(receipt):
                self.answer(frames.Error(code="not-kept", text=why, key=key))
            elif entry := receipt.repeated(self.client.session, key):
                self.answer(frames.said(entry, again=True))
        self.posted.clear()

    async def publish(self) -> None:
        """Settle, and wait until what was posted is in its rooms: topics are what they were last set to."""
        if self.posted:
            await self.settle()
            await published(self.context)

    async def deliver(self) -> None:
        """Return when the kernel has taken all that is durable: what the client said is acknowledged by that."""
        await published(self.context)
        await self.context.pump.delivered(self.client)

    async def find_kept(self, key: str) -> Entry | None:
        """Find what this client said under a key before, perhaps in a room that it has left. Raises JournalError."""
        session = self.client.session
        found = await self.journal.find(session, key) if session and key else None
        return found if isinstance(found, Entry) else None
