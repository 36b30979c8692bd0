"""The journal in memory beyond the contract: what it forgets, and the turns that it takes."""

import pytest

from tests.turns import turns_during
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.journal import Origin, SearchError
from trio_chat.journal.memory.journal import FORGOTTEN_PER_TURN, open_memory


async def test_a_room_forgets_its_oldest_entries_and_their_keys() -> None:
    async with open_memory(entries_max=10) as journal:
        for number in range(30):
            await journal.post(Draft("lobby", Kind.SAID, "a", str(number), session="s", key=str(number))).kept()

        entries = await journal.read("lobby", limit=100)
        assert 10 <= len(entries) <= 11
        assert entries[-1].id == 30

        forgotten = Draft("lobby", Kind.SAID, "a", "0", session="s", key="0")
        remembered = Draft("lobby", Kind.SAID, "a", "29", session="s", key="29")
        receipts = [journal.post(forgotten), journal.post(remembered)]
        await receipts[1].kept()
        assert receipts[0].repeated("s", "0") is None
        assert receipts[1].repeated("s", "29") == entries[-1]


async def test_others_have_their_turn_while_many_entries_are_removed() -> None:
    async with open_memory() as journal:
        said = Draft("lobby", Kind.SAID, "a", "hello")
        await journal.load((Entry(number, 1.7e9, said) for number in range(1, 10_001)), Origin("another"))

        turns = await turns_during(lambda: journal.prune(more_than=10))

        assert turns >= 10_000 // FORGOTTEN_PER_TURN - 1
        assert len(await journal.read("lobby", limit=100)) == 10


async def test_a_search_that_needs_longer_than_it_may_is_refused_with_what_to_do() -> None:
    async with open_memory(search_max_s=0) as journal:
        said = Draft("lobby", Kind.SAID, "a", "hello " * 100)
        await journal.load((Entry(number, 1.7e9, said) for number in range(1, 2001)), Origin("another"))

        with pytest.raises(SearchError, match=r"^too much to look through: say more$"):
            await journal.search(["lobby"], "nobody said this", limit=9)
