"""Replay: bringing a client that comes back what it has not seen, from the log or, before that, page by page."""

import logging
from collections.abc import Mapping, Sequence
from itertools import groupby

from trio_chat.chat.client import Client
from trio_chat.chat.events import MAILBOX_MARK, Entry
from trio_chat.chat.room import NOT_LISTENING, Member
from trio_chat.journal import Damaged, JournalError, Past
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.transport.socket_outlet import SocketOutlet
from trio_chat.wire import frames

PAGE = 64
"""Entries read from the journal at once: what one page takes of the loop, and of the interpreter in the thread that
reads, holds up others. Pages of 250 take as long in all, but made others' p99 1.4 to 2.3 times what it was instead of
1.1 to 1.8."""

logger = logging.getLogger(__name__)


class Replay:
    """What one client is to catch up on after its `hello`."""

    def __init__(
        self, context: SessionContext, client: Client, outlet: SocketOutlet, *, since: Mapping[str, int], epoch: str
    ) -> None:
        self._context = context
        self._client = client
        self._outlet = outlet
        self._since = since
        # An id that nothing has yet is of a journal that was put back to an earlier copy.
        is_ahead = max(since.values(), default=0) > context.chat.rooms.last_id
        self._is_other_epoch = bool(since) and (is_ahead or epoch != context.journal.epoch)
        self._held: dict[Member, int] = {}

    def hold(self, member: Member) -> None:
        """Keep a member from listening until its past has been replayed. One without a past listens from now on."""
        name = _public_name(member)
        seen = self._since.get(name)
        if seen is not None and not self._is_other_epoch:
            member.stop_listening()
            self._held[member] = seen
            return
        if seen is not None:
            self._gap(name, seen, "epoch")
        if member.cursor == NOT_LISTENING:  # an earlier connection broke before its replay was over
            member.listen_after(self._context.chat.rooms.last_id)

    def heard_to(self, member: Member) -> int:
        """The id up to which nothing more comes to a member: what it has not heard is newer, or a gap is told."""
        seen = self._held.get(member)
        return self._context.chat.rooms.heard_to(member) if seen is None else seen

    async def run(self) -> None:
        """Send what was missed, in each room up to where its log takes over."""
        for member, seen in self._held.items():
            await self._catch_up(member, seen)

    async def _catch_up(self, member: Member, seen: int) -> None:
        """Bring a member up to its log. What the journal cannot give is said to be missing."""
        journal, chat = self._context.journal, self._context.chat
        told_to = seen
        try:
            while not member.track.covers(seen):
                # What is kept but not in the log yet is left to the log.
                newest = chat.rooms.last_id
                entries = await journal.read(member.room.name, after=seen, before=newest + 1, limit=PAGE)
                # Looked at after reading: what went meanwhile is missing too.
                if max(seen, told_to) < journal.pruned_to:
                    self._gap(_public_name(member), seen, "pruned")
                    told_to = journal.pruned_to
                self._write(_public_name(member), entries, seen)
                seen = entries[-1].id if entries else newest
                await self._context.pump.delivered(self._client)
        except JournalError as error:
            logger.error("cannot bring %s what it missed: %s", self._client.peer, error)
            self._gap(_public_name(member), seen, "unreadable")
        # Where another connection took over, it replays for itself.
        if self._client.outlet is self._outlet and member.is_here:
            member.listen_after(seen)
            self._context.pump.schedule(member.room)

    def _write(self, room: str, past: Sequence[Past], seen: int) -> None:
        """Write what follows the id `seen`. What is damaged is told to be missing, in its place."""
        for kind, run in groupby(past, key=type):
            together = list(run)
            if kind is Damaged:
                self._gap(room, seen, "unreadable", missed=len(together))
            self._outlet.write(b"".join(frames.encode_entry(it) for it in together if isinstance(it, Entry)))
            seen = together[-1].id

    def _gap(self, room: str, after: int, reason: str, *, missed: int = 0) -> None:
        self._outlet.write(frames.encode(frames.Gap(room=room, after=after, reason=reason, missed=missed)))


def _public_name(member: Member) -> str:
    name = member.room.name
    return frames.MAILBOX if name.startswith(MAILBOX_MARK) else name
