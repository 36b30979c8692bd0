"""Session records, as they are found at the start."""

from tests.turns import turns_during
from trio_chat.chat.accounts.account import Account
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import NoOutlet
from trio_chat.journal import SessionRecord
from trio_chat.server.upkeep.session_restore import WORK_PER_TURN, restore_records, restore_sessions


async def test_a_record_of_a_room_that_cannot_be_ends_with_a_notice_and_keeps_no_server_from_starting(
    open_server, logged
) -> None:
    async with open_server() as server:
        journal = server.context.journal
        records = [SessionRecord(f"c{mode}", mode, mode, "", ("no!room",)) for mode in Mode]
        await journal.post(sessions=records).kept()

        await restore_sessions(server.chat, journal, server.context.admission.origin_of)
        await journal.settled()

        assert sum("is lost" in line for line in logged()) == 1
        assert await journal.read_sessions() == []
        assert [entry.draft.author for entry in await journal.read("no!room", limit=9)] == ["frames", "lines"]


async def test_a_client_that_cannot_be_restored_leaves_with_a_notice_and_its_name_is_free(open_server) -> None:
    async with open_server() as server:
        journal = server.context.journal
        records = [
            SessionRecord(owner, "frames", nick, nick, ("lobby",)) for owner, nick in (("a", "ian"), ("b", "lan"))
        ]
        await journal.post(sessions=records).kept()

        await restore_sessions(server.chat, journal, server.context.admission.origin_of)
        await journal.settled()

        assert [record.owner for record in await journal.read_sessions()] == ["a"]
        assert [(e.draft.kind, e.draft.author) for e in await journal.read(None, limit=9)] == [("left", "lan")]
        assert [member.label for member in server.chat.rooms["lobby"].members] == ["ian"]


async def test_a_departure_is_announced_once_for_all_restarts(open_server) -> None:
    async with open_server() as server:
        journal = server.context.journal
        await journal.post(sessions=[SessionRecord("c1", "lines", "10.0.0.1:47634", "", ("lobby", "ops"))]).kept()

        for _ in range(2):
            await restore_sessions(server.chat, journal, server.context.admission.origin_of)
            await journal.settled()

        left = [(entry.draft.room, entry.draft.kind, entry.draft.author) for entry in await journal.read(None, limit=9)]
        assert left == [("lobby", "left", "10.0.0.1:47634"), ("ops", "left", "10.0.0.1:47634")]
        assert await journal.read_sessions() == []


async def test_a_member_is_in_the_rooms_of_the_places_that_a_restart_leaves(open_server, tmp_path) -> None:
    alice, bob = (Account(digit * 16, name, 1.0, 1.0, "own") for digit, name in (("a", "alice"), ("b", "bob")))

    async with open_server(journal_url="sqlite:", data=tmp_path) as server:
        for account, mode, room in (
            (alice, Mode.FRAMES, "dev"),
            (alice, Mode.LINES, "lobby"),
            (bob, Mode.LINES, "dev"),
        ):
            session = f"{account.name}-{mode}-session"
            client = server.chat.connect("192.0.2.1", 1025, mode=mode, outlet=NoOutlet(), session=session)
            server.chat.join(client, room)
            server.chat.places.enter_as(client, account.id, account.name, "password")
        await server.context.journal.settled()
        before = server.context.journal.last_id

    for _ in range(2):
        async with open_server(journal_url="sqlite:", data=tmp_path) as server:
            for account in (alice, bob):
                server.context.accounts.names.put(account)
            journal = server.context.journal
            await restore_sessions(server.chat, journal, server.context.admission.origin_of)
            await journal.settled()

            told = await journal.read(None, limit=9, after=before)
            assert [(it.draft.room, it.draft.kind, it.draft.author, it.draft.account) for it in told] == [
                ("lobby", "left", "alice", alice.id),
                ("dev", "left", "bob", bob.id),
            ]
            assert [client.shown for client in server.chat.rooms["dev"].members] == ["alice®"]
            assert sorted(it.owner for it in await journal.read_sessions()) == [f"@{alice.id}", "alice-frames-session"]


async def test_others_have_their_turn_while_clients_in_many_rooms_are_restored(open_server) -> None:
    async with open_server() as server:
        rooms = tuple(f"room{number}" for number in range(100))
        count = 6 * WORK_PER_TURN // len(rooms)
        records = [SessionRecord(f"o{number}", "frames", f"n{number}", f"n{number}", rooms) for number in range(count)]

        turns = await turns_during(lambda: restore_records(server.chat, records, server.context.admission.origin_of))

        assert turns >= 4
        assert len(server.chat.rooms["room7"].members) == count
