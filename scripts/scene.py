"""A scene for pictures: a real server, people who speak frames, and a real client at a terminal that is emulated."""

import json
import os
import pty
import re
import signal
import sys
import tempfile
import termios
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex

import pyte
import trio

from scripts.elsewhere import HOST
from scripts.emulator import Emulator

PATIENCE_S = 30
"""Time after which something that a scene waits for counts as missing."""

_PORT = re.compile(rb"Chat Server started on port: (\d+)")


class SceneError(Exception):
    """Something that the scene waits for does not come."""


class Clock:
    """The time of a scene, for all of its processes: that of a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.touch()

    def set(self, text: str) -> None:
        """Set the time: `2026-11-28 14:58:00`, in UTC."""
        when = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
        os.utime(self.file, (when, when))

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        when = self.file.stat().st_mtime + seconds
        os.utime(self.file, (when, when))


class Person:
    """Somebody who speaks frames, as long as `run` runs."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._told, self._replies = trio.open_memory_channel[dict[str, object]](10_000)

    async def run(self) -> None:
        """Read what the server sends, and answer its pings, until it hangs up."""
        unread = b""
        with self._told:
            while data := await self._stream.receive_some():
                *lines, unread = (unread + data).split(b"\n")
                for frame in map(json.loads, lines):
                    if frame["type"] == "ping":
                        await self.send(type="pong", key=frame.get("key", ""))
                    else:
                        await self._told.send(frame)

    async def send(self, **frame: object) -> None:
        """Send a request."""
        await self._stream.send_all(json.dumps(frame).encode() + b"\n")

    async def wait_for(self, is_it: Callable[[dict[str, object]], bool]) -> dict[str, object]:
        """Return the first reply that is what one waits for. Raises SceneError."""
        with trio.move_on_after(PATIENCE_S):
            async for frame in self._replies:
                if is_it(frame):
                    return frame
        raise SceneError("a person does not get the reply that the scene waits for")

    async def do(self, **request: object) -> dict[str, object]:
        """Send a request, and wait for what answers it."""
        key = token_hex(8)
        await self.send(**request, key=key)
        return await self.wait_for(lambda frame: frame.get("key") == key)

    async def say(self, room: str, text: str) -> None:
        """Say something, and wait until it is kept."""
        await self.do(type="say", room=room, text=text)

    async def leave(self) -> None:
        """Leave the chat."""
        await self.send(type="bye")
        with trio.fail_after(PATIENCE_S):
            async for _ in self._replies:
                pass
        await self._stream.aclose()


class Terminal:
    """A client at a terminal, and everything that it has written there."""

    def __init__(self, fd: int, columns: int, rows: int) -> None:
        self._fd = fd
        self.emulator = Emulator(columns, rows)
        self._stream = pyte.ByteStream(self.emulator)
        self.record: Callable[[bytes], None] = lambda _data: None

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._fd, keys.encode())

    async def shows(self, *texts: str) -> None:
        """Wait until each of these is on the screen. Raises SceneError."""
        with trio.move_on_after(PATIENCE_S):
            while not all(text in self.emulator.text for text in texts):
                await self._read()
            return
        raise SceneError(f"{texts} are not all on the screen:\n{self.emulator.text}")

    async def settle(self, quiet_s: float = 0.4) -> None:
        """Wait until nothing is drawn any more."""
        while True:
            with trio.move_on_after(quiet_s) as scope:
                await self._read()
            if scope.cancelled_caught:
                return

    async def run(self, seconds: float) -> None:
        """Draw for so long."""
        with trio.move_on_after(seconds):
            while True:
                await self._read()

    async def _read(self) -> None:
        await trio.lowlevel.wait_readable(self._fd)
        data = os.read(self._fd, 65536)
        self.record(data)
        self._stream.feed(data)


class Scene:
    """A running server, and whoever is there."""

    def __init__(self, server: trio.Process, clock: Clock, environment: dict[str, str], nursery: trio.Nursery) -> None:
        self._server = server
        self.clock = clock
        self._environment = environment
        self._nursery = nursery

    def pause(self) -> None:
        """Let the server stand still from now on."""
        self._server.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let the server go on."""
        self._server.send_signal(signal.SIGCONT)

    async def enter(self, nick: str, *rooms: str, is_proven: bool = False) -> Person:
        """Let somebody join."""
        stream = await trio.open_tcp_stream("127.0.0.1", int(self._environment["SERVER_PORT"]))
        person = Person(stream)
        self._nursery.start_soon(person.run)
        hello = {"type": "hello", "protocol": 1, "client": "scene", "nick": nick, "session": token_hex(16)}
        await person.send(**hello, rooms=list(rooms), since={})
        await person.wait_for(lambda frame: frame["type"] == "welcome")
        if is_proven:
            await person.do(type="command", room=rooms[0], line="/register correct-horse-battery")
        return person

    @asynccontextmanager
    async def client(
        self, nick: str, *, columns: int, rows: int, options: tuple[str, ...] = (), **environment: str
    ) -> AsyncIterator[Terminal]:
        """Let somebody join with our client, on the full screen."""
        keyboard, slave = pty.openpty()
        termios.tcsetwinsize(slave, (rows, columns))
        command = [sys.executable, "-m", "scripts.elsewhere", "join", f"{nick}@{HOST}", "--view", "screen", *options]
        started = await self._nursery.start(
            partial(
                trio.run_process,
                command,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=self._environment | environment,
                start_new_session=True,
                check=False,
            )
        )
        os.close(slave)
        try:
            yield Terminal(keyboard, columns, rows)
        finally:
            started.terminate()
            os.close(keyboard)


@asynccontextmanager
async def open_scene(start: str) -> AsyncIterator[Scene]:
    """Start a server at an invented time, and end it with everybody in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clock = Clock(folder / "clock")
        clock.set(start)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "TZ": "UTC",
            "CLOCK_FILE": str(clock.file),
            "SERVER_PORT": "0",
        }
        async with trio.open_nursery() as nursery:
            server, environment["SERVER_PORT"] = await _start_server(folder, environment, nursery)
            try:
                yield Scene(server, clock, environment, nursery)
            finally:
                server.kill()
                nursery.cancel_scope.cancel()


async def _start_server(folder: Path, environment: dict[str, str], nursery: trio.Nursery) -> tuple[trio.Process, str]:
    """Start a server. -> its process and its port"""
    log = folder / "server"
    command = [sys.executable, "-m", "scripts.elsewhere", "serve", "--port", "0", "--admin-port", "0"]
    command += ["--data", str(folder / "data"), "--rate", "1000"]
    with log.open("wb") as output:
        process = await nursery.start(
            partial(trio.run_process, command, stdout=output, stderr=output, env=environment, check=False)
        )
    began = time.monotonic()
    while not (found := _PORT.search(log.read_bytes())):
        if time.monotonic() - began > PATIENCE_S:
            raise SceneError(f"the server does not start: {log.read_text()}")
        await trio.sleep(0.05)
    return process, found[1].decode()
