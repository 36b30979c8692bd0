"""News for a member who comes back: counted from their marks on, up to the moment at which they came."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from tests.chat.conftest import HeldOutlet
from tests.server.conftest import RunningServer
from trio_chat.chat.accounts.account import AccountMemory, RoomMark
from trio_chat.chat.client import Client
from trio_chat.chat.events import Draft, Kind
from trio_chat.chat.log import Mode
from trio_chat.server.sessions.news import PAGE, NewsCount, news_of
from trio_chat.server.sessions.settling import settled

OPENED = Callable[..., AbstractAsyncContextManager[RunningServer]]


class LiveOutlet(HeldOutlet):
    """An outlet whose connection is there while a search runs for it."""

    is_dead = False


async def enter_alice(server: RunningServer) -> Client:
    account = await server.context.accounts.add("alice", by="test")
    client = server.chat.connect("192.0.2.1", 1, mode=Mode.FRAMES, outlet=LiveOutlet())
    server.chat.places.enter_as(client, account.id, "alice", "password")
    return client


async def keep(server: RunningServer, *drafts: Draft) -> int:
    """Let the journal keep drafts. -> the newest id"""
    server.context.journal.post(*drafts)
    await settled(server.context)
    return server.context.journal.last_id


def told(client: Client, number: int = 1, *, by: str = "") -> list[Draft]:
    """Private messages in the mailbox of a client, by a guest or by an account."""
    return [Draft(client.mailbox_name, Kind.TOLD, "bob", "psst", "alice", account=by) for _ in range(number)]


@pytest.fixture
def news(open_server: OPENED) -> Callable[[Callable[..., Awaitable[NewsCount]]], Awaitable[NewsCount]]:
    """Run a story at a server at which alice is, and return what it returns."""

    async def run(story: Callable[..., Awaitable[NewsCount]]) -> NewsCount:
        async with open_server() as server:
            return await story(server, await enter_alice(server))

    return run


async def test_all_messages_that_waited_are_counted_and_none_that_came_later_or_that_one_sent(news) -> None:
    async def story(server: RunningServer, alice: Client) -> NewsCount:
        read_to = await keep(server, *told(alice, 2))
        end = await keep(server, *told(alice, 2 * PAGE + 1), *told(alice, 3, by=alice.account))
        await keep(server, *told(alice, 5))
        memory = AccountMemory(marks={"@": RoomMark(read_to, 0.0)})
        return await news_of(server.context, alice, alice.outlet, memory, end)

    assert await news(story) == NewsCount({}, 2 * PAGE + 1)


async def test_a_room_has_what_was_said_behind_its_mark_and_what_of_it_calls_one(news) -> None:
    async def story(server: RunningServer, alice: Client) -> NewsCount:
        def said(text: str, room: str, *, by: str = "") -> Draft:
            return Draft(room, Kind.SAID, "somebody", text, account=by)

        first = await keep(server, said("alice: before the mark of dev", "dev"), said("alice: in ops", "ops"))
        end = await keep(
            server,
            said("alice: look", "dev"),
            said("hello", "dev"),
            said("I am alice", "dev", by=alice.account),
            said("alice: in a room that is not remembered", "other"),
        )
        marks = {"dev": RoomMark(first, 0.0), "ops": RoomMark(first - 2, 0.0), "other": RoomMark(0, 0.0)}
        return await news_of(server.context, alice, alice.outlet, AccountMemory(("dev", "ops"), (), marks), end)

    assert await news(story) == NewsCount({"dev": (3, 1), "ops": (1, 1)}, 0)
