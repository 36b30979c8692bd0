"""Read marks of members: what moves them, and what does not."""

import pytest

from tests.server.sessions.test_news import enter_alice, keep, told
from trio_chat.chat.accounts.memory import MAILBOX
from trio_chat.chat.events import Draft, Kind
from trio_chat.server.sessions.read_marks import note_sent, read_by


async def test_what_is_sent_does_not_mark_the_mailbox_while_older_messages_are_being_shown(open_server) -> None:
    async with open_server() as server:
        alice = await enter_alice(server)
        memories = server.context.memories
        await memories.read(alice.account)
        newest = await keep(server, *told(alice))
        alice.mailbox.advance(alice.mailbox.room.log.end)  # as the pump does

        with memories.showing(alice.account):
            note_sent(server.context, alice)
            assert MAILBOX not in memories.of(alice.account).now.marks

        note_sent(server.context, alice)
        assert memories.of(alice.account).now.marks[MAILBOX].id == newest


@pytest.mark.parametrize("room", ["elsewhere", "@somebody"])
async def test_a_room_that_one_is_not_in_gets_no_mark(open_server, room: str) -> None:
    async with open_server() as server:
        alice = await enter_alice(server)
        memories = server.context.memories
        await memories.read(alice.account)
        newest = await keep(server, Draft(room, Kind.SAID, "bob", "hi"))

        read_by(server.context, alice, room, newest)

        assert dict(memories.of(alice.account).now.marks) == {}


async def test_a_mark_is_never_ahead_of_what_is_kept(open_server) -> None:
    async with open_server() as server:
        alice = await enter_alice(server)
        await server.context.memories.read(alice.account)
        newest = await keep(server, *told(alice))

        read_by(server.context, alice, MAILBOX, 2**62)

        assert server.context.memories.of(alice.account).now.marks[MAILBOX].id == newest
