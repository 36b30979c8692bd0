from trio_chat.chat.events import Draft, Kind
from trio_chat.journal.memory.journal import open_memory


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
