"""Time does not pass for a process that stands still."""

import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import trio

from trio_chat.awake_clock import AwakeClock

HOUR_S = 3600.0
TOLERANCE_S = 1.0


class SystemTime:
    """A system's time that is set by hand."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def system() -> SystemTime:
    return SystemTime()


@pytest.fixture
def stood_still() -> list[float]:
    return []


@pytest.fixture
def clock(system: SystemTime, stood_still: list[float]) -> Iterator[AwakeClock]:
    clock = AwakeClock(on_standstill=stood_still.append, tolerance_s=TOLERANCE_S, system_time=system)
    clock.start_clock()
    return clock


def test_an_hour_for_which_it_waited_has_passed(clock, system, stood_still) -> None:
    began = clock.current_time()
    assert clock.deadline_to_sleep_time(began + HOUR_S) == HOUR_S
    system.now += HOUR_S + 0.5

    assert clock.current_time() == began + HOUR_S + 0.5
    assert stood_still == []


def test_a_look_at_the_clock_before_a_wait_makes_no_standstill_of_it(clock, system, stood_still) -> None:
    began = clock.current_time()
    clock.deadline_to_sleep_time(began + HOUR_S)
    system.now += 0.1
    clock.current_time()  # as a view does that draws when its loop is idle
    system.now += HOUR_S

    assert clock.current_time() == began + HOUR_S + 0.1
    assert stood_still == []


def test_an_hour_beyond_what_it_waited_for_has_not_passed(clock, system, stood_still) -> None:
    began = clock.current_time()
    clock.deadline_to_sleep_time(began + 10)
    system.now += 10 + HOUR_S

    assert clock.current_time() == began + 10 - TOLERANCE_S
    assert stood_still == [HOUR_S]
    assert clock.deadline_to_sleep_time(began + 40) == 30 + TOLERANCE_S


def test_a_deadline_for_which_it_waited_leaves_time_to_read_what_came_meanwhile(clock, system) -> None:
    for wait_s in (0.25, 10):
        deadline = clock.current_time() + wait_s
        clock.deadline_to_sleep_time(deadline)
        system.now += wait_s + HOUR_S

        assert deadline - clock.current_time() == min(wait_s, TOLERANCE_S)


def test_an_hour_between_two_looks_has_not_passed(clock, system, stood_still) -> None:
    began = clock.current_time()
    system.now += HOUR_S

    assert clock.current_time() == began
    assert stood_still == [HOUR_S]


def test_one_that_is_woken_early_has_waited_no_longer(clock, system, stood_still) -> None:
    began = clock.current_time()
    clock.deadline_to_sleep_time(began + HOUR_S)
    system.now += 5
    assert clock.current_time() == began + 5

    system.now += HOUR_S

    assert clock.current_time() == began + 5
    assert stood_still == [HOUR_S]


def test_one_that_waits_without_a_deadline_may_wait_for_ever(clock, system, stood_still) -> None:
    clock.deadline_to_sleep_time(math.inf)
    system.now += HOUR_S

    clock.current_time()

    assert stood_still == []


def test_trio_gives_a_task_the_time_that_it_had_left(system: SystemTime) -> None:
    async def wait_as_the_system_stands_still() -> bool:
        with trio.move_on_after(30) as patience:
            await trio.lowlevel.checkpoint()
            system.now += HOUR_S
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
        return patience.cancelled_caught

    assert not trio.run(wait_as_the_system_stands_still, clock=AwakeClock(system_time=system))


PROGRAM = """
import sys

import trio
from trio_chat.awake_clock import AwakeClock

async def main():
    with trio.move_on_after(2.0) as patience:
        print("waiting", flush=True)
        await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)  # stopped here
        await trio.sleep(0.01)
    print("late" if patience.cancelled_caught else "in time", flush=True)

trio.run(main, clock=AwakeClock(tolerance_s=0.5))
"""


def test_m13_a_process_that_was_stopped_is_in_time_all_the_same() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        signal.sigtimedwait([signal.SIGUSR2], 3.0)  # the time for which it stands still

        print(file=process.stdin, flush=True)
        process.send_signal(signal.SIGCONT)

        assert process.stdout.readline() == "in time\n"
