"""Draining, with a clock that is moved by hand, and clients that are gone as soon as somebody hangs up on them."""

from itertools import pairwise

import pytest
import trio
import trio.testing

from trio_chat.chat.client import Client
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import NoOutlet
from trio_chat.server.operation.drain import HANG_UPS_PER_TURN, NOTICED_AFTER, TURN_S, drain

DRAIN_S = 8.0


class People:
    """The clients of a server, and the times at which they were told."""

    def __init__(self, **modes: int) -> None:
        self.here: dict[Client, None] = {}
        self.began = trio.current_time()
        self.warned: list[float] = []
        self.left: list[float] = []
        self.come(**modes)

    def come(self, **modes: int) -> None:
        for mode, count in modes.items():
            clients = (Client(f"c{n}", "192.0.2.1", n, mode=Mode(mode), outlet=NoOutlet()) for n in range(count))
            self.here |= dict.fromkeys(clients)

    def warn(self, client: Client) -> None:
        assert client.mode is Mode.LINES
        self.warned.append(trio.current_time() - self.began)

    def hang_up(self, client: Client) -> None:
        assert client.mode is Mode.FRAMES
        del self.here[client]
        self.left.append(trio.current_time() - self.began)

    async def drain(self) -> float:
        """Drain. -> the time that it took"""
        await drain(lambda: self.here.keys(), DRAIN_S, warn=self.warn, hang_up=self.hang_up)
        return trio.current_time() - self.began


async def test_clients_in_frames_leave_evenly_once_balancers_have_noticed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    people = People(frames=60)

    took_s = await people.drain()

    assert people.left[0] == NOTICED_AFTER * DRAIN_S
    assert len(people.left) == 60
    gaps = [after - before for before, after in pairwise(people.left)]
    assert max(gaps) <= 2 * TURN_S + 1e-6
    assert sum(left < 5.0 for left in people.left) == pytest.approx(30, abs=2)  # half of the time is over then
    assert took_s <= DRAIN_S + 1e-6


async def test_clients_in_lines_are_warned_and_stay(autojump_clock: trio.testing.MockClock) -> None:
    people = People(lines=3, frames=1)

    assert await people.drain() == pytest.approx(DRAIN_S)

    assert people.warned == [NOTICED_AFTER * DRAIN_S] * 3
    assert [it.mode for it in people.here] == [Mode.LINES] * 3


async def test_who_comes_meanwhile_is_sent_away_too(autojump_clock: trio.testing.MockClock) -> None:
    people = People(frames=10)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(people.drain)
        await trio.sleep(DRAIN_S / 2)
        people.come(frames=10)

    assert len(people.left) == 20
    assert not people.here


@pytest.mark.parametrize("modes", [{}, {"frames": 1}])
async def test_it_is_over_as_soon_as_nobody_is_here(
    autojump_clock: trio.testing.MockClock, modes: dict[str, int]
) -> None:
    assert await People(**modes).drain() <= NOTICED_AFTER * DRAIN_S + TURN_S


async def test_others_have_their_turn_while_very_many_are_told(autojump_clock: trio.testing.MockClock) -> None:
    people = People(lines=4 * HANG_UPS_PER_TURN)
    turns: list[int] = []

    async def have_turns() -> None:
        await trio.sleep(NOTICED_AFTER * DRAIN_S)
        while len(people.warned) < len(people.here):
            turns.append(len(people.warned))
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(have_turns)
        await people.drain()

    assert max(after - before for before, after in pairwise([*turns, len(people.warned)])) <= 2 * HANG_UPS_PER_TURN
