"""Replay: sending a client what it missed, page by page from the journal, up to where the log of a room takes over."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby

from trio_chat.chat.client import Client
from trio_chat.chat.events import MAILBOX_MARK, Entry
from trio_chat.chat.room import NOT_LISTENING, Member
from trio_chat.journal import Damaged, JournalError, Past, UnavailableError
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.wire import frames

PAGE = 64
"""Entries read from the journal at once. A page holds up others, in the loop and in the thread that reads. Pages of 250
would take as long in all, but multiplied the p99 of others by 1.4 to 2.3, instead of 1.1 to 1.8."""

RETRY_STEP_S, RETRY_MAX_S = 0.5, 5.0
"""A journal that does not answer is asked again after this many seconds: each time after one step more, up to the most.

Thousands of clients may wait for it.
"""

logger = logging.getLogger(__name__)


class Replay:
    """Entries that one client missed in each of its rooms, by the ids of `since` in its `hello`."""

    def __init__(
        self,
        context: SessionContext,
        client: Client,
        outlet: PeerOutlet,
        *,
        since: Mapping[str, int],
        epoch: str,
        wait: Callable[[float], Awaitable[None]],
    ) -> None:
        """`wait` waits for some seconds, and raises trio.BrokenResourceError where the connection breaks."""
        self._context = context
        self._client = client
        self._outlet = outlet
        self._since = since
        self._wait = wait
        # An id that no entry has yet comes from before the journal was restored from an older backup.
        is_ahead = max(since.values(), default=0) > context.chat.rooms.last_id
        self._is_other_epoch = bool(since) and (is_ahead or epoch != context.journal.epoch)
        self._seen: dict[Member, int] = {}
        """The id of the newest entry that the client has seen, for each member with something to replay."""

    def add(self, member: Member) -> None:
        """Replay for a member, which is sent nothing else until then. Without an id in `since` it just goes on."""
        name = _public_name(member)
        seen = self._since.get(name)
        if seen is not None and not self._is_other_epoch:
            member.stop_listening()
            self._seen[member] = seen
            return
        if seen is not None:
            self._gap(name, seen, "epoch")
        if member.cursor == NOT_LISTENING:  # an earlier connection broke before its replay was over
            member.listen_after(self._context.chat.rooms.last_id)

    def last_id_sent(self, member: Member) -> int:
        """The id of the newest entry already sent to a member, or seen by it before."""
        seen = self._seen.get(member)
        return self._context.chat.rooms.last_id_sent(member) if seen is None else seen

    async def run(self) -> None:
        """Send what was missed, room by room, each up to where its log takes over."""
        for member, seen in self._seen.items():
            await self._catch_up(member, seen)

    async def _catch_up(self, member: Member, seen: int) -> None:
        """Send entries of a member up to where its log begins, and a gap for what the journal cannot give."""
        gap_to = seen
        try:
            while not member.track.covers(seen):
                # The log will have entries that are durable but not in it yet.
                newest = self._context.chat.rooms.last_id
                entries, pruned_to = await self._read(member.room.name, seen, newest, gap_to)
                if max(seen, gap_to) < pruned_to:
                    self._gap(_public_name(member), seen, "pruned")
                    gap_to = pruned_to
                self._write(_public_name(member), entries, seen)
                seen = entries[-1].id if entries else newest
                await self._context.pump.delivered(self._client)
        except JournalError as error:
            logger.error("cannot replay for %s: %s", self._client.peer, error)
            self._gap(_public_name(member), seen, "unreadable")
        # Another connection that took over has its own replay.
        if self._client.outlet is self._outlet and member.is_here:
            member.listen_after(seen)
            self._context.pump.schedule(member.room)

    async def _read(self, room: str, seen: int, newest: int, gap_to: int) -> tuple[Sequence[Past], int]:
        """Read the first entries above the id `seen`, however long the journal does not answer.

        Returns them, and the highest id that was pruned, 0 where none above `seen` and `gap_to` was. Raises
        JournalError.
        """
        journal = self._context.journal
        wait_s = 0.0
        while True:
            try:
                entries = await journal.read(room, after=seen, before=newest + 1, limit=PAGE)
                # Asked after reading, so that entries pruned meanwhile count as missing. Most rooms have lost none.
                is_whole = max(seen, gap_to) >= journal.pruned_to
                return entries, 0 if is_whole else await journal.pruned_in(room)
            except UnavailableError:  # what is kept is not lost: the client must not go on without it
                wait_s = min(wait_s + RETRY_STEP_S, RETRY_MAX_S)
                await self._wait(wait_s)

    def _write(self, room: str, past: Sequence[Past], seen: int) -> None:
        """Write entries that follow the id `seen`, and a gap in the place of damaged ones."""
        for kind, run in groupby(past, key=type):
            together = list(run)
            if issubclass(kind, Damaged):
                self._gap(room, seen, "unreadable", missed=len(together))
            self._outlet.write(b"".join(frames.encode_entry(it) for it in together if isinstance(it, Entry)))
            seen = together[-1].id

    def _gap(self, room: str, after: int, reason: str, *, missed: int = 0) -> None:
        self._outlet.write(frames.encode(frames.Gap(room=room, after=after, reason=reason, missed=missed)))


def _public_name(member: Member) -> str:
    name = member.room.name
    return frames.MAILBOX if name.startswith(MAILBOX_MARK) else name
