"""Replay of missed entries to a client that comes back, while the journal and its connection change under it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import trio
import trio.testing

from trio_chat.chat.events import Draft, Kind
from trio_chat.server.sessions.replay import Replay

SECRET = "s" * 32
PATIENCE_S = 20


async def keep(server, count: int, text: str) -> None:
    for number in range(count):
        await server.context.journal.post(Draft("lobby", Kind.SAID, "bob", f"{number} {text}")).kept()


async def say_hello(server, **about: object):
    line = await server.connect()
    hello = {"type": "hello", "protocol": 1, "session": SECRET, "rooms": ["lobby"]}
    await line.send(json.dumps(hello | {"epoch": server.context.journal.epoch} | about).encode() + b"\n")
    return line


async def come_back(server):
    """Come back as somebody who has seen nothing of the lobby. -> the connection, and its client, not welcomed yet"""
    line = await say_hello(server, since={"lobby": 0})
    await server.changed(1)
    [client] = server.chat.clients
    return line, client


async def test_entries_pruned_during_the_replay_are_announced_as_missing(open_server) -> None:
    async with open_server() as server:
        await keep(server, 600, "x" * 4000)
        line, client = await come_back(server)
        while not client.bytes_out:  # the first page is more than the kernel takes
            await trio.testing.wait_all_tasks_blocked()

        await server.context.journal.prune(more_than=10)
        frames = []
        while not frames or not frames[-1].get("text", "").startswith("599 "):
            frames.append(json.loads(await line.line()))

        assert [frame["reason"] for frame in frames if frame["type"] == "gap"] == ["pruned"]


async def test_what_cannot_be_read_at_all_is_announced_and_the_session_goes_on(open_server, tmp_path: Path) -> None:
    async with open_server(journal_url="sqlite:", data=tmp_path) as server:
        await keep(server, 5, "lost")
        with closing(sqlite3.connect(tmp_path / "journal.db")) as other:
            other.execute("ALTER TABLE entry RENAME TO elsewhere")
        line = await say_hello(server, since={"lobby": 1})
        await line.send(b'{"type":"ping","key":"k"}\n')

        frames = [json.loads(await line.line())]
        while frames[-1]["type"] != "pong":
            frames.append(json.loads(await line.line()))

        [gap] = [frame for frame in frames if frame["type"] == "gap"]
        assert (gap["room"], gap["after"], gap["reason"]) == ("lobby", 1, "unreadable")


async def test_only_rooms_that_lost_something_have_a_gap(open_server) -> None:
    async with open_server() as server:
        journal = server.context.journal
        await journal.post(Draft("ops", Kind.SAID, "bob", "quiet")).kept()
        await keep(server, 20, "busy")
        await journal.prune(more_than=10)
        line = await say_hello(server, rooms=["lobby", "ops", "dev"], since={"lobby": 2, "ops": 1, "dev": 0, "@": 0})

        frames: list[dict] = []
        while not frames or frames[-1].get("text", "") != "19 busy":
            frames.append(json.loads(await line.line()))
        await line.send(b'{"type":"ping","key":"k"}\n')  # by then the other rooms have been caught up with
        while frames[-1].get("type") != "pong":
            frames.append(json.loads(await line.line()))

        assert [(it["room"], it["reason"]) for it in frames if it["type"] == "gap"] == [("lobby", "pruned")]


async def test_a_connection_that_was_taken_over_from_moves_no_cursor_any_more(open_server) -> None:
    async with open_server() as server:
        _line, client = await come_back(server)
        await trio.testing.wait_all_tasks_blocked()
        member = client.members[server.chat.rooms["lobby"]]
        old = client.outlet
        server.chat.resume(client.session, "127.0.0.1", 1, outlet=type(old)(old.socket, old._notices, lambda: None))
        epoch = server.context.journal.epoch
        replay = Replay(server.context, client, old, since={"lobby": 1000}, epoch=epoch, wait=trio.sleep)

        replay.add(member)
        held = member.cursor
        await replay.run()

        assert member.cursor == held


@pytest.mark.parametrize("about", [{}, {"since": {"lobby": 0}, "epoch": "another"}], ids=["nothing", "another journal"])
async def test_a_client_that_resumes_during_its_replay_without_read_positions_gets_new_entries(
    open_server, about: dict
) -> None:
    async with open_server() as server:
        await keep(server, 600, "x" * 4000)
        _line, client = await come_back(server)
        while not client.bytes_out:  # the first page is more than the kernel takes
            await trio.testing.wait_all_tasks_blocked()

        line = await say_hello(server, **about)
        while json.loads(await line.line())["type"] != "welcome":
            pass
        await keep(server, 1, "is new")
        with trio.fail_after(PATIENCE_S):
            news = json.loads(await line.line())

        assert news["text"] == "0 is new"


async def test_entries_lost_with_a_connection_are_replayed_even_for_a_room_not_in_hello(open_server) -> None:
    async with open_server() as server:
        _line, client = await come_back(server)
        server.chat.join(client, "ops")
        server.chat.say(client, server.chat.room_of(client, "ops"), "hello", key="k")
        while not client.bytes_out:  # it is taken by the kernel, and goes down with the connection
            await trio.testing.wait_all_tasks_blocked()
        await trio.testing.wait_all_tasks_blocked()

        line = await say_hello(server, rooms=[], since={"ops": 0})
        frame: dict = {}
        while frame.get("text") != "hello":
            frame = json.loads(await line.line())

        assert frame["room"] == "ops"


@pytest.mark.parametrize("since", [{}, {"lobby": 0}], ids=["without since", "with since"])
async def test_the_last_id_told_on_resuming_is_below_all_entries_still_to_come(open_server, since) -> None:
    async with open_server() as server:
        line, client = await come_back(server)
        while json.loads(await line.line())["type"] != "welcome":
            pass
        await line.send(b'{"type":"say","room":"lobby","text":"heard","key":"k"}\n')
        while (heard := json.loads(await line.line())).get("text") != "heard":
            pass
        await line.stream.aclose()
        await server.changed(2)
        bob, carol = await server.join(), await server.join()
        await bob.send(f"one\n/msg {client.label} two\nthree\n".encode())
        while not (await carol.line()).endswith("> three"):
            pass

        line = await server.connect()
        hello = {"type": "hello", "protocol": 1, "session": SECRET, "epoch": server.context.journal.epoch}
        await line.send(json.dumps(hello | {"since": since}).encode() + b"\n")
        welcome = json.loads(await line.line())
        came: list[dict] = []
        while {"two", "three"} - {frame.get("text") for frame in came}:
            came.append(json.loads(await line.line()))

        [lobby] = welcome["rooms"]
        begins = {"lobby": lobby["last_id"], "@": welcome["last_id"]}
        assert welcome["resumed"]
        assert all(frame["id"] > begins[frame["room"]] for frame in came)
        assert begins["lobby"] == (0 if since else heard["id"])
