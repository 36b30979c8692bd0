"""The way of drafts into batches, whatever the store."""

from itertools import chain

import pytest

from trio_chat.chat.events import Draft, Kind
from trio_chat.chat.session_record import SessionEnd, SessionRecord
from trio_chat.journal.batch import Batch
from trio_chat.journal.intake import Intake

BATCH_MAX = 8


@pytest.fixture
def submitted() -> list[Batch]:
    return []


@pytest.fixture
async def intake(submitted: list[Batch]) -> Intake:
    return Intake(submitted.append, last_id=0, name="memory:", batch_max=BATCH_MAX)


def session(owner: str, label: str = "alice") -> SessionRecord:
    return SessionRecord(owner, "frames", label, label, ("lobby",))


def keep(intake: Intake, batch: Batch, error: str | None = None) -> None:
    batch.error = intake.begin(batch) or error
    intake.record_outcome(batch)
    intake.finish(batch)


async def test_a_full_batch_takes_no_more_and_what_was_posted_together_stays_together(
    intake: Intake, submitted: list[Batch]
) -> None:
    groups = [[Draft("lobby", Kind.SAID, "alice", f"{number}.{part}") for part in range(3)] for number in range(20)]

    batches = [intake.post(*group) for group in groups]
    intake.submit_now()

    assert list(dict.fromkeys(batches)) == submitted
    assert all(batch.size < BATCH_MAX + 3 for batch in submitted)
    assert list(chain.from_iterable(batch.groups() for batch in submitted)) == groups


async def test_session_changes_fill_a_batch_too(intake: Intake, submitted: list[Batch]) -> None:
    for number in range(2 * BATCH_MAX):
        intake.post(sessions=[session(f"o{number}")])
    intake.submit_now()

    assert [len(batch.sessions) for batch in submitted] == [BATCH_MAX, BATCH_MAX]


async def test_of_several_batches_behind_one_that_failed_the_last_change_of_each_session_is_overdue(
    intake: Intake, submitted: list[Batch]
) -> None:
    before = intake.post(sessions=[session("a"), session("b"), session("c")])
    intake.submit_now()
    keep(intake, before)
    for number in range(BATCH_MAX):
        intake.post(sessions=[session("a", f"alice{number}")])
        intake.post(*(Draft("lobby", Kind.SAID, "alice", "hello"),) * BATCH_MAX)
    intake.post(sessions=[SessionEnd("b")])
    intake.submit_now()

    keep(intake, submitted[1], "the disk is full")
    intake.post(sessions=[session("c", "carol")])
    for batch in submitted[2:]:
        assert not batch.sessions
        keep(intake, batch)
        assert batch.error == "the disk is full"

    overdue = intake.take_overdue()
    assert overdue
    assert [*overdue.sessions.values()] == [
        session("a", f"alice{BATCH_MAX - 1}"),
        SessionEnd("b"),
        session("c", "carol"),
    ]
