"""Typing at a real terminal before the real program has its prompt there."""

import os
import signal
import sys
import termios
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.client.conftest import Peer, Screen
from tests.conftest import PATIENCE_S

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("term", ["xterm", "dumb"])
async def test_what_is_typed_before_there_is_a_prompt_is_shown_once_and_not_lost(
    peer: Peer, screen: Screen, tmp_path: Path, nursery: trio.Nursery, term: str
) -> None:
    """A terminal that has no prompt shows it itself, as ever."""
    environment = {**os.environ, "TERM": term, "XDG_STATE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "trio_chat", "join", "127.0.0.1", str(peer.port), "--nick", "me", "--history", "0"]
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}
    start = partial(trio.run_process, check=False, cwd=ROOT, env=environment, start_new_session=True, **streams)
    process: trio.Process = await nursery.start(start, command)
    await peer.accept()
    hello = await peer.frame()

    screen.type("one\nt\x7ftwo")
    await peer.enter(hello)
    if term == "xterm":
        await screen.shows("[me] #lobby> two")
    screen.type("\n/quit\n")
    said: list[str] = []
    while (frame := await peer.frame())["type"] != "bye":
        if frame["type"] == "say":
            said.append(frame["text"])
            await peer.tell(len(said), frame["text"], key=frame["key"], author="me")
        else:
            await peer.send(type="members", room="lobby", count=1, labels=["me"], key=frame["key"])
    await peer.stream.aclose()
    with trio.fail_after(PATIENCE_S):
        await process.wait()

    await screen.receives(b"Disconnected from the server")
    shown = screen.received.decode()
    assert said == ["one", "two"]
    assert screen.modes == screen.modes_before
    if term == "dumb":
        assert "one\r\nt" in shown
        assert "two" in shown
    else:
        assert "one" not in shown.partition("you are [me]")[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
async def test_a_client_that_is_ended_before_it_has_a_prompt_leaves_a_terminal_that_shows_what_is_typed(
    peer: Peer, screen: Screen, tmp_path: Path, nursery: trio.Nursery, number: int
) -> None:
    """Two signals in one moment: the second may come when the client listens to none any more."""
    environment = {**os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path)}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}
    # At its first import the client is there, and listens to no signal.
    script = (
        "import os, sys, trio_chat.cli; from trio_chat.client import join\n"
        f"join.join = lambda *_, **__: os.kill(os.getpid(), {int(number)})\n"
        "trio_chat.cli.run(sys.argv[1:])"
    )
    command = [sys.executable, "-c", script, "join", "127.0.0.1", str(peer.port)]
    start = partial(trio.run_process, check=False, cwd=ROOT, env=environment, start_new_session=True, **streams)
    process: trio.Process = await nursery.start(start, command)
    with trio.fail_after(PATIENCE_S):
        await process.wait()

    assert screen.modes == screen.modes_before
    assert screen.modes[3] & termios.ECHO
