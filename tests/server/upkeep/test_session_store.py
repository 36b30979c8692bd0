"""The places of clients, as they are found at the start."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.conftest import PATIENCE_S
from trio_chat.chat.client import Client
from trio_chat.chat.events import Draft, Kind
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import NoOutlet
from trio_chat.journal import JournalError, SessionRecord
from trio_chat.journal.sqlite.journal import SqliteTimes, open_sqlite
from trio_chat.server.upkeep.session_store import SessionSaver, restore_sessions


async def test_a_place_in_a_room_that_cannot_be_is_lost_and_keeps_no_server_from_starting(open_house, logged) -> None:
    async with open_house() as house:
        journal = house.context.journal
        places = [SessionRecord(f"c{mode}", mode, mode, "", ("no!room",)) for mode in ("lines", "frames")]
        await journal.post(sessions=places).kept()

        await restore_sessions(house.chat, journal, house.context.session_saver)
        await house.context.session_saver.settled()

        assert sum("is lost" in line for line in logged()) == 2
        assert [place.mode for place in await journal.read_sessions()] == ["frames"]


def newcomer(number: int) -> Client:
    return Client(f"c{number}", "192.0.2.1", number, mode=Mode.LINES, outlet=NoOutlet())


async def test_those_who_come_and_go_while_nothing_can_be_kept_are_not_remembered(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    path = tmp_path / "journal.db"
    async with open_sqlite(path, times=SqliteTimes(lock_wait_s=0.02, probe_every_s=0.01)) as journal:
        places = SessionSaver(journal, retry_s=0.01)
        nursery.start_soon(places.run)
        stays, leaves, left, of_before = (newcomer(number) for number in (1, 2, 3, 4))
        await journal.post(sessions=[SessionRecord(of_before.id, "lines", "alice", "", ())]).kept()
        places.know([of_before.id])
        for client in (stays, leaves, left):
            places.note(client, True)
        await places.settled()
        places.note(left, False)
        await places.settled()

        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(JournalError):
                await journal.post(Draft("lobby", Kind.SAID, "alice", "hi")).kept()
            for client in (leaves, of_before):
                places.note(client, False)
            comes = newcomer(5)
            places.note(comes, True)
            for client in (left, *map(newcomer, range(1000, 2000))):
                places.note(client, True)
                places.note(client, False)
            await trio.testing.wait_all_tasks_blocked()
            waiting = places.waiting
        assert waiting == 3
        with trio.fail_after(PATIENCE_S):
            while [place.owner for place in await journal.read_sessions()] != ["c1", "c5"]:
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
