"""A peer that speaks bytes to a client over loopback, and a terminal to sit it at."""

import asyncio
import json
import os
import pty
import re
import subprocess
import sys
import termios
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pyte
import pytest
import trio

from tests.conftest import PATIENCE_S
from tests.fork_server import ForkingPopen


class Peer:
    """A server that does what a test tells it to."""

    def __init__(self, listener: trio.SocketListener) -> None:
        self._listener = listener
        self.port: int = listener.socket.getsockname()[1]
        self.stream: Any = None

    async def accept(self) -> trio.SocketStream:
        self.stream = await self._listener.accept()
        return self.stream

    async def aclose(self) -> None:
        """Hang up and listen no more."""
        await self._listener.aclose()
        await self.stream.aclose()

    async def read_until(self, end: bytes) -> bytes:
        """Read what the client sends until it ends like this."""
        data = b""
        with trio.fail_after(PATIENCE_S):
            while not data.endswith(end):
                data += await self.stream.receive_some(1) or pytest.fail(f"the client closed after {data!r}")
        return data

    async def frame(self) -> dict[str, Any]:
        """Return the next frame of the client; its pings are not what a test waits for."""
        while (frame := json.loads(await self.read_until(b"\n")))["type"] == "ping":
            pass
        return frame

    async def send(self, **frame: object) -> None:
        """Send the client a frame."""
        await self.stream.send_all(json.dumps(frame).encode() + b"\n")

    async def welcome(self, epoch: str = "e", **fields: object) -> dict[str, Any]:
        """Accept a client and let it in. -> its hello"""
        await self.accept()
        hello = await self.frame()
        await self.enter(hello, epoch, **fields)
        return hello

    async def enter(self, hello: dict[str, Any], epoch: str = "e", **fields: object) -> None:
        """Let in whoever said this hello."""
        rooms = [{"name": name, "topic": "", "members": 1, "last_id": 0} for name in hello.get("rooms", ["lobby"])]
        you = {"id": "c1", "label": hello.get("nick", "1.2.3.4:5"), "address": "1.2.3.4:5"}
        limits: dict[str, int] = {}
        welcome = {"protocol": 1, "epoch": epoch, "server": "test", "resumed": False, "last_id": 0, "limits": limits}
        await self.send(type="welcome", **welcome | {"you": you, "rooms": rooms} | fields)

    async def challenge(self) -> None:
        """Accept a client that tries to prove its name by a key, and take its proof."""
        await self.read_all()  # until the client closes the connection before
        await self.stream.aclose()
        await self.accept()
        asked = await self.frame()
        await self.send(type="challenge", nonce="0f" * 32, epoch="e", key=asked["key"])
        assert "proof" in await self.frame()

    async def refuse_key(self) -> None:
        """Refuse its proof, and let the client in under the name that it had."""
        await self.send(type="error", code="proof", text="that is not yours")
        await self.enter(await self.frame())

    async def receive(self, *past: str) -> None:
        """Answer what the client asks for a person who comes: what was said before, and who is there."""
        asked = await self.frame()
        entries = [
            {"type": "entry", "id": 0, "room": "lobby", "kind": "said", "time": 0.0, "author": "a", "text": text}
            for text in past
        ]
        await self.send(type="page", entries=entries, more=False, key=asked["key"])
        asked = await self.frame()
        await self.send(type="members", room=asked["room"], count=1, labels=["1.2.3.4:5"], key=asked["key"])

    async def tell(self, number: int, text: str, **fields: object) -> None:
        """Tell the client of something that somebody said."""
        entry = {"id": number, "room": "lobby", "kind": "said", "time": 0.0, "author": "a", "text": text}
        await self.send(type="entry", **entry | fields)

    async def keep(self, number: int) -> str:
        """Take the next thing that the client says, and acknowledge it. -> the text"""
        said = await self.frame()
        await self.tell(number, said["text"], key=said["key"], author="me", room=said["room"])
        return said["text"]

    async def part(self) -> None:
        """Wait for the client's farewell, and hang up."""
        assert (await self.frame())["type"] == "bye"
        await self.stream.aclose()

    async def part_at_last(self) -> None:
        """Wait for the client's farewell, whatever it sends before, and hang up."""
        while (await self.frame())["type"] != "bye":
            pass
        await self.stream.aclose()

    async def read_all(self) -> bytes:
        """Read what the client sends until it has no more to say."""
        with trio.fail_after(PATIENCE_S):
            return b"".join([chunk async for chunk in self.stream])


@asynccontextmanager
async def open_peer(port: int = 0) -> AsyncIterator[Peer]:
    (listener,) = await trio.open_tcp_listeners(port, host="127.0.0.1")
    async with listener:
        peer = Peer(listener)
        try:
            yield peer
        finally:
            if peer.stream:
                await trio.aclose_forcefully(peer.stream)


@pytest.fixture
def make_peer() -> Callable[[], AbstractAsyncContextManager[Peer]]:
    """For tests that bring their own event loop."""
    return open_peer


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with open_peer() as peer:
        yield peer


_APC = re.compile(rb"\x1b_.*?\x1b\\", re.DOTALL)


