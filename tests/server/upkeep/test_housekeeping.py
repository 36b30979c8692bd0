"""Housekeeping: pruning the journal in the background."""

from pathlib import Path

import trio
import trio.testing

from trio_chat.chat.events import Draft, Kind
from trio_chat.config.setting_types import RetentionLimit
from trio_chat.journal import open_journal
from trio_chat.journal.memory.journal import open_memory
from trio_chat.server.upkeep.housekeeping import PRUNE_EVERY_S, Pruning


async def test_entries_beyond_the_limit_are_pruned_at_start_and_from_then_on(autojump_clock) -> None:
    async with open_journal("memory:", data=Path()) as journal, trio.open_nursery() as nursery:
        for number in range(10):
            await journal.post(Draft("lobby", Kind.SAID, "alice", str(number))).kept()
        nursery.start_soon(Pruning(journal, [RetentionLimit(more_than=4), RetentionLimit(older_than=86400)]).run)
        await trio.testing.wait_all_tasks_blocked()
        at_start = len(await journal.read("lobby", limit=100))

        for number in range(5):
            await journal.post(Draft("lobby", Kind.SAID, "alice", str(number))).kept()
        await trio.sleep(PRUNE_EVERY_S + 1)

        assert at_start == 4
        assert len(await journal.read("lobby", limit=100)) == 4
        nursery.cancel_scope.cancel()


async def test_m4_while_the_clock_may_be_wrong_only_what_is_older_by_as_much_is_pruned(autojump_clock) -> None:
    time, ahead_s = [0.0], [0.0]
    async with open_memory(clock=lambda: time[0]) as journal, trio.open_nursery() as nursery:
        for number in range(10):
            await journal.post(Draft("lobby", Kind.SAID, "alice", str(number))).kept()
            time[0] += 60
        time[0] += 86400
        ahead_s[0] = 86400.0
        nursery.start_soon(Pruning(journal, [RetentionLimit(older_than=330)], lambda: ahead_s[0]).run)
        await trio.testing.wait_all_tasks_blocked()
        meanwhile = len(await journal.read("lobby", limit=100))

        ahead_s[0] = 0.0
        await trio.sleep(PRUNE_EVERY_S + 1)

        assert meanwhile == 5
        assert len(await journal.read("lobby", limit=100)) == 1  # the newest one stays
        nursery.cancel_scope.cancel()


async def test_bounds_that_are_set_anew_hold_at_once(autojump_clock) -> None:
    async with open_journal("memory:", data=Path()) as journal, trio.open_nursery() as nursery:
        for number in range(10):
            await journal.post(Draft("lobby", Kind.SAID, "alice", str(number))).kept()
        pruning = Pruning(journal, [])
        nursery.start_soon(pruning.run)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()

        pruning.keeps = [RetentionLimit(more_than=4)]
        await trio.testing.wait_all_tasks_blocked()

        assert len(await journal.read("lobby", limit=100)) == 4
        assert trio.current_time() == began
        nursery.cancel_scope.cancel()


class Large:
    """A journal that prunes for longer than anybody waits."""

    def __init__(self) -> None:
        self.begun: list[int | None] = []
        self.ended: list[int | None] = []

    async def prune(self, *, older_than: float | None = None, more_than: int | None = None) -> None:
        self.begun.append(more_than)
        try:
            await trio.sleep_forever()
        finally:
            self.ended.append(more_than)


async def test_a_wider_bound_stops_pruning_under_way(nursery: trio.Nursery) -> None:
    journal = Large()
    pruning = Pruning(journal, [RetentionLimit(more_than=4)])  # type: ignore[arg-type]
    nursery.start_soon(pruning.run)
    await trio.testing.wait_all_tasks_blocked()

    pruning.keeps = [RetentionLimit(more_than=4000)]
    await trio.testing.wait_all_tasks_blocked()
    is_stopped = journal.ended == [4]
    pruning.keeps = [RetentionLimit(more_than=4000)]  # the same: it goes on
    await trio.testing.wait_all_tasks_blocked()

    assert is_stopped
    assert (journal.begun, journal.ended) == ([4, 4000], [4])
    nursery.cancel_scope.cancel()
