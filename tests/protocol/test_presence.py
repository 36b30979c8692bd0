"""Presence: the notices in the history yield the members, under any fault of the server and its store."""

from pathlib import Path

import pytest

from bench.faults.presence import kill_under_churn


def test_after_a_kill_between_two_sums_of_a_crowd_the_history_says_how_many_are_here(tmp_path: Path) -> None:
    faults, changes = kill_under_churn(tmp_path / "data", 1, store_faults=[""], announce_max=2)

    assert faults == []
    assert changes > 50


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["", "full"])
def test_after_many_kills_between_two_sums_of_a_crowd_the_history_says_how_many_are_here(
    tmp_path: Path, fault: str
) -> None:
    faults, changes = kill_under_churn(tmp_path / "data", 3, store_faults=[fault], announce_max=2, seed=2)

    assert faults == []
    assert changes > 150


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["", "full", "locked"])
def test_after_a_kill_and_a_fault_of_the_store_the_history_yields_the_members(tmp_path: Path, fault: str) -> None:
    faults, changes = kill_under_churn(tmp_path / "data", 2, store_faults=[fault])

    assert faults == []
    assert changes > 100