class Screen:
    """A pseudo terminal, with an emulator and a typist at its other end."""

    def __init__(self, columns: int = 60, rows: int = 12) -> None:
        self._keyboard, slave = pty.openpty()
        self.stdin = open(slave, encoding="utf-8")  # noqa: SIM115  closed in `close`
        self.stdout = open(os.dup(slave), "w", encoding="utf-8")  # noqa: SIM115
        self._emulator = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._emulator)
        self.resize(columns, rows)
        self.modes_before = termios.tcgetattr(slave)
        self.received = b""
        self._unfed = b""

    def close(self) -> None:
        for end in (self.stdin, self.stdout):
            with suppress(OSError):  # what is still to be flushed to a terminal that has gone
                end.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close the window."""
        if self._keyboard >= 0:
            os.close(self._keyboard)
        self._keyboard = -1

    def resize(self, columns: int, rows: int) -> None:
        termios.tcsetwinsize(self.stdin.fileno(), (rows, columns))
        self._emulator.resize(rows, columns)

    def type(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._emulator.display if line.strip()]

    def cells(self, text: str) -> list[pyte.screens.Char]:
        """The characters of a text, each with its colour and style, in the lowest row that has it."""
        for row in reversed(range(self._emulator.lines)):
            cells = [self._emulator.buffer[row][column] for column in range(self._emulator.columns)]
            cells = [cell for cell in cells if cell.data]  # a wide one has an empty one behind it
            if (start := "".join(cell.data for cell in cells).find(text)) >= 0:
                return cells[start : start + len(text)]
        return pytest.fail(f"{text} is not on the screen:\n" + "\n".join(self.lines))

    def cells_of(self, row: int) -> list[pyte.screens.Char]:
        """The cells of a row, from the left."""
        return [self._emulator.buffer[row][column] for column in range(self._emulator.columns)]

    @property
    def modes(self) -> list[object]:
        return termios.tcgetattr(self.stdin.fileno())

    @contextmanager
    def drained(self) -> Iterator[None]:
        """Read in a thread, without looking: a terminal that nobody reads stops who writes to it."""
        end = b"\0end of the scene\0"

        def drain() -> None:
            while not self.received.endswith(end):
                self.received += os.read(self._keyboard, 65536)

        thread = threading.Thread(target=drain)
        thread.start()
        try:
            yield
        finally:
            os.write(self.stdout.fileno(), end)
            thread.join()

    @contextmanager
    def patience(self, clock: trio.abc.Clock | None = None) -> Iterator[None]:
        """Fail when the block stands still for PATIENCE_S on the machine's clock, whatever the clock of the test.

        It stands still when it prints nothing and computes for less than 0.1 s. A busy machine only slows it down. A
        `clock` that stood still runs from then on, or what waits on its way out would never end.
        """
        loop = asyncio.get_running_loop()

        def watch(received: bytes, computed_s: float) -> None:
            nonlocal timer
            if self.received == received and time.process_time() - computed_s < 0.1:
                scope.cancel()
                if isinstance(clock, trio.testing.MockClock):
                    clock.rate = 1000.0
            else:
                timer = loop.call_later(PATIENCE_S, watch, self.received, time.process_time())

        with trio.CancelScope() as scope:
            timer = loop.call_later(PATIENCE_S, watch, self.received, time.process_time())
            try:
                yield
            finally:
                timer.cancel()
        if scope.cancelled_caught:
            pytest.fail("the scene stands still; the screen shows:\n" + "\n".join(self.lines))

    def _feed(self, data: bytes) -> None:
        """Show what was received, without kitty's commands, which the emulator would print: real terminals do not."""
        data = _APC.sub(b"", self._unfed + data)
        whole, begin, rest = data.partition(b"\x1b_")
        self._unfed = begin + rest
        self._stream.feed(whole)

    async def receives_more(self) -> None:
        """Wait for the next that the terminal is sent."""
        with trio.fail_after(PATIENCE_S):
            await trio.lowlevel.wait_readable(self._keyboard)
        self.received += os.read(self._keyboard, 65536)

    async def receives(self, data: bytes) -> None:
        """Wait until the terminal has been sent this."""
        with trio.fail_after(PATIENCE_S):
            while data not in self.received:
                await trio.lowlevel.wait_readable(self._keyboard)
                self.received += os.read(self._keyboard, 65536)

    async def shows(self, *lines: str) -> None:
        """Wait until these are the last lines on the screen."""
        await self.shows_when(lambda shown: shown[-len(lines) :] == list(lines))

    async def shows_when(self, is_right: Callable[[list[str]], bool]) -> None:
        """Wait until the lines on the screen are right."""
        with trio.move_on_after(PATIENCE_S):
            while not is_right(self.lines):
                await trio.lowlevel.wait_readable(self._keyboard)
                data = os.read(self._keyboard, 65536)
                self.received += data
                self._feed(data)
            return
        pytest.fail("the screen shows:\n" + "\n".join(self.lines))


@contextmanager
def joined_at(screen: Any, home: Path, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A client in a process of its own, whose terminal this is."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    process = subprocess.Popen(
        [sys.executable, "-m", "trio_chat", "join", *arguments],
        stdin=screen.stdin,
        stdout=screen.stdin,
        stderr=screen.stdin,
        env=environment | variables,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def _forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork clients in processes of their own, in place of importing all of their code in each."""
    monkeypatch.setattr(subprocess, "Popen", ForkingPopen)


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as a user whose name is no default nick."""
    monkeypatch.delenv("USER", raising=False)


@pytest.fixture
def make_screen() -> Iterator[Callable[[int, int], Screen]]:
    with ExitStack() as closed:

        def make(columns: int, rows: int) -> Screen:
            screen = Screen(columns, rows)
            closed.callback(screen.close)
            return screen

        yield make


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.close()
