"""Sittings of the real program at a real terminal, one after the other."""

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.client.conftest import Peer, Screen
from tests.conftest import PATIENCE_S
from trio_chat.client.memory.server_memory import ServerMemory
from trio_chat.client.memory.typed_lines import TypedLines

ROOT = Path(__file__).parents[3]

Sit = Callable[..., AbstractAsyncContextManager[list[str]]]

PASSWORD = "open /? sesame, n N q y"


@pytest.fixture
def sit(peer: Peer, screen: Screen, tmp_path: Path, nursery: trio.Nursery) -> Sit:
    """Run `trio-chat join` with options at the screen until it ends; it begins in some rooms, with their newest ids."""
    environment = {**os.environ, "TERM": "xterm", "TZ": "UTC", "XDG_STATE_HOME": str(tmp_path)}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}

    @asynccontextmanager
    async def run(
        *options: str, kills: bool = False, welcome: dict[str, object] | None = None, **last_ids: int
    ) -> AsyncIterator[list[str]]:
        command = [sys.executable, "-m", "trio_chat", "join", "127.0.0.1", str(peer.port), "--nick", "me", *options]
        start = partial(trio.run_process, check=False, cwd=ROOT, env=environment, start_new_session=True, **streams)
        process: trio.Process = await nursery.start(start, command)
        infos = [{"name": room, "topic": "", "members": 1, "last_id": last} for room, last in last_ids.items()]
        hello = await peer.welcome(**({"rooms": infos} if infos else {}) | (welcome or {}))
        yield hello["rooms"]
        if kills:
            process.kill()
            await trio.aclose_forcefully(peer.stream)
        with trio.fail_after(PATIENCE_S):
            await process.wait()

    return run


async def answer(peer: Peer, *entries: tuple[int, str]) -> str:
    """Answer the next question of the client: its past with these entries, or who is there. -> the room"""
    asked = await peer.frame()
    said = {"type": "entry", "room": asked["room"], "kind": "said", "time": 60.0, "author": "a"}
    if asked["type"] == "who":
        await peer.send(type="members", room=asked["room"], count=1, labels=["me"], key=asked["key"])
    else:
        page = [said | {"id": number, "text": text} for number, text in entries]
        await peer.send(type="page", entries=page, more=False, key=asked["key"])
    return str(asked["room"])


async def leave(peer: Peer, screen: Screen) -> None:
    screen.type("/quit\r")
    await peer.part()


async def join_room(peer: Peer, screen: Screen, room: str) -> None:
    screen.type(f"/join {room}\r")
    info = {"name": room, "topic": "", "members": 1, "last_id": 5}
    await peer.send(type="joined", room=info, key=(await peer.frame())["key"])
    for _ in range(2):
        await answer(peer, (5, "old"))
    await screen.shows(f"*** 1 in #{room}: [me] (you) ***", f"[me] #{room}>")


async def test_a_person_who_comes_back_is_in_the_same_rooms_and_sees_where_they_stopped(
    sit: Sit, peer: Peer, screen: Screen
) -> None:
    screen.resize(60, 24)
    async with sit():
        for _ in range(2):
            await answer(peer)
        await join_room(peer, screen, "dev")
        screen.type("/ignore eve\r")
        await screen.shows("*** you are ignoring [eve], until you /unignore eve ***", "[me] #dev>")
        await leave(peer, screen)

    async with sit(lobby=8, dev=7) as rooms:
        asked = [await answer(peer, (5, "old"), (7, "new")), await answer(peer), await answer(peer, (8, "hey"))]
        await peer.tell(9, "nobody sees that", room="dev", author="Eve")
        await peer.tell(10, "hi", room="dev")
        await screen.shows("1970-01-01 00:00 [a]> hi", "[me] #dev>")
        screen.type("/ignore\r")
        await screen.shows("*** you are ignoring [eve] ***", "[me] #dev>")
        await leave(peer, screen)

    assert (rooms, asked) == (["lobby", "dev"], ["dev", "dev", "lobby"])
    shown = [line.strip("─ *").partition(" since ")[0] for line in screen.lines]
    begin = shown.index("you are [me] in #dev", 5)
    past = ["1970-01-01 00:01 [a]> old", "1 new", "1970-01-01 00:01 [a]> new", "1 in #dev: [me] (you)"]
    assert shown[begin + 1 : begin + 6] == [*past, "#lobby: 1 new"]
    assert "nobody" not in "".join(shown)


async def test_history_that_is_asked_for_has_the_line_too_also_above_the_first_that_it_shows(
    sit: Sit, peer: Peer, screen: Screen
) -> None:
    async def asks(number: int, *entries: tuple[int, str], shows: list[str]) -> None:
        screen.type(f"/history {number}\r")
        await answer(peer, *entries)
        await screen.shows_when(lambda lines: [*map(_short, lines[-len(shows) - 1 : -1])] == shows)

    async with sit(lobby=4):
        await answer(peer, (4, "seen"))
        await answer(peer)
        await screen.shows("*** 1 in #lobby: [me] (you) ***", "[me] #lobby>")
        await leave(peer, screen)
    async with sit(lobby=8):
        await answer(peer, (6, "first"), (8, "second"))
        await answer(peer)
        await screen.shows("*** 1 in #lobby: [me] (you) ***", "[me] #lobby>")

        await asks(3, (4, "seen"), (6, "first"), (8, "second"), shows=["seen", "new since", "first", "second"])
        await asks(1, (8, "second"), shows=["/history 1", "new since", "second"])
        await peer.tell(9, "live")
        await screen.shows_when(lambda lines: "live" in lines[-2])
        await asks(1, (9, "live"), shows=["/history 1", "live"])
        await leave(peer, screen)


