"""Threads of low priority: what they run never gets in the way of the others."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio

from trio_chat.server.credentials.background_threads import NICENESS, OWN_CORES, BackgroundThreads, threads_at_once


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


@contextmanager
def allowed_cores(count: int) -> Iterator[None]:
    """Run on so many cores at most, in this block."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def test_work_runs_in_a_thread_of_lower_priority_than_all_others() -> None:
    threads, before = BackgroundThreads(1), niceness()

    assert await threads.run(threading.current_thread) is not threading.current_thread()
    if sys.platform == "linux":
        assert await threads.run(niceness) == min(19, before + NICENESS)
    assert niceness() == before
    assert await trio.to_thread.run_sync(niceness) == before


async def test_what_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await BackgroundThreads(1).run(lambda: 1 // 0)


async def test_where_no_thread_can_be_started_that_is_said_and_the_next_one_runs(monkeypatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads = BackgroundThreads(1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(MemoryError):
            await threads.run(niceness)

    assert await threads.run(lambda: 7) == 7


async def test_no_more_run_at_once_than_may_also_where_callers_were_cancelled() -> None:
    threads, go_on, running, most = BackgroundThreads(2), threading.Event(), list[int](), list[int]()

    def work() -> None:
        running.append(1)
        most.append(len(running))
        go_on.wait()
        running.pop()

    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(threads.run, work)
        while len(running) < 2:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(threads.run, work)
        await trio.testing.wait_all_tasks_blocked()
        assert len(running) == 2
        go_on.set()

    assert len(most) == 6
    assert max(most) == 2


def test_where_there_are_few_cores_one_runs_at_once() -> None:
    with allowed_cores(1):
        assert threads_at_once(2) == 1
    with allowed_cores(OWN_CORES):
        assert threads_at_once(2) == 1
    assert threads_at_once(2) == max(1, min(2, len(os.sched_getaffinity(0)) - OWN_CORES))
