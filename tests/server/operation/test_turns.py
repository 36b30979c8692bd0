from collections.abc import Iterator

import trio
import trio.testing

from trio_chat.server.operation.turns import PAUSE_TIMEOUT_S, Turns


async def test_work_is_done_in_steps_with_a_pause_after_each(nursery: trio.Nursery) -> None:
    done: list[str] = []

    def work() -> Iterator[int]:
        for number in range(1, 4):
            done.append("step")
            yield number

    async def pause() -> None:
        done.append("pause")
        await trio.lowlevel.checkpoint()

    assert await Turns(nursery, pause).finish(work()) == 3
    assert done == ["step", "pause"] * 3


async def test_work_goes_on_when_its_caller_is_gone(nursery: trio.Nursery, autojump_clock) -> None:
    done: list[int] = []

    with trio.move_on_after(PAUSE_TIMEOUT_S / 2) as asking:
        await Turns(nursery, trio.sleep_forever).finish(done.append(number) or number for number in range(5))

    assert asking.cancelled_caught
    assert len(done) == 1
    await trio.sleep(5 * PAUSE_TIMEOUT_S)
    assert len(done) == 5


async def test_no_work_is_nothing(nursery: trio.Nursery) -> None:
    assert await Turns(nursery, trio.lowlevel.checkpoint).finish(iter(())) == 0
