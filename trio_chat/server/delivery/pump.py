"""The pump: from the rooms' logs to the sockets.

One task walks the members of the rooms that have news and makes one non-blocking send to each. Entries that arrive
during a pass are carried by the next one, so throughput grows with load and no timer is needed. Whoever the kernel
takes no more for is left alone until its socket is writable again; only for that time does a client cost a task of its
own.
"""

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.outlet import CloseReason, Outlet
from trio_chat.chat.room import Member, Room

SENDS_PER_TURN = 128
"""Sends between two checkpoints: about half a millisecond, so that a large room starves neither readers nor commits."""


class Pump:
    """Sends to clients what they have not heard.

    Its tasks run in `nursery`, and nothing is sent to rooms before `run`.
    """

    def __init__(self, nursery: trio.Nursery, *, stall_timeout_s: float) -> None:
        self.stall_timeout_s = stall_timeout_s
        """For how long a reader may take nothing; it can be set anew at any time."""
        self._nursery = nursery
        self._rooms_with_news: dict[Room, None] = {}
        self._wake = trio.Event()
        self._unblocked: dict[Outlet, trio.Event] = {}

    def has_news(self, room: Room) -> None:
        """Something entered the room's log."""
        self._rooms_with_news[room] = None
        self._wake.set()

    async def run(self) -> None:
        """Send to rooms until cancelled."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            rooms, self._rooms_with_news = self._rooms_with_news, {}
            for room in rooms:
                await self._walk(room)

    def flush(self, client: Client) -> None:
        """Send what waits for this client, unless it is blocked: then that happens by itself later."""
        if not client.outlet.is_blocked and not self._send_all(client):
            self._block(client)

    async def delivered(self, client: Client) -> None:
        """Return when the kernel has taken all there was for a client.

        Ends with the client where that never happens.
        """
        self.flush(client)
        while (event := self._unblocked.get(client.outlet)) is not None:
            await event.wait()

    async def _walk(self, room: Room) -> None:
        end = room.log.end
        # A copy: members come and go while others have their turn.
        for turn, member in enumerate(tuple(room.members.values()), 1):
            if member.cursor < end and not member.client.outlet.is_blocked:
                if not _push(member):
                    self._block(member.client)
                elif member.cursor < end:  # a slice is bounded: the rest is for the next pass
                    self.has_news(room)
            if turn % SENDS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()

    def _send_all(self, client: Client) -> bool:
        if client.outlet.unsent_bytes and not client.outlet.push(None):
            return False
        for member in tuple(client.hearings):
            while member.cursor < member.room.log.end:
                if not _push(member):
                    return False
        return True

    def _block(self, client: Client) -> None:
        client.outlet.is_blocked = True
        self._unblocked[client.outlet] = trio.Event()
        self._nursery.start_soon(self._drain, client, client.outlet)

    async def _drain(self, client: Client, outlet: Outlet) -> None:
        """Send to a blocked client whenever the kernel has room, until it is in step or has stalled for too long.

        It ends too when the client goes on in another connection, which has an outlet of its own.
        """
        try:
            with trio.move_on_after(self.stall_timeout_s) as patience:
                while True:
                    await outlet.wait_writable()
                    if client.outlet is not outlet or self._send_all(client):
                        break
                    patience.deadline = trio.current_time() + self.stall_timeout_s
            if patience.cancelled_caught:
                outlet.hang_up(CloseReason.STALLED)
        except (OSError, trio.ClosedResourceError, trio.BusyResourceError):  # the session has closed it, or is about to
            pass
        finally:
            outlet.is_blocked = client.away_since is not None
            self._unblocked.pop(outlet).set()


def _push(member: Member) -> bool:
    if member.cursor < member.track.base:
        missed = member.catch_up()
        member.client.outlet.report_gap(member.room.name, missed)
    return member.client.outlet.push(member)
