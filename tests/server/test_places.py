"""The places of clients, as they are found at the start."""

from trio_chat.journal import PlaceRecord
from trio_chat.server.places import recall_places


async def test_a_place_in_a_room_that_cannot_be_is_lost_and_keeps_no_server_from_starting(open_house, logged) -> None:
    async with open_house() as house:
        journal = house.services.journal
        places = [PlaceRecord(f"c{mode}", mode, mode, "", ("no!room",)) for mode in ("lines", "frames")]
        await journal.save_places(places, [])

        await recall_places(house.chat, journal)

        assert sum("is lost" in line for line in logged()) == 2
        assert [place.mode for place in await journal.read_places()] == ["frames"]
