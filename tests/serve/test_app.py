"""The whole server in this process, where time can stand still."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.conftest import PATIENCE_S
from trio_chat.chat.log import Mode
from trio_chat.config import CollectedSettings, ServeSettings
from trio_chat.journal.sqlite.journal import open_sqlite
from trio_chat.journal.sqlite.store import Store
from trio_chat.serve import app
from trio_chat.serve.garbage import GarbageCollection
from trio_chat.serve.settings_in_force import SettingsInForce
from trio_chat.server.operation.stdio import Printer
from trio_chat.server.shutdown_timeouts import DELIVERY_S, KICK_DELIVERY_S, STOP_S


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """A server leaves its handlers in force, for a second signal."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Output(Printer):
    """The output of the server, line by line."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._said, self.lines = trio.open_memory_channel[str](1000)

    def print(self, line: str) -> None:
        super().print(line)
        self._said.send_nowait(line)

    async def port_in(self, beginning: str) -> int:
        async for line in self.lines:
            if line.startswith(beginning):
                return int(line.rpartition(":")[2])
        raise AssertionError


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A disk that does not answer until this is set, once somebody has said something."""
    answers = threading.Event()
    keep = Store.keep

    def keep_when_it_answers(store: Store, batch, time: float) -> None:
        if any("never" in draft.text for draft in batch.drafts):
            answers.wait()
        keep(store, batch, time)

    monkeypatch.setattr(Store, "keep", keep_when_it_answers)
    yield answers
    answers.set()


async def test_a_stop_is_over_in_time_though_the_disk_the_operators_and_the_clients_are_all_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mock_clock: trio.testing.MockClock, disk: threading.Event
) -> None:
    output = Output(1)
    monkeypatch.setattr(app, "Printer", lambda fd: output)
    settings = ServeSettings(host="127.0.0.1", port=0, admin_port=0, console=False, data=tmp_path, rate=0)
    ended = trio.Event()

    async def run() -> None:
        await app._serve(SettingsInForce(settings), CollectedSettings, garbage=GarbageCollection())
        ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        port = await output.port_in("Chat Server started on port")
        admin_port = await output.port_in("Admin API started on")
        reader = await join(port, b'{"type": "hello", "protocol": 1, "session": "%s"}\n' % (b"s" * 32))
        talker = await join(port, b"/who\n")
        stuck = await join(port, b"/who\n", hoard_bytes=4096)
        await stuck.send_all(b"/help\n" * 10_000)  # and it reads none of the answers
        http = await trio.open_tcp_stream("127.0.0.1", admin_port)
        victim = await join(port, b"/who\n")
        events = await trio.open_tcp_stream("127.0.0.1", admin_port)
        await events.send_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" in await events.receive_some()
        await talker.send_all(b"never\n")
        await trio.testing.wait_all_tasks_blocked()  # from now on all wait for the disk: deeds and places too
        await http.send_all(b"DELETE /clients/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % victim.socket.getsockname()[1])
        assert b"200" in await http.receive_some()
        mock_clock.jump(KICK_DELIVERY_S)  # it waited so long for its own notice, which is not kept
        assert b"kicked" in await rest_of(victim)
        await http.send_all(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)  # and it reads none
        await reader.send_all(b'{"type": "join", "room": "den"}\n')
        await trio.testing.wait_all_tasks_blocked()

        began = trio.current_time()
        os.kill(os.getpid(), signal.SIGTERM)
        mock_clock.autojump_threshold = 0
        with trio.fail_after(PATIENCE_S):
            await ended.wait()

        assert trio.current_time() - began <= STOP_S + 0.01
        mock_clock.autojump_threshold = float("inf")
        assert b"shutting down" in await rest_of(talker)
        for stream in (reader, talker, stuck, victim, http, events):
            await trio.aclose_forcefully(stream)


async def test_a_stop_waits_until_the_session_records_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mock_clock: trio.testing.MockClock, disk: threading.Event
) -> None:
    output = Output(1)
    monkeypatch.setattr(app, "Printer", lambda fd: output)
    settings = ServeSettings(host="127.0.0.1", port=0, admin_port=0, console=False, data=tmp_path)

    async with trio.open_nursery() as nursery:
        serve = partial(app._serve, garbage=GarbageCollection())
        nursery.start_soon(serve, SettingsInForce(settings), CollectedSettings)
        port = await output.port_in("Chat Server started on port")
        await output.port_in("Admin API started on")
        reader = await join(port, b'{"type": "hello", "protocol": 1, "session": "%s"}\n' % (b"s" * 32))
        talker = await join(port, b"/who\n")
        await talker.send_all(b"never\n")
        await trio.testing.wait_all_tasks_blocked()  # from now on the disk does not answer
        for room in (b"den", b"attic"):  # the second has to wait until the first is written
            await reader.send_all(b'{"type": "join", "room": "%s"}\n' % room)
            await trio.testing.wait_all_tasks_blocked()

        os.kill(os.getpid(), signal.SIGTERM)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(DELIVERY_S)  # as long as it is waited for what was said to be heard
        for stream in (reader, talker):
            assert b"shutting down" in await rest_of(stream)
        await trio.testing.wait_all_tasks_blocked()
        disk.set()
        mock_clock.autojump_threshold = PATIENCE_S  # only where nothing happens any more

    async with open_sqlite(tmp_path / "journal.db") as journal:
        (place,) = [place for place in await journal.read_sessions() if place.mode == Mode.FRAMES]
    assert place.rooms == ("lobby", "den", "attic")
    for stream in (reader, talker):
        await trio.aclose_forcefully(stream)


async def join(port: int, first: bytes, *, hoard_bytes: int = 0) -> trio.SocketStream:
    """Connect, say something, and read what comes first."""
    sock = trio.socket.socket()
    if hoard_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, hoard_bytes)
    await sock.connect(("127.0.0.1", port))
    stream = trio.SocketStream(sock)
    await stream.send_all(first)
    await stream.receive_some()
    return stream


async def rest_of(stream: trio.SocketStream) -> bytes:
    """Everything up to the end of a connection."""
    return b"".join([bytes(data) async for data in stream])