def _short(row: str) -> str:
    """Return the text of a row, or the beginning of a line across."""
    return "new since" if " new since " in row else row.partition("> ")[2]


async def test_a_room_that_is_asked_for_is_the_only_one_this_time(sit: Sit, peer: Peer, screen: Screen) -> None:
    async with sit("--history", "0"):
        await answer(peer)
        await leave(peer, screen)
    async with sit("--room", "ops", "--history", "0") as rooms:
        await answer(peer)
        await leave(peer, screen)
    async with sit("--history", "0") as both:
        await answer(peer)
        await leave(peer, screen)

    assert (rooms, both) == (["ops"], ["lobby", "ops"])


async def test_typed_lines_are_in_the_history_next_time_but_no_password(
    sit: Sit, peer: Peer, screen: Screen, tmp_path: Path
) -> None:
    async with sit("--history", "0"):
        await answer(peer)
        screen.type("hello\r")
        await peer.keep(1)
        for line in (f"/login me {PASSWORD}", f"/lgoin {PASSWORD}", f" /register {PASSWORD}"):
            screen.type(line)
            await screen.shows(f"[me] #lobby> {line}")
            screen.type("\r")
            if "lgoin" not in line:
                await peer.send(type="output", lines=[], key=(await peer.frame())["key"])
            await screen.shows("[me] #lobby>")
        await leave(peer, screen)

    async with sit("--history", "0"):
        await answer(peer)
        await screen.shows("[me] #lobby>")
        screen.type("\x1b[A\x1b[A")
        await screen.shows("[me] #lobby> hello")
        screen.type("\x15")
        await leave(peer, screen)

    assert PASSWORD.encode() not in b"".join(path.read_bytes() for path in files_in(tmp_path))


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_nothing_is_remembered_where_that_is_not_wanted(
    sit: Sit, peer: Peer, screen: Screen, tmp_path: Path
) -> None:
    async with sit("--no-typed-history", "--no-remember", "--history", "0"):
        await answer(peer)
        screen.type("hello\r")
        await peer.keep(1)
        await leave(peer, screen)

    assert files_in(tmp_path) == []


async def test_the_memory_of_a_killed_client_damages_no_other(
    sit: Sit, peer: Peer, screen: Screen, tmp_path: Path
) -> None:
    """It is killed once it has saved what was typed; then its files are damaged, which is one line each."""
    folder = tmp_path / "trio-chat"
    server = f"127.0.0.1 port {peer.port}"
    screen.resize(400, 24)
    async with sit("--history", "0", kills=True):
        await answer(peer)
        screen.type("hello\r")
        await peer.keep(1)
        with trio.fail_after(PATIENCE_S):
            while not TypedLines(server, folder=folder).lines:
                await trio.testing.wait_all_tasks_blocked(0.01)
    for file in (TypedLines(server, folder=folder).file, ServerMemory(server, folder=folder).file):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"\xff\n")

    async with sit("--history", "0"):
        await answer(peer)
        await screen.shows("*** 1 in #lobby: [me] (you) ***", "[me] #lobby>")
        await leave(peer, screen)

    shown = "".join(screen.lines)
    assert shown.count("is damaged: it is now") == 2
    assert "Traceback" not in shown


MEMBER = {"you": {"id": "c1", "label": "me", "address": "1.2.3.4:5", "account": "9f" * 8}}


async def test_a_member_tells_the_server_how_far_they_have_read_and_whom_they_ignore(
    sit: Sit, peer: Peer, screen: Screen
) -> None:
    memory = {"rooms": ["lobby"], "ignored": ["eve"], "marks": {"lobby": [3, 60.0]}}
    async with sit("--history", "0", welcome={**MEMBER, "member": memory}):
        sent = await peer.frame()
        if sent["type"] == "ignored":
            sent = await peer.frame()
        await peer.send(type="members", room="lobby", count=1, labels=["me"], key=sent["key"])
        await screen.shows("[me®] #lobby>")
        await peer.tell(4, "hi")
        await peer.tell(5, "not for you", author="eve")
        await screen.shows("1970-01-01 00:00 [a]> hi", "[me®] #lobby>")
        screen.type("/ignore bob\r")
        ignored = await unlike(peer, "read")
        screen.type("/quit\r")
        reads = []
        while (frame := await peer.frame())["type"] == "read":
            reads.append((frame["room"], frame["id"]))
        await peer.stream.aclose()

    assert sorted(ignored["names"]) == ["bob", "eve"]
    assert (reads[-1], frame["type"]) == (("lobby", 5), "bye")
    assert "not for you" not in "".join(screen.lines)


async def unlike(peer: Peer, kind: str) -> dict[str, object]:
    """Return the next frame of another kind."""
    while (frame := await peer.frame())["type"] == kind:
        pass
    return frame


async def test_the_password_of_a_name_is_asked_for_unseen_and_goes_nowhere_else(
    sit: Sit, peer: Peer, screen: Screen, tmp_path: Path
) -> None:
    async with sit("--history", "0"):
        await answer(peer)
        await screen.shows("*** 1 in #lobby: [me] (you) ***", "[me] #lobby>")
        screen.type("/login alice\r" + PASSWORD + "x\x7f\r")  # typed ahead of the question
        asked = await peer.frame()
        await screen.shows("> /login alice ••••", "one moment (Ctrl-C goes on):")
        await peer.send(type="named", label="alice", account="9f" * 8)
        await peer.send(type="output", lines=["*** you are [alice®] now: the name is yours ***"], key=asked["key"])
        await screen.shows("[alice®] #lobby>")
        await leave(peer, screen)

    assert asked["line"] == f"/login alice {PASSWORD}"
    assert PASSWORD.encode() not in screen.received
    assert PASSWORD.encode() not in b"".join(path.read_bytes() for path in files_in(tmp_path))
