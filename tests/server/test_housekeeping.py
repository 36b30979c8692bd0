"""What is done to the journal in the background."""

from functools import partial
from pathlib import Path

import trio
import trio.testing

from trio_chat.chat.events import Draft, Kind
from trio_chat.config.kinds import Keep
from trio_chat.journal import open_journal
from trio_chat.server.housekeeping import PRUNE_EVERY_S, prune_forever


async def test_what_is_more_than_is_to_be_kept_is_pruned_at_start_and_from_then_on(autojump_clock) -> None:
    async with open_journal("memory:", data=Path()) as journal, trio.open_nursery() as nursery:
        for number in range(10):
            await journal.post(Draft("lobby", Kind.SAID, "alice", str(number))).kept()
        nursery.start_soon(partial(prune_forever, journal, [Keep(more_than=4), Keep(older_than=86400)]))
        await trio.testing.wait_all_tasks_blocked()
        at_start = len(await journal.read("lobby", limit=100))

        for number in range(5):
            await journal.post(Draft("lobby", Kind.SAID, "alice", str(number))).kept()
        await trio.sleep(PRUNE_EVERY_S + 1)

        assert at_start == 4
        assert len(await journal.read("lobby", limit=100)) == 4
        nursery.cancel_scope.cancel()
