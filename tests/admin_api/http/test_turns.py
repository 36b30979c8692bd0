"""Work in turns that are measured by time."""

from collections.abc import Callable, Iterator

import trio

from admin_api.http.turns import in_turns


class Clock:
    """A clock that work moves on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def working(self, seconds: float) -> Callable[[int], int]:
        """A function that takes so long."""

        def work(thing: int) -> int:
            self.now += seconds
            return thing

        return work


async def lengths(things: Iterator[int], seconds: float) -> list[int]:
    """Count the things in each turn, if each takes so long."""
    clock = Clock()
    work = clock.working(seconds)
    return [len([work(one) for one in turn]) async for turn in in_turns(things, turn_s=1.0, clock=clock)]


async def test_a_turn_takes_as_many_things_as_there_is_time_for() -> None:
    assert await lengths(iter(range(10)), 0.25) == [4, 4, 2]


async def test_things_that_take_longer_than_a_turn_have_one_each() -> None:
    assert await lengths(iter(range(3)), 5.0) == [1, 1, 1]


async def test_nothing_is_left_out_and_nothing_comes_twice() -> None:
    clock = Clock()
    work = clock.working(0.3)

    found = [work(one) async for turn in in_turns(range(100), turn_s=1.0, clock=clock) for one in turn]

    assert found == list(range(100))


class Steps(trio.abc.Instrument):
    """Counts the steps of tasks."""

    taken = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.taken += 1


async def test_others_have_their_turn_before_the_first_between_two_and_after_the_last() -> None:
    clock, steps = Clock(), Steps()
    work = clock.working(1.0)

    trio.lowlevel.add_instrument(steps)
    during = [steps.taken async for turn in in_turns(range(3), turn_s=1.0, clock=clock) for _ in map(work, turn)]
    trio.lowlevel.remove_instrument(steps)

    assert [*during, steps.taken] == [1, 2, 3, 4]
