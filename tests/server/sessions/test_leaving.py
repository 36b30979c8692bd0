"""Leaving a room or the chat: what was said before one's own `left` is sent, and nothing that was said after it."""

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from tests.server.sessions.test_frames import SECRET, Frames, enter
from trio_chat.chat.events import LOBBY
from trio_chat.chat.log import Mode


class SlowDisk:
    """A journal that keeps nothing before it is told to."""

    def __init__(self, server, monkeypatch: pytest.MonkeyPatch) -> None:
        self._journal = server.context.journal
        self._batches: list = []
        monkeypatch.setattr(self._journal, "_submit", self._batches.append)

    async def goes_on(self) -> None:
        while self._batches:
            self._journal._keep(self._batches.pop(0))
            await trio.testing.wait_all_tasks_blocked()


async def leave_by_frame(server, alice) -> None:
    await alice.send(type="leave", room=LOBBY, key="l")


async def leave_by_bye(server, alice) -> None:
    await alice.send(type="bye")


async def leave_by_line(server, alice) -> None:
    await alice.send(b"so long\n/join other\n")


async def leave_by_quit(server, alice) -> None:
    await alice.send(b"so long\nquit()\n")


async def leave_by_half_close(server, alice) -> None:
    await alice.send(b"so long")
    await alice.stream.send_eof()


async def be_kicked(server, alice) -> None:
    [client] = [client for client in server.chat.clients if client.mode is Mode.LINES]
    server.chat.kick(client)


async def lose_the_nick(server, alice) -> None:
    [client] = [client for client in server.chat.clients if client.mode is Mode.LINES]
    server.chat.rename(client, "alice")
    server.chat.places.evict_guest("alice")


async def be_kicked_by_name(server, alice) -> None:
    [client] = [client for client in server.chat.clients if client.nick == "alice"]
    server.chat.kick(client)


async def lose_the_nick_in_frames(server, alice) -> None:
    server.chat.places.evict_guest("alice")


WAYS = {
    Mode.FRAMES: (leave_by_frame, leave_by_bye, be_kicked_by_name, lose_the_nick_in_frames),
    Mode.LINES: (leave_by_line, leave_by_quit, leave_by_half_close, be_kicked, lose_the_nick),
}


@pytest.mark.parametrize(("mode", "leave"), [(mode, leave) for mode, ways in WAYS.items() for leave in ways])
@pytest.mark.parametrize("is_told", [True, False])
async def test_a_leaving_member_is_sent_entries_before_its_leaving_and_none_after(
    open_server,
    monkeypatch: pytest.MonkeyPatch,
    mode: Mode,
    leave: Callable[..., Awaitable[None]],
    is_told: bool,
) -> None:
    async with open_server() as server:
        bob = await enter(server, session=SECRET, nick="bob")
        alice = await (enter(server, nick="alice", session="a" * 16) if mode is Mode.FRAMES else server.join())
        await trio.testing.wait_all_tasks_blocked()
        if not is_told:  # in a large room joins and leaves are only counted
            server.chat.rules = type(server.chat.rules)(announce_max_members=0)
        disk = SlowDisk(server, monkeypatch)

        await bob.send(type="say", room=LOBBY, text="before")
        await trio.testing.wait_all_tasks_blocked()
        await leave(server, alice)
        await trio.testing.wait_all_tasks_blocked()
        while any(client.mode is mode and client.nick != "bob" for client in server.chat.rooms[LOBBY].members):
            await disk.goes_on()  # what it said itself is kept before it leaves
            await bob.send(type="say", room=LOBBY, text="before")
            await trio.testing.wait_all_tasks_blocked()
        await bob.send(type="say", room=LOBBY, text="after")
        await trio.testing.wait_all_tasks_blocked()
        await disk.goes_on()
        line = alice.line if isinstance(alice, Frames) else alice
        await line.stream.send_eof()
        heard = await line.rest()

        assert heard.count(b"before") >= 1
        assert not is_told or b"after" not in heard
        assert b"so long" not in heard
        lobby = server.chat.rooms[LOBBY]
        assert not lobby.departing
