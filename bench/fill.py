"""Writing a journal directly, since sending a million lines would take longer than the benchmarks."""

from pathlib import Path

import trio

from trio_chat.chat.events import LOBBY, Draft, Kind
from trio_chat.journal import open_journal

GROUP = 10_000


def fill_journal(data: Path, entries: int) -> str:
    """Create the folder `data` with a journal of so many entries. -> its epoch"""
    data.mkdir()
    return trio.run(_fill, data, entries)


async def _fill(data: Path, entries: int) -> str:
    async with open_journal("sqlite:", data=data) as journal:
        for first in range(0, entries, GROUP):
            drafts = [
                Draft(LOBBY, Kind.SAID, "127.0.0.1:54321", f"this is line {number} of very many")
                for number in range(first, min(first + GROUP, entries))
            ]
            receipts = [journal.post(draft) for draft in drafts]
            await receipts[-1].kept()
        return journal.epoch
