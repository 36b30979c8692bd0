"""Promise 3, and promises 1 and 2 with it, on a real server, through a network that is as bad as it gets."""

from pathlib import Path

import pytest

from trio_chat.client.link.seen import Seen
from trio_chat.selftest.ordeal import FAULTS, Plan, Report, run_ordeal
from trio_chat.selftest.report import describe

SHORT = {"seconds": 3.0, "names": ("alice", "bob", "carol", "dave"), "fault_s": 0.08, "kill_s": 1.0, "settle_s": 40.0}


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_is_lost_and_nothing_shown_twice_whatever_breaks(tmp_path: Path, seed: int) -> None:
    report = await run_ordeal(Plan(seed=seed, **SHORT), tmp_path)

    assert report.findings == []
    assert report.kills > 0
    assert report.faults.keys() == FAULTS.keys()
    assert report.entries >= sum(len(one.said) for one in report.transcripts) > 0
    assert all(one.reconnects for one in report.transcripts)


async def test_a_client_that_does_not_ask_for_what_it_missed_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Seen, "since", lambda self, rooms: {})

    report = await run_ordeal(Plan(seed=1, **SHORT), tmp_path)

    assert any("was never shown" in finding for finding in report.findings)


async def test_progress_is_told_up_to_the_end_of_the_bad_time(tmp_path: Path) -> None:
    told: list[float] = []

    await run_ordeal(Plan(seconds=0.3, seed=1, names=("alice", "bob")), tmp_path, told.append)

    assert told == sorted(told)
    assert 0 <= told[0] < told[-1] == 0.3


def test_a_report_says_what_happened_and_what_came_of_it() -> None:
    report = Report(
        Plan(seconds=3, seed=7), kills=2, findings=[f"alice was shown entry {n} 2 times" for n in range(25)]
    )
    report.faults.update({"cut": 3, "torn": 1})

    said = list(describe(report))

    assert "connections: 3 cut, 1 torn; 0 reconnects" in said
    assert "server: killed and started again 2 times" in said
    assert "verdict: BROKEN, 25 findings" in said
    assert said[-2:] == ["  alice was shown entry 19 2 times", "  and 5 more"]
