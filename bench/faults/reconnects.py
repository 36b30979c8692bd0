"""M12: many of our clients reconnect to a server that was restarted."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from bench.faults.server_process import ServerProcess, serving
from bench.faults.verdict import Verdict
from trio_chat.client.link.address import TcpAddress
from trio_chat.client.link.events import Connected, Disconnected, Received, Sent
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.link import open_link
from trio_chat.client.link.outbox import Outbox
from trio_chat.wire import frames

RECONNECT_MAX_S = 10
"""The time within which all clients have to be back."""

TEST_TIMEOUT_S = 60
ROOM_SIZE = 50
"""Clients in one room: few, since this one process reads for all of them."""


@dataclass(frozen=True, slots=True)
class ReconnectReport:
    """The result. `lost` counts lines not in the journal exactly once, `unheard` clients that miss some."""

    took_s: float
    apart_s: float
    away: int
    lost: int
    unheard: int

    @property
    def is_good(self) -> bool:
        """True if the promise was kept."""
        return self.took_s < RECONNECT_MAX_S and self.apart_s > 0.2 and not (self.away or self.lost or self.unheard)


class ReconnectingClient:
    """A client that says a line, and another while the server is down."""

    def __init__(self, name: str, room: str, outbox: Outbox) -> None:
        self.room = room
        self.lines = (f"{name} before", f"{name} meanwhile")
        self.connected_at: list[float] = []
        self.sent = self.heard = 0
        self._identity = Identity(name, rooms=(room,))
        self._outbox = outbox
        self._changed = trio.Event()

    async def stay(self, port: int) -> None:
        """Stay connected until cancelled."""
        async with open_link(TcpAddress("127.0.0.1", port), self._identity, self._outbox, is_persistent=True) as link:
            await link.say(frames.Say(room=self.room, text=self.lines[0]))
            async for events in link:
                for event in events:
                    self.sent += isinstance(event, Sent)
                    self.heard += isinstance(event, Received) and event.entry.text.endswith("meanwhile")
                    if isinstance(event, Connected):
                        self.connected_at.append(trio.current_time())
                    if isinstance(event, Disconnected) and len(self.connected_at) == 1 and not link.pending:
                        await link.say(frames.Say(room=self.room, text=self.lines[1]))
                self._changed.set()
                self._changed = trio.Event()

    async def until(self, sent: int, connections: int, heard: int = 0) -> None:
        """Wait for numbers of sent lines, connections and received lines."""
        while self.sent < sent or len(self.connected_at) < connections or self.heard < heard:
            await self._changed.wait()


def returns(folder: Path, clients: int) -> Iterator[Verdict]:
    """Kill and restart a server, and stop and restart one, each time with many of our clients."""
    for way, is_killed in (("killed", True), ("stopped", False)):
        people = [_client(number) for number in range(clients)]
        seen = trio.run(partial(take_server_away, folder / f"returns-{way}", people, is_killed=is_killed))
        yield Verdict(
            "M12",
            f"the server is {way} and restarted; {clients:,} clients reconnect",
            f"all within {RECONNECT_MAX_S} s but not at once, each line stored once and received by all",
            f"after {seen.took_s:.1f} s, {seen.apart_s:.1f} s apart; {seen.away} not, {seen.lost} lines lost, "
            f"{seen.unheard} miss some",
            seen.is_good,
        )


def _client(number: int) -> ReconnectingClient:
    """Make one of many clients. Their outboxes are in memory, since here they would all share one disk."""
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    return ReconnectingClient(f"regular{number}", f"room{number // ROOM_SIZE}", Outbox(database))


async def take_server_away(data: Path, people: Sequence[ReconnectingClient], *, is_killed: bool) -> ReconnectReport:
    """Connect all clients, end the server, restart it, and wait until all are back."""
    sizes = Counter(client.room for client in people)
    with ExitStack() as stack:
        server = stack.enter_context(serving(data))
        async with trio.open_nursery() as nursery:
            for client in people:
                nursery.start_soon(client.stay, server.port)
            with trio.fail_after(TEST_TIMEOUT_S):
                for client in people:
                    await client.until(1, 1)
            await trio.to_thread.run_sync(_end, server, is_killed)
            await trio.to_thread.run_sync(stack.enter_context, serving(data, "--port", str(server.port)))
            restarted_at = trio.current_time()
            with trio.move_on_after(TEST_TIMEOUT_S):
                for client in people:
                    await client.until(2, 2, sizes[client.room])
            nursery.cancel_scope.cancel()
    back_at = [client.connected_at[1] for client in people if len(client.connected_at) > 1] or [0.0]
    said = _said_in(data)
    return ReconnectReport(
        took_s=max(back_at) - restarted_at,
        apart_s=max(back_at) - min(back_at),
        away=sum(len(client.connected_at) < 2 for client in people),
        lost=sum(said[line] != 1 for client in people for line in client.lines),
        unheard=sum(client.heard != sizes[client.room] for client in people),
    )


def _end(server: ServerProcess, is_killed: bool) -> None:
    if is_killed:
        server.process.kill()
    else:
        server.process.terminate()
    server.process.wait()


def _said_in(data: Path) -> Counter[str]:
    with closing(sqlite3.connect(data / "journal.db")) as db:
        return Counter(text for (text,) in db.execute("SELECT text FROM entry WHERE key <> ''"))
