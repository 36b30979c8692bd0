"""The receipt of what is posted later: it settles when that does, and not before."""

import pytest
import trio

from trio_chat.chat.events import SUPERSEDED, Draft, Kind
from trio_chat.journal import JournalError
from trio_chat.journal.batch import Batch
from trio_chat.journal.late_receipt import LateReceipt


async def test_it_settles_when_the_other_receipt_does() -> None:
    late, batch = LateReceipt(), Batch()
    steps: list[str] = []

    async def wait() -> None:
        await late.kept()
        steps.append("kept")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        late.settle_with(batch)
        await trio.testing.wait_all_tasks_blocked()
        assert not late.is_settled
        steps.append("settled")
        batch.settle()

    assert steps == ["settled", "kept"]
    assert late.is_settled
    assert late.error is None


async def test_it_fails_as_the_other_receipt_does() -> None:
    late, batch = LateReceipt(), Batch()
    assert late.error is None
    assert not late.is_settled

    late.settle_with(batch)
    batch.settle("the disk is full")

    with pytest.raises(JournalError, match="the disk is full"):
        await late.kept()
    assert late.error == "the disk is full"


async def test_it_knows_what_gave_way_unless_the_journal_knows_better() -> None:
    late, batch = LateReceipt(), Batch()
    batch.add([Draft("lobby", Kind.SAID, "alice", "hi", session="s", key="used")])
    batch.add([Draft("lobby", Kind.TOPIC, "alice", "used", session="s", key="used")])
    batch.assign_ids_skipping_repeats(1, 0.0, lambda session, key: None)
    gave_way = [Draft(SUPERSEDED, Kind.TOPIC, "alice", key, "lobby", session="s", key=key) for key in ("a", "used")]

    late.settle_with(batch, gave_way)
    batch.settle()
    await late.kept()

    found = {key: late.repeated("s", key) for key in ("a", "used", "own")}
    assert {key: entry and entry.draft.kind for key, entry in found.items()} == {
        "a": Kind.TOPIC,
        "used": Kind.SAID,
        "own": None,
    }
