"""Who is here: the history says it, whatever happens to the server and to its store."""

from pathlib import Path

import pytest

from bench.faults.presence import kill_under_churn


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["", "full", "locked"])
def test_after_a_kill_and_a_fault_of_the_store_the_history_says_who_is_here(tmp_path: Path, fault: str) -> None:
    faults, changes = kill_under_churn(tmp_path / "data", 2, store_faults=[fault])

    assert faults == []
    assert changes > 100
