"""M12: very many of our clients at a server that is gone for a moment."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from bench.faults.house import House, serving
from bench.faults.verdict import Verdict
from trio_chat.client.link.address import TcpAddress
from trio_chat.client.link.events import Connected, Disconnected, Received, Sent
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.link import open_link
from trio_chat.client.link.outbox import Outbox
from trio_chat.wire import frames

BACK_S = 10
"""Within this time everyone is back."""

PATIENCE_S = 60
ROOM_SIZE = 50
"""What is said is heard by so many: this one process has to read for all of them."""


@dataclass(frozen=True, slots=True)
class Return:
    """What was seen of it. `lost` are lines that are not in the journal once, `unheard` the people who miss some."""

    took_s: float
    apart_s: float
    away: int
    lost: int
    unheard: int

    @property
    def is_good(self) -> bool:
        """Whether it was as promised."""
        return self.took_s < BACK_S and self.apart_s > 0.2 and not (self.away or self.lost or self.unheard)


class Regular:
    """Somebody who says something, and something more once the server is gone."""

    def __init__(self, name: str, room: str, outbox: Outbox) -> None:
        self.room = room
        self.lines = (f"{name} before", f"{name} meanwhile")
        self.connected_at: list[float] = []
        self.sent = self.heard = 0
        self._visitor = Identity(name, rooms=(room,))
        self._outbox = outbox
        self._happened = trio.Event()

    async def stay(self, port: int) -> None:
        """Be there until cancelled."""
        async with open_link(TcpAddress("127.0.0.1", port), self._visitor, self._outbox, is_persistent=True) as link:
            await link.say(frames.Say(room=self.room, text=self.lines[0]))
            async for happenings in link:
                for what in happenings:
                    self.sent += isinstance(what, Sent)
                    self.heard += isinstance(what, Received) and what.entry.text.endswith("meanwhile")
                    if isinstance(what, Connected):
                        self.connected_at.append(trio.current_time())
                    if isinstance(what, Disconnected) and len(self.connected_at) == 1 and not link.pending:
                        await link.say(frames.Say(room=self.room, text=self.lines[1]))
                self._happened.set()
                self._happened = trio.Event()

    async def until(self, sent: int, connections: int, heard: int = 0) -> None:
        """Return when so much has happened."""
        while self.sent < sent or len(self.connected_at) < connections or self.heard < heard:
            await self._happened.wait()


def returns(folder: Path, clients: int) -> Iterator[Verdict]:
    """Kill a server and start it again, and stop it and start it again, each time with a crowd of our clients."""
    for way, is_killed in (("killed", True), ("stopped", False)):
        people = [_regular(number) for number in range(clients)]
        seen = trio.run(partial(leave_and_return, folder / f"returns-{way}", people, is_killed=is_killed))
        yield Verdict(
            "M12",
            f"the server is {way} and started; {clients:,} clients come back",
            f"all within {BACK_S} s but not at once, each line kept once and heard by all",
            f"after {seen.took_s:.1f} s, {seen.apart_s:.1f} s apart; {seen.away} not, {seen.lost} lines lost, "
            f"{seen.unheard} miss some",
            seen.is_good,
        )


def _regular(number: int) -> Regular:
    """Make one of very many. Their outboxes are in memory: here they would all share one disk."""
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    return Regular(f"regular{number}", f"room{number // ROOM_SIZE}", Outbox(database, is_on_disk=False))


async def leave_and_return(data: Path, people: Sequence[Regular], *, is_killed: bool) -> Return:
    """Let all come, take the server away from them, and let all come back."""
    sizes = Counter(person.room for person in people)
    with ExitStack() as stack:
        house = stack.enter_context(serving(data))
        async with trio.open_nursery() as nursery:
            for person in people:
                nursery.start_soon(person.stay, house.port)
            with trio.fail_after(PATIENCE_S):
                for person in people:
                    await person.until(1, 1)
            await trio.to_thread.run_sync(_end, house, is_killed)
            await trio.to_thread.run_sync(stack.enter_context, serving(data, "--port", str(house.port)))
            restarted_at = trio.current_time()
            with trio.move_on_after(PATIENCE_S):
                for person in people:
                    await person.until(2, 2, sizes[person.room])
            nursery.cancel_scope.cancel()
    back_at = [person.connected_at[1] for person in people if len(person.connected_at) > 1] or [0.0]
    said = _said_in(data)
    return Return(
        took_s=max(back_at) - restarted_at,
        apart_s=max(back_at) - min(back_at),
        away=sum(len(person.connected_at) < 2 for person in people),
        lost=sum(said[line] != 1 for person in people for line in person.lines),
        unheard=sum(person.heard != sizes[person.room] for person in people),
    )


def _end(house: House, is_killed: bool) -> None:
    if is_killed:
        house.process.kill()
    else:
        house.process.terminate()
    house.process.wait()


def _said_in(data: Path) -> Counter[str]:
    with closing(sqlite3.connect(data / "journal.db")) as db:
        return Counter(text for (text,) in db.execute("SELECT text FROM entry WHERE key <> ''"))
