"""M11: the client, as a program on a pipe, against a server that means harm."""

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.conftest import PATIENCE_S

ROOT = Path(__file__).parents[2]
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
EVIL = "\x1b[2J\x1b]52;c;aGk=\x07\x9b31m\u202e\x1bP+q\x1b\\x\r\n"


class Program:
    """A running `trio-chat join` and what it has printed."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.printed = b""

    async def prints(self, text: str) -> None:
        """Return when it has printed that."""
        assert self.process.stdout
        with trio.fail_after(PATIENCE_S):
            while text.encode() not in self.printed:
                self.printed += await self.process.stdout.receive_some() or pytest.fail(f"no {text}")

    def rss_kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


@asynccontextmanager
async def join(peer: Any, folder: Path) -> AsyncIterator[Program]:
    environment = {**os.environ, "XDG_STATE_HOME": str(folder)}
    command = [sys.executable, "-m", "trio_chat", "join", "127.0.0.1", str(peer.port)]
    pipe = subprocess.PIPE
    process = await trio.lowlevel.open_process(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        yield Program(process)
    finally:
        process.kill()
        await process.wait()


async def test_m11_an_endless_line_is_not_kept_and_what_follows_is_shown(peer: Any, tmp_path: Path) -> None:
    async with join(peer, tmp_path) as program:
        await peer.welcome()
        await peer.tell(1, "before")
        await program.prints("before")
        before = most = program.rss_kib()

        for _ in range(128):
            await peer.stream.send_all(b"x" * (1 << 20))
            most = max(most, program.rss_kib())  # afterwards it may have been given back
        await peer.stream.send_all(b"\n")
        await peer.tell(2, "after")

        await program.prints("after")
        assert max(most, program.rss_kib()) - before < 48 * 1024  # the largest page has 16 MiB


async def test_m11_no_escape_sequence_of_a_server_is_printed_wherever_it_stands(peer: Any, tmp_path: Path) -> None:
    async with join(peer, tmp_path) as program:
        await peer.welcome(server=f"x{EVIL}", you={"id": EVIL, "label": f"me{EVIL}", "address": EVIL})
        for number, kind in enumerate(("said", "acted", "joined", "left", "renamed", "topic", "crowd", "kicked"), 1):
            await peer.tell(number, f"text{EVIL}", kind=kind, author=f"eve{EVIL}", to=EVIL, room="lobby")
        await peer.send(type="direct", id=20, time=0.0, author=f"eve{EVIL}", to=f"me{EVIL}", text=f"psst{EVIL}")
        await peer.send(type="error", code=EVIL, text=f"wrong{EVIL}")
        await program.process.stdin.send_all(b"hello\n")
        said = await peer.frame()
        await peer.send(type="error", code=EVIL, text=f"refused{EVIL}", key=said["key"])
        await peer.send(type="gap", room=f"lobby{EVIL}", after=0, reason=EVIL, missed=5)
        await peer.tell(30, "the end")

        await program.prints("the end")
        text = program.printed.decode()
        assert not CONTROL.search(text), CONTROL.findall(text)
        await peer.send(type="bye", reason="kicked", text=f"go{EVIL}")
        await peer.stream.aclose()
        with trio.fail_after(PATIENCE_S):
            assert await program.process.wait() == 1
            errors = b"".join([data async for data in program.process.stderr]).decode()
        assert "refused" in errors
        assert "go" in errors
        assert not CONTROL.search(errors), errors


async def test_m11_wrong_ids_and_senseless_frames_end_nothing(peer: Any, tmp_path: Path) -> None:
    async with join(peer, tmp_path) as program:
        await peer.welcome()
        for number in (7, 7, 3, 2**63 - 1, 2**70, -1, 0):
            await peer.tell(number, f"number {number}")
        await peer.tell(9, "elsewhere", room="a-room-we-are-not-in")
        for frame in (b"[]", b"null", b"{", b'{"type":"entry"}', b'{"type":"frobnicate"}', b"\xff\xfe", b"{" * 10_000):
            await peer.stream.send_all(frame + b"\n")
        await peer.send(type="welcome", protocol=1)
        await peer.send(type="page", entries=[], more=False, key="never asked")
        await peer.tell(2**63 - 1, "the end", epoch="x")
        await peer.send(type="error", code="x", text="still listening")

        await program.prints("still listening")
        assert program.process.poll() is None
        assert program.printed.count(b"number 7\n") == 1


@pytest.mark.slow
async def test_m11_very_many_entries_at_once_are_shown_without_being_collected(peer: Any, tmp_path: Path) -> None:
    entry = {"type": "entry", "room": "lobby", "kind": "said", "time": 0.0, "author": "a", "text": "x" * 4000}
    count, shown = 12_500, 0

    async with join(peer, tmp_path) as program, trio.open_nursery() as nursery:
        await peer.welcome()
        await peer.tell(1, "before")
        await program.prints("before")
        before = most = program.rss_kib()
        lines = [json.dumps(entry | {"id": number}).encode() + b"\n" for number in range(2, count + 2)]
        nursery.start_soon(peer.stream.send_all, b"".join(lines))

        with trio.fail_after(2 * PATIENCE_S):
            while shown < count:
                shown += (await program.process.stdout.receive_some(1 << 20) or pytest.fail("it ended")).count(b"\n")
                most = max(most, program.rss_kib())

        assert most - before < 32 * 1024


@pytest.mark.parametrize(
    "greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\xff" * 1000 + b"\n", b"HTTP/1.1 400 Bad\r\n\r\n"]
)
async def test_m11_a_stranger_in_place_of_a_server_is_one_line(peer: Any, tmp_path: Path, greeting: bytes) -> None:
    async with join(peer, tmp_path) as program:
        await peer.accept()
        await peer.frame()  # what was not read would make a reset of the end
        await peer.stream.send_all(greeting)
        await peer.stream.aclose()

        with trio.fail_after(PATIENCE_S):
            status = await program.process.wait()
            errors = b"".join([data async for data in program.process.stderr])

    assert status == 1
    assert errors.count(b"\n") == 1, errors
    assert errors.startswith(b"trio-chat: this is no trio-chat server")
    assert not CONTROL.search(errors.decode())
