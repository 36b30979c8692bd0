import gc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import thread_time

import pytest
import trio

from tests.loop_watch import HELD_S, longest_hold, watching
from tests.work import SLOWER_MAX

ROOT = Path(__file__).parents[1]

HOLDING = """
import runpy, sys
from trio_chat.chat.chat import Chat

def tick(self):
    from time import thread_time
    until = thread_time() + 1.0
    while thread_time() < until:
        pass

Chat.tick = tick
sys.argv = ["tests.loop_watch", sys.argv[1], "serve", "--port", "0", "--admin-port", "0", "--journal", "memory:"]
runpy.run_module("tests.loop_watch", run_name="__main__")
"""
"""A server that holds the loop once a second."""


async def work(seconds: float) -> None:
    """Take so much time of the processor."""
    await trio.lowlevel.checkpoint()
    until = thread_time() + seconds
    while thread_time() < until:
        pass
    await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(("wait", "is_fault"), [(HELD_S * SLOWER_MAX * 2, True), (HELD_S / 10, False)])
async def test_only_a_task_that_holds_the_loop_fails_a_test(wait: float, *, is_fault: bool) -> None:
    async def run() -> None:
        async with trio.open_nursery() as nursery:
            with watching(nursery):
                async with trio.open_nursery() as inner:
                    nursery.start_soon(work, wait)
                    inner.start_soon(trio.sleep, 0)
                await trio.testing.wait_all_tasks_blocked()

    await fails_if(run, is_fault=is_fault)


async def test_a_test_itself_may_hold_the_loop() -> None:
    async with trio.open_nursery() as nursery:
        with watching(nursery):
            await work(HELD_S * 5)


async def test_time_that_others_take_of_the_processor_does_not_count() -> None:
    def sleep() -> None:
        trio.from_thread.run_sync(lambda: None)

    async def wait() -> None:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.1)"], check=True)  # noqa: ASYNC221  # on purpose
        await trio.to_thread.run_sync(sleep)

    async with trio.open_nursery() as nursery:
        with watching(nursery):
            async with trio.open_nursery():
                nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()


async def test_collecting_the_garbage_of_tests_does_not_count() -> None:
    garbage = [[number] for number in range(100_000)]

    async def collect() -> None:
        began = thread_time()
        while thread_time() < began + HELD_S * 5:
            gc.collect()

    async with trio.open_nursery() as nursery:
        with watching(nursery):
            nursery.start_soon(collect)
            await trio.testing.wait_all_tasks_blocked()
    assert garbage


async def test_the_longest_hold_is_not_the_sum_of_all() -> None:
    async with longest_hold() as longest_s:
        for _ in range(40):
            await work(HELD_S * 0.3)

    assert HELD_S * 0.3 <= longest_s() < HELD_S  # their sum is above HELD_S on any machine


def test_a_server_that_holds_its_loop_is_reported(tmp_path: Path) -> None:
    report = tmp_path / "holds"
    command = [sys.executable, "-c", HOLDING, str(report)]

    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        while not report.exists() or "\n" not in report.read_text():
            assert server.poll() is None
        server.kill()

    assert "_tick" in report.read_text().splitlines()[0]


async def fails_if(run: Callable, *, is_fault: bool) -> None:
    if not is_fault:
        await run()
        return
    with pytest.RaisesGroup(AssertionError):
        await run()
