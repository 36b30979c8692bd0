"""The pump: sends the rooms' logs to the sockets of their members.

One task makes passes through the rooms that have news, with one non-blocking send to each member: members in step are
served by their cohort, those apart one by one. Entries that arrive during a pass are carried by the next one, so
throughput grows with load. A pass to many begins a moment later where more is on its way to the disk: otherwise it
would carry half as much. A client whose socket is full is passed over until the socket is writable again; only for that
time does it cost a task of its own.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.cohort import Cohort
from trio_chat.chat.histogram import Histogram
from trio_chat.chat.outlet import Backlog, CloseReason, Outlet
from trio_chat.chat.room import Listener, Member, Room
from trio_chat.server.delivery.turn import TURN_S, Turn

DELAY_BOUNDS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the buckets of the delay between commit and last send."""

WAIT_SHARE, WAIT_MAX_S = 0.25, 0.01
"""A long pass waits for what is being written: for this share of the time that the last one took, at most, and never
for longer than that."""


class Pump:
    """Sends to each client what it has not been sent yet.

    It alone sets `is_paused` of an outlet: while the socket is full, and inside `paused`. Its tasks run in `nursery`,
    and nothing is sent to rooms before `run`.
    """

    def __init__(self, nursery: trio.Nursery, *, stall_timeout_s: float, turn_s: float = TURN_S) -> None:
        self.stall_timeout_s = stall_timeout_s
        """A reader that takes nothing for so long is disconnected. It can be changed at any time."""
        self._nursery = nursery
        self.on_memory_error: Callable[[], None] = lambda: None
        """Called to free memory where it runs out."""
        self.settled: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint
        """Returns when all that was posted is durable and in the logs of its rooms. It can be set before `run`."""
        self.delays = Histogram(DELAY_BOUNDS_S)
        """For each pass through a room, the time from the first of its durable entries until the last send."""
        self._rooms_with_news: dict[Room, float] = {}
        """With the time since which there are some."""
        self._wake = trio.Event()
        self._turn = Turn(turn_s)
        self._last_pass_s = 0.0
        self._draining: dict[Outlet, trio.Event] = {}
        """Outlets whose socket is full, each with the event of its end."""
        self._paused: set[Outlet] = set()

    def schedule(self, room: Room) -> None:
        """Send new entries of a room to its members in the next pass."""
        self._rooms_with_news.setdefault(room, trio.current_time())
        self._wake.set()

    async def run(self) -> None:
        """Send to rooms until cancelled."""
        while True:
            await self._wake.wait()
            await self._turn.give_way()  # one more turn for all others: a pass then carries more
            if self._last_pass_s > TURN_S:
                await self._wait_for_more()
            self._wake = trio.Event()
            rooms, self._rooms_with_news = self._rooms_with_news, {}
            began = trio.current_time()
            for room, since in rooms.items():
                try:
                    for cohort in tuple(room.cohorts.values()):
                        await self._pass(room, cohort)
                    self.delays.observe(trio.current_time() - since)
                except MemoryError:
                    self.on_memory_error()
                    self.schedule(room)
            self._last_pass_s = trio.current_time() - began

    def flush(self, client: Listener) -> None:
        """Send at once what waits for a client, as far as its socket takes it; the rest follows by itself."""
        if not client.outlet.is_paused and not self._send_all(client):
            self._start_draining(client)

    def notify(self, client: Client, notice: bytes) -> None:
        """Send a notice to a client at once, unless it takes nothing just now."""
        if not client.outlet.is_paused and not client.outlet.unsent_bytes:
            client.outlet.write(notice)
            self.flush(client)

    async def delivered(self, client: Client) -> None:
        """Return when the kernel has taken everything there was for a client, or the client's connection has ended."""
        self.flush(client)
        while (drained := self._draining.get(client.outlet)) is not None:
            await drained.wait()

    @contextmanager
    def paused(self, client: Client) -> Iterator[None]:
        """Send nothing to a client inside this block. The next `flush` or pass after it sends what waits.

        For clients whose socket is not full: draining that has begun goes on.
        """
        outlet = client.outlet  # another connection may take over meanwhile: that one is not paused
        self._paused.add(outlet)
        self._update_is_paused(outlet)
        _step_out(client)
        try:
            yield
        finally:
            self._paused.discard(outlet)
            self._update_is_paused(outlet)

    def is_draining(self, outlet: Outlet) -> bool:
        """Tell whether the socket of an outlet is full, so that bytes go out only as its peer takes some."""
        return outlet in self._draining

    async def _wait_for_more(self) -> None:
        """Wait a moment for what is being written."""
        try:
            with trio.move_on_after(min(self._last_pass_s * WAIT_SHARE, WAIT_MAX_S)):
                await self.settled()
        except MemoryError:
            self.on_memory_error()

    async def _pass(self, room: Room, cohort: Cohort[Member]) -> None:
        """Send the members of a cohort what was in the log at the beginning, or as much as a slice has.

        Members come and go while others have their turn: hence the copies. Whoever spoke stays apart for this pass.
        """
        for member in tuple(cohort.apart):
            cohort.step_in(member)
            if self._turn.is_over:
                await self._turn.give_way()
        end = room.log.end
        cohort.begin_pass()
        for member in tuple(cohort.apart):
            if member in cohort.apart:
                self._send_apart(member, end)
            if self._turn.is_over:
                await self._turn.give_way()
        while cohort.unserved:
            for member in self._turn.offer(cohort):
                self.flush(member.client)
                if self._turn.is_over:
                    await self._turn.give_way()
            if self._turn.is_over:
                await self._turn.give_way()
        if cohort.cursor < end:  # a slice is bounded: the rest is for the next pass
            self.schedule(room)

    def _send_apart(self, member: Member, end: int) -> None:
        """Send a member that is not in step its next slice."""
        if member.cursor < end and not member.outlet.is_paused:
            if not _push(member):
                self._start_draining(member.client)
            elif member.cursor < end:
                self.schedule(member.room)

    def _send_all(self, client: Listener) -> bool:
        """Send what waits for a client. -> whether the kernel took all of it"""
        if client.outlet.unsent_bytes and not client.outlet.push(None):
            return False
        for member in tuple(client.memberships):
            while member.cursor < member.room.log.end:
                if not _push(member):
                    return False
        return True

    def _start_draining(self, client: Listener) -> None:
        self._draining[client.outlet] = trio.Event()
        client.outlet.backlog = backlog = Backlog(trio.current_time(), trio.current_time())
        self._update_is_paused(client.outlet)
        _step_out(client)
        self._nursery.start_soon(self._drain, client, client.outlet, backlog)

    async def _drain(self, client: Listener, outlet: Outlet, backlog: Backlog) -> None:
        """Send to a client whenever its socket has room, until nothing waits or it has stalled for too long.

        Returns too once the client has another outlet: it resumed in another connection, or has none.
        """
        try:
            with trio.move_on_after(self.stall_timeout_s) as until_stalled:
                while True:
                    await outlet.wait_writable()
                    if client.outlet is not outlet or self._send_all(client):
                        break
                    backlog.taken_at = trio.current_time()
                    until_stalled.deadline = backlog.taken_at + self.stall_timeout_s
            if until_stalled.cancelled_caught:
                outlet.hang_up(CloseReason.STALLED)
        except MemoryError:
            self.on_memory_error()
            outlet.hang_up(CloseReason.STALLED)
        except (OSError, trio.ClosedResourceError, trio.BusyResourceError):  # the session has closed it, or is about to
            pass
        finally:
            drained = self._draining.pop(outlet)
            outlet.backlog = None
            self._update_is_paused(outlet)
            drained.set()

    def _update_is_paused(self, outlet: Outlet) -> None:
        outlet.is_paused = outlet in self._draining or outlet in self._paused


def _step_out(client: Listener) -> None:
    for member in client.memberships:
        member.cohort.step_out(member)


def _push(member: Member) -> bool:
    if member.cursor < member.track.base:
        missed = member.catch_up()
        member.client.outlet.report_gap(member.room.name, missed)
    return member.client.outlet.push(member)
