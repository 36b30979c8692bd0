"""`trio-chat join` without a host: it offers saved servers and those of last time."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.client.conftest import joined_at
from tests.conftest import PATIENCE_S
from trio_chat.client.memory.recent_servers import RecentServers


async def leave(screen: Any, peer: Any) -> None:
    asked = await peer.frame()
    await peer.send(type="members", room="lobby", count=1, labels=["ann"], key=asked["key"])
    screen.type("/quit\n")
    await peer.part()
    await screen.receives(b"Disconnected from the server")


async def test_a_saved_server_is_joined_by_its_name_and_offered_from_then_on(
    peer: Any, make_screen: Any, tmp_path: Path
) -> None:
    config = tmp_path / ".config/trio-chat/client.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'history = 0\n[servers.work]\nhost = "127.0.0.1"\nport = {peer.port}\nnick = "ann"\n')
    screen = make_screen(60, 12)
    with joined_at(screen, tmp_path, "work", "--view", "lines") as process:
        assert (await peer.welcome())["nick"] == "ann"
        await leave(screen, peer)
        process.wait()
    screen = make_screen(60, 12)
    with joined_at(screen, tmp_path, "--view", "lines") as process:
        await screen.shows_when(
            lambda lines: lines[-2:] == ["   1  work", "a number, HOST, HOST:PORT or an invite [work]:"]
        )
        screen.type("1\n")
        assert (await peer.welcome())["nick"] == "ann"
        await leave(screen, peer)
        process.wait()

    (recent,) = RecentServers(tmp_path / ".local/state/trio-chat").read()
    assert recent.title == "work"


async def test_the_name_that_the_server_accepted_is_offered_and_none_that_it_refused(
    peer: Any, make_screen: Any, tmp_path: Path
) -> None:
    recent = RecentServers(tmp_path / ".local/state/trio-chat")
    screen = make_screen(60, 12)
    with joined_at(screen, tmp_path, f"me@127.0.0.1:{peer.port}", "--view", "lines", "--history", "0") as process:
        await peer.welcome(you={"id": "c1", "label": "1.2.3.4:5", "address": "1.2.3.4:5"})
        asked = await peer.frame()
        await peer.send(type="members", room="lobby", count=1, labels=["1.2.3.4:5"], key=asked["key"])
        await screen.receives(b"#lobby>")
        screen.type("/nick rafa\n")
        await peer.send(type="done", key=(await peer.frame())["key"])
        await screen.receives(b"[rafa] #lobby>")
        screen.type("/quit\n")
        await peer.part_at_last()
        await screen.receives(b"Disconnected from the server")
        process.wait()

    assert [server.nick for server in recent.read()] == ["rafa"]


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Processes that are started heed SIGINT, also where this one was started in the background, and ignores it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


async def test_without_a_server_the_question_says_what_it_takes_and_ctrl_c_ends_the_line(
    make_screen: Any, tmp_path: Path, heeds_ctrl_c: None
) -> None:
    screen = make_screen(60, 12)
    with joined_at(screen, tmp_path) as process:
        await screen.shows("Which server? HOST, HOST:PORT or an invite:")
        screen.type("\n")
        asked_twice = b"an invite: \r\nWhich server? HOST, HOST:PORT or an invite: "
        await screen.receives(asked_twice)
        while asked_twice + b"\r\n" not in screen.received:
            # As the terminal does where it controls the process. Python misses one that comes just before it waits.
            os.killpg(process.pid, signal.SIGINT)
            with trio.move_on_after(PATIENCE_S / 20):
                await screen.receives_more()
        assert process.wait() != 0


async def test_a_server_that_never_answered_is_not_offered(make_screen: Any, tmp_path: Path) -> None:
    screen = make_screen(60, 12)
    with joined_at(screen, tmp_path, "127.0.0.1:1", "--view", "lines") as process:
        await screen.receives(b"trio-chat: ")
        process.wait()

    assert RecentServers(tmp_path / ".local/state/trio-chat").read() == ()
