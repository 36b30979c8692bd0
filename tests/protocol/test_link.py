"""Our client's link against a real server, which is stopped, killed and started again under it."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import pytest
import trio

from tests.conftest import PATIENCE_S
from trio_chat.client.link.address import TcpAddress
from trio_chat.client.link.backoff import Backoff
from trio_chat.client.link.events import (
    Answered,
    Connected,
    Disconnected,
    Ended,
    Failed,
    Pending,
    Received,
    Sent,
)
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.link import Link, open_link
from trio_chat.client.link.outbox import open_outbox
from trio_chat.wire import frames


class Lines:
    """The lines of a pipe, awaited one after the other."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    def until(self, pattern: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while select.select([self._pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            line = self._pipe.readline().decode()
            assert line, f"the output ended; wanted {pattern}"
            if re.search(pattern, line.rstrip()):
                return
        raise AssertionError(f"no line like {pattern}")


class Talker:
    """A link, and all that has happened on it."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.happened: list = []

    async def say(self, *texts: str, room: str = "lobby") -> None:
        await self.link.say(*(frames.Say(room=room, text=text) for text in texts))

    async def until(self, kind: type, count: int = 1, **fields: object) -> list:
        """Wait until as many of a kind have happened since the beginning; -> these."""

        def found() -> list:
            return [
                what
                for what in self.happened
                if isinstance(what, kind) and all(getattr(what, name) == value for name, value in fields.items())
            ]

        with trio.fail_after(PATIENCE_S):
            while len(found()) < count:
                self.happened += await anext(self.link)
        return found()

    def heard(self, kind: str = "said") -> list[str]:
        return [what.entry.text for what in self.happened if isinstance(what, Received) and what.entry.kind == kind]


@asynccontextmanager
async def talking(
    port: int, folder: Path, nick: str = "alice", *, is_persistent: bool = False, rooms: tuple[str, ...] = ("lobby",)
) -> AsyncIterator[Talker]:
    with open_outbox(f"localhost {port}", nick, folder=folder) as outbox:
        visitor = Identity(nick=nick, rooms=rooms)
        async with open_link(
            TcpAddress("127.0.0.1", port), visitor, outbox, is_persistent=is_persistent, backoff=Backoff()
        ) as link:
            yield Talker(link)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outboxes"


async def test_a_message_is_sent_to_both_once(server, folder: Path) -> None:
    async with talking(server.port, folder) as alice, talking(server.port, folder, "bob") as bob:
        await bob.until(Connected)

        await alice.say("one", "two")

        await alice.until(Sent, 2)
        await alice.until(Received, 2, is_own=True)
        await bob.until(Received, 2, is_own=False)
    assert alice.heard() == bob.heard() == ["one", "two"]
    assert [type(what) for what in alice.happened if isinstance(what, Pending | Sent)][:2] == [Pending, Pending]


async def test_messages_sent_while_the_server_is_away_arrive_once_and_in_order(start, folder: Path) -> None:
    server = start()
    async with talking(server.port, folder) as alice, talking(server.port, folder, "bob") as bob:
        await alice.say("before")
        await bob.until(Received, is_own=False)
        server.stop()
        await alice.until(Disconnected)
        await bob.until(Disconnected)
        await alice.say("one", "two")
        await bob.say("three")
        start("--port", str(server.port))

        await alice.until(Sent, 3)
        await bob.until(Sent)
        for talker in (alice, bob):
            with trio.fail_after(PATIENCE_S):
                while len(talker.heard()) < 4:
                    talker.happened += await anext(talker.link)

    assert alice.heard() == bob.heard()
    assert sorted(alice.heard()) == ["before", "one", "three", "two"]
    assert alice.heard().index("one") < alice.heard().index("two")


async def test_a_killed_server_loses_nothing_that_was_said(start, folder: Path) -> None:
    server = start()
    async with talking(server.port, folder) as alice:
        await alice.say(*map(str, range(50)))
        server.stop(signal.SIGKILL)
        await alice.until(Disconnected)
        start("--port", str(server.port))

        await alice.until(Sent, 50)
        await alice.until(Received, 50, is_own=True)

    assert alice.heard() == list(map(str, range(50)))


async def test_a_message_left_from_last_time_is_sent_once(start, folder: Path) -> None:
    server = start()
    async with talking(server.port, folder) as alice:
        await alice.until(Connected)
        server.stop()
        await alice.until(Disconnected)
        await alice.say("kept")
    start("--port", str(server.port))

    async with talking(server.port, folder, is_persistent=True) as alice, talking(server.port, folder, "bob") as bob:
        await alice.until(Sent)
        alice.link.ask(frames.History(room="lobby"))
        (answer,) = await alice.until(Answered)
        assert not bob.link.pending

    assert [entry.text for entry in answer.answer.entries if entry.kind == "said"] == ["kept"]


async def test_a_nick_and_rooms_that_were_taken_meanwhile_are_kept_across_a_restart(start, folder: Path) -> None:
    server = start()
    async with talking(server.port, folder) as alice:
        alice.link.ask(frames.Nick(nick="al"))
        alice.link.ask(frames.Join(room="#Kitchen"))
        await alice.until(Answered)
        while "kitchen" not in alice.link.rooms:
            alice.happened += await anext(alice.link)
        server.stop()
        await alice.until(Disconnected)
        start("--port", str(server.port))

        _, again = await alice.until(Connected, 2)
        await alice.say("hi", room="kitchen")
        await alice.until(Sent)

    assert again.label == "al"
    assert set(again.rooms) == {"lobby", "kitchen"}


async def test_a_kicked_client_is_told_and_does_not_reconnect(server, folder: Path) -> None:
    async with talking(server.port, folder) as alice:
        port = server.console(r"Client .*, (\d+). connected").group(1)
        server.type(f"kill {port}")

        (ended,) = await alice.until(Ended)

    assert ended == Ended("you were kicked", is_orderly=False)


async def test_a_line_for_a_room_that_one_is_not_in_fails_with_the_reason(server, folder: Path) -> None:
    async with talking(server.port, folder) as alice:
        await alice.say("hi", room="kitchen")

        (failed,) = await alice.until(Failed)

    assert failed.reason == "you are not in #kitchen"
    assert alice.link.pending == ()


async def test_a_client_that_leaves_is_gone_at_once_with_its_session(server, folder: Path) -> None:
    async with talking(server.port, folder) as alice, talking(server.port, folder, "bob") as bob:
        await alice.say("bye")
        alice.link.finish()

        (ended,) = await alice.until(Ended)
        await bob.until(Received)
        while "left" not in [what.entry.kind for what in bob.happened if isinstance(what, Received)]:
            bob.happened += await anext(bob.link)

    assert ended.is_orderly
    assert alice.heard() == ["bye"]


def join(port: int, folder: Path, **streams: int) -> "subprocess.Popen[bytes]":
    """Start the program as somebody would, on pipes."""
    environment = {**os.environ, "XDG_STATE_HOME": str(folder)}
    command = [sys.executable, "-m", "trio_chat", "join", "127.0.0.1", str(port), "--nick", "alice"]
    return subprocess.Popen(command, env=environment, bufsize=0, **streams)


def is_kept(text: bytes, folder: Path) -> bool:
    """Tell if an outbox has a message on disk. The client has locked it, so its log is read as bytes."""
    return any(text in log.read_bytes() for log in folder.rglob("*-wal"))


def test_a_killed_client_sends_its_outbox_when_started_again(start, folder: Path) -> None:
    server = start()
    with join(server.port, folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        bob = server.join()
        client.stdin.write(b"sent\n")
        bob.until("sent")
        complaints = Lines(client.stderr)
        server.stop()
        complaints.until("trying again$")
        client.stdin.write(b"kept\nkept too\n")
        while not is_kept(b"kept too", folder):
            assert client.poll() is None
        client.kill()

    server = start("--port", str(server.port))
    with join(server.port, folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as client:
        assert client.wait(PATIENCE_S) == 0

    reader = server.join()
    reader.send(b"/history 100\n/who\n")
    said = [line.partition("]> ")[2] for line in reader.until("(you) ***") if "]> " in line]
    assert said == ["sent", "kept", "kept too"]


def test_a_pipe_does_not_speak_under_another_name_than_it_asked_for(server, folder: Path) -> None:
    bob = server.join()
    command = [sys.executable, "-m", "trio_chat", "join", "127.0.0.1", str(server.port), "--nick", "server"]
    environment = {**os.environ, "XDG_STATE_HOME": str(folder)}

    done = subprocess.run(command, env=environment, input="hi\n", capture_output=True, text=True, timeout=PATIENCE_S)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "trio-chat: the server refuses: the nick server is reserved\n"
    bob.send(b"/who\n")
    assert bob.line() == f"*** 1 in #lobby: [127.0.0.1:{bob.port}] (you) ***"
