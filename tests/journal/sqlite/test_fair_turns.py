"""Turns in the order of fairness."""

import random

import pytest
import trio
import trio.testing

from trio_chat.journal.sqlite.fair_turns import HALF_LIFE_S, MUCH_S, TRACKED_MAX, FairTurns


@pytest.fixture
def turns() -> FairTurns:
    return FairTurns(2)


async def test_who_has_used_no_time_lately_goes_ahead_of_any_number_who_have(
    turns, autojump_clock: trio.testing.MockClock
):
    async def use_it_all_the_time(user: int) -> None:
        while True:
            async with turns.turn(user):
                await trio.sleep(0.5)

    async with trio.open_nursery() as nursery:
        for user in range(200):
            nursery.start_soon(use_it_all_the_time, user)
        await trio.sleep(300 * 0.5)  # until all had one, and some two

        for _ in range(20):
            asked = trio.current_time()
            async with turns.turn("rarely"):
                assert trio.current_time() - asked <= 0.5
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


async def test_who_has_used_much_waits_no_longer_than_until_each_of_the_others_had_a_turn(
    turns, autojump_clock: trio.testing.MockClock
):
    async def use_it_all_the_time(user: int) -> None:
        while True:
            async with turns.turn(user):
                await trio.sleep(MUCH_S)

    async with turns.turn("much"):
        await trio.sleep(1000)
    async with trio.open_nursery() as nursery:
        for user in range(20):
            nursery.start_soon(use_it_all_the_time, user)
        await trio.sleep(100 * MUCH_S)

        with trio.fail_after(11 * MUCH_S):
            async with turns.turn("much"):
                pass
        nursery.cancel_scope.cancel()


async def test_who_uses_little_gets_turns_more_often(turns, autojump_clock: trio.testing.MockClock):
    used = dict.fromkeys(range(5), 0.0)

    async def use_it(user: int) -> None:
        while True:
            async with turns.turn(user):
                await trio.sleep((user + 1) / 10)
                used[user] += (user + 1) / 10

    with trio.move_on_after(10):
        async with trio.open_nursery() as nursery:
            for user in used:
                nursery.start_soon(use_it, user)

    assert used[0] / 0.1 > 2 * used[4] / 0.5


async def test_use_counts_for_less_the_longer_ago_it_was(turns, autojump_clock: trio.testing.MockClock):
    order: list[str] = []

    async def use_it(user: str, used_s: float) -> None:
        async with turns.turn(user):
            order.append(user)
            await trio.sleep(used_s)

    await use_it("long ago", 1.5)
    await trio.sleep(HALF_LIFE_S)
    await use_it("just now", 1)
    order.clear()
    async with trio.open_nursery() as nursery:
        for user in ("a", "b", "just now", "long ago"):
            nursery.start_soon(use_it, user, 1)
            await trio.sleep(0.01)

    assert order == ["a", "b", "long ago", "just now"]


@pytest.mark.parametrize("seed", range(5))
async def test_no_turn_is_lost_whoever_is_cancelled_and_when(turns, seed, autojump_clock: trio.testing.MockClock):
    chance = random.Random(seed)
    at_once, most = 0, 0

    async def use_it(user: int) -> None:
        nonlocal at_once, most
        with trio.move_on_after(chance.choice((0, 0.1, 0.2, 0.3, 9))):
            async with turns.turn(user % 5):
                at_once += 1
                most = max(most, at_once)
                try:
                    await trio.sleep(0.1)
                finally:
                    at_once -= 1

    async with trio.open_nursery() as nursery:
        for user in range(50):
            nursery.start_soon(use_it, user)

    assert (most, turns.waiting) == (2, 0)
    with trio.fail_after(1):
        async with turns.turn("one"), turns.turn("two"):
            pass


async def test_the_memory_of_use_is_bounded(turns, autojump_clock: trio.testing.MockClock):
    for user in range(2 * TRACKED_MAX):
        async with turns.turn(user):
            await trio.sleep(0.01)

    assert len(turns._used) <= TRACKED_MAX
