"""Watching an event loop for work that holds it: nobody else is served meanwhile.

The CPU time of the loop's own thread is measured, as on a usual machine (see tests/work.py), so no busy and no slow
machine fails a test. `python -m tests.loop_watch REPORT ARGUMENT...` runs the command line with its loop watched, and
appends a line to the file REPORT for each hold.
"""

import gc
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from threading import get_ident
from time import thread_time
from types import CoroutineType
from typing import Any

import trio

from tests.cheap_hashes import hash_cheaply
from tests.work import usual_s

HELD_S = 0.05
"""CPU time that one step of a task may take on a usual machine: promise 13 of the design."""


class WorkClock:
    """CPU time of this thread without that of collecting garbage: most of it here is that of the tests."""

    def __init__(self) -> None:
        self._thread = get_ident()
        self._began = 0.0
        self._collecting = 0.0

    def __call__(self) -> float:
        return thread_time() - self._collecting

    def note_collection(self, phase: str, _info: object) -> None:
        """Note that the collector begins or ends; it runs in whichever thread makes objects."""
        if get_ident() != self._thread:
            return
        if phase == "start":
            self._began = thread_time()
        else:
            self._collecting += thread_time() - self._began


@asynccontextmanager
async def longest_hold() -> AsyncIterator[Callable[[], float]]:
    """Measure how long others hold the loop inside the block. -> a function that tells the longest time, in seconds

    It is the CPU time between two turns of another task, so of two steps in a row at most, and known after the block.
    """
    longest_s = 0.0

    async def watch() -> None:
        nonlocal longest_s
        while True:
            began = thread_time()
            await trio.lowlevel.cancel_shielded_checkpoint()
            longest_s = max(longest_s, _usual_s(thread_time() - began))
            await trio.lowlevel.checkpoint_if_cancelled()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await trio.lowlevel.checkpoint()
        yield lambda: longest_s
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()  # the watcher has run
        nursery.cancel_scope.cancel()


class LoopWatch(trio.abc.Instrument):
    """Reports each step of a task, and each pass of the loop, that takes longer than HELD_S.

    A step is all that runs between two waits of one task; a pass is the steps of all tasks that are ready at once.
    `is_ours` says whose steps are watched; without it all are, and passes too.
    """

    def __init__(
        self,
        report: Callable[[str], object],
        is_ours: Callable[[trio.lowlevel.Task], bool] | None = None,
        clock: Callable[[], float] = thread_time,
    ) -> None:
        self._clock = clock
        self._report = report
        self._is_ours = is_ours or (lambda _task: True)
        self._is_alone = is_ours is None
        self._began = self._pass_began = 0.0
        self._steps = 0

    def before_run(self) -> None:
        self._pass_began = self._clock()

    def after_io_wait(self, timeout: float) -> None:
        self._pass_began = self._clock()
        self._steps = 0

    def before_io_wait(self, timeout: float) -> None:
        held = _usual_s(self._clock() - self._pass_began)
        if held > HELD_S and self._is_alone:
            self._report(f"a pass of {self._steps} steps held the loop for {held * 1000:.0f} ms")

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._began = self._clock()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self._steps += 1
        held = _usual_s(self._clock() - self._began)
        if held > HELD_S and self._is_ours(task):
            self._report(f"{task.name} held the loop for {held * 1000:.0f} ms, up to {_place(task.coro)}")


def _usual_s(held_s: float) -> float:
    """Return the time of a hold on a usual machine; one that is short even here is returned as it is."""
    return usual_s(held_s) if held_s > HELD_S else held_s


def _place(coro: Any) -> str:
    """Return the line of ours at which a task waits now."""
    place = "its end"
    while isinstance(coro, CoroutineType) and coro.cr_frame is not None:
        code = coro.cr_frame.f_code
        if "site-packages" not in code.co_filename:
            place = f"{Path(code.co_filename).name}:{coro.cr_frame.f_lineno} ({code.co_name})"
        coro = coro.cr_await
    return place


@contextmanager
def watching(nursery: trio.Nursery) -> Iterator[None]:
    """Fail after a block in which a task in this nursery held the loop; a test's own tasks may."""
    held: list[str] = []
    clock = WorkClock()
    watch = LoopWatch(held.append, lambda task: is_within(task, nursery), clock)
    trio.lowlevel.add_instrument(watch)
    gc.callbacks.append(clock.note_collection)
    try:
        yield
    finally:
        gc.callbacks.remove(clock.note_collection)
        trio.lowlevel.remove_instrument(watch)
    assert not held, held


def is_within(task: trio.lowlevel.Task, nursery: trio.Nursery) -> bool:
    """Tell whether a task runs in a nursery or in one inside it."""
    around = task.parent_nursery
    while around is not None and around is not nursery:
        around = around.parent_task.parent_nursery
    return around is nursery


def _append(file: Path, line: str) -> None:
    with file.open("a", encoding="utf-8") as report:
        report.write(f"{line}\n")


def main(report: str, *arguments: str) -> None:
    """Run the command line as a user would, watched; only passwords are hashed with little work."""
    from trio_chat import cli

    watch = LoopWatch(partial(_append, Path(report)))
    trio.run = partial(trio.run, instruments=[watch])
    hash_cheaply()
    sys.argv = ["trio-chat", *arguments]
    cli.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
