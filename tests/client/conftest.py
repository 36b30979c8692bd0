"""A peer that speaks bytes to a client over loopback, and a terminal to sit it at."""

import os
import pty
import select
import termios
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import Any

import pyte
import pytest
import trio

PATIENCE_S = 20
"""After this long without what a test waits for, it fails. Nothing waits this long where all is well."""


class Peer:
    """A server that does what a test tells it to."""

    def __init__(self, listener: trio.SocketListener) -> None:
        self._listener = listener
        self.port: int = listener.socket.getsockname()[1]
        self.stream: Any = None

    async def accept(self) -> trio.SocketStream:
        self.stream = await self._listener.accept()
        return self.stream

    async def read_until(self, end: bytes) -> bytes:
        """Read what the client sends until it ends like this."""
        data = b""
        with trio.fail_after(PATIENCE_S):
            while not data.endswith(end):
                data += await self.stream.receive_some(1) or pytest.fail(f"the client closed after {data!r}")
        return data

    async def read_all(self) -> bytes:
        """Read what the client sends until it has no more to say."""
        with trio.fail_after(PATIENCE_S):
            return b"".join([chunk async for chunk in self.stream])


@asynccontextmanager
async def open_peer() -> AsyncIterator[Peer]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        peer = Peer(listener)
        yield peer
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

    @property
    def modes(self) -> list[object]:
        return termios.tcgetattr(self.stdin.fileno())

    @contextmanager
    def drained(self) -> Iterator[None]:
        """Read in a thread, without looking: a terminal that nobody reads stops who writes to it."""
        is_over = threading.Event()

        def drain() -> None:
            while not is_over.is_set():
                if select.select([self._keyboard], [], [], 0.02)[0]:
                    os.read(self._keyboard, 65536)

        thread = threading.Thread(target=drain)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    async def shows(self, *lines: str) -> None:
        """Wait until these are the last lines on the screen."""
        with trio.move_on_after(PATIENCE_S):
            while self.lines[-len(lines) :] != list(lines):
                await trio.lowlevel.wait_readable(self._keyboard)
                data = os.read(self._keyboard, 65536)
                self.received += data
                self._stream.feed(data)
            return
        pytest.fail("the screen shows:\n" + "\n".join(self.lines))


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.close()
