"""A system clock that jumps ahead is believed only once it has stayed there."""

import logging

import pytest

from trio_chat.server.upkeep.settled_clock import HELD_FOR_S, TOLERANCE_S, SettledClock, since_boot

DAY_S = 86400.0


class Machine:
    """The clocks of a machine, set by hand."""

    def __init__(self) -> None:
        self.wall, self.steady = 1e9, 50.0

    def wait(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> SettledClock:
    return SettledClock(lambda: machine.wall, lambda: machine.steady)


def test_time_that_passes_is_believed(clock, machine) -> None:
    machine.wait(400 * DAY_S)

    assert clock.ahead_s() == 0


def test_a_jump_ahead_is_told_until_it_has_held_for_a_while(clock, machine) -> None:
    machine.wall += DAY_S
    assert clock.ahead_s() == DAY_S

    machine.wait(HELD_FOR_S - 1)
    assert clock.ahead_s() == DAY_S

    machine.wait(1)
    assert clock.ahead_s() == 0


def test_a_jump_that_is_taken_back_is_forgotten(clock, machine) -> None:
    machine.wall += DAY_S
    clock.ahead_s()
    machine.wall -= DAY_S
    assert clock.ahead_s() == 0

    machine.wait(2 * HELD_FOR_S)
    machine.wall += DAY_S

    assert clock.ahead_s() == DAY_S


def test_a_second_jump_has_to_hold_as_long_as_the_first(clock, machine) -> None:
    machine.wall += DAY_S
    clock.ahead_s()
    machine.wait(HELD_FOR_S - 1)
    machine.wall += DAY_S
    clock.ahead_s()
    machine.wait(HELD_FOR_S - 1)

    assert clock.ahead_s() == 2 * DAY_S


def test_a_jump_back_is_believed_at_once(clock, machine) -> None:
    machine.wall -= DAY_S
    assert clock.ahead_s() == 0

    machine.wall += DAY_S

    assert clock.ahead_s() == DAY_S


def test_corrections_of_seconds_are_believed(clock, machine) -> None:
    for _ in range(100):
        machine.wait(60)
        machine.wall += TOLERANCE_S / 2
        assert clock.ahead_s() == 0


def test_a_jump_is_logged_once(clock, machine, caplog) -> None:
    machine.wall += 3600
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            clock.ahead_s()
            machine.wait(1)

    assert [record.getMessage() for record in caplog.records] == [
        "the system's clock was set ahead by 3600 s: nothing is pruned for that, for now"
    ]


def test_the_steady_clock_goes_on() -> None:
    assert since_boot() <= since_boot()
