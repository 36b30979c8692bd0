import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import trio

from trio_chat.chat.commands import COMMANDS as SERVER_COMMANDS
from trio_chat.chat.stickers import Catalogue, Text
from trio_chat.client.conversation import LEAVE_TIMEOUT_S
from trio_chat.client.lines_view import COMMANDS, GOODBYE, Visit, join
from trio_chat.client.pipe import Pipe
from trio_chat.client.terminal import open_terminal, run_on_asyncio
from trio_chat.client.transcript import Transcript

ROOT = Path(__file__).parents[2]
JOIN = (sys.executable, "-m", "trio_chat", "join", "127.0.0.1")
TRANSCRIPT = Transcript(Catalogue(MappingProxyType({"smile": Text("🙂")})))


class Filter:
    """A visit on pipes, to the peer of the test."""

    def __init__(self, peer: Any, nursery: trio.Nursery) -> None:
        self._peer = peer
        self._nursery = nursery
        self._stdin, self._stdin_write = os.pipe()
        self._stdout_read, self._stdout = os.pipe()
        self._done = trio.Event()
        self._status: int | None = None

    async def start(self, *, nick: str | None = None) -> None:
        self._nursery.start_soon(self._visit, nick)
        await self._peer.accept()

    async def _visit(self, nick: str | None) -> None:
        pipe = Pipe(self._stdin, self._stdout)
        self._status = await Visit(TRANSCRIPT, nick=nick).run("localhost", self._peer.port, lambda: nullcontext(pipe))
        self._done.set()

    def feed(self, text: str) -> None:
        os.write(self._stdin_write, text.encode())

    def feed_last(self, text: str) -> None:
        self.feed(text)
        os.close(self._stdin_write)
        self._stdin_write = -1

    async def status(self) -> int | None:
        with trio.fail_after(5):
            await self._done.wait()
        return self._status

    def output(self) -> str:
        os.set_blocking(self._stdout_read, False)
        return os.read(self._stdout_read, 65536).decode()

    def close(self) -> None:
        for fd in (self._stdin, self._stdin_write, self._stdout_read, self._stdout):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
async def filter_(peer: Any, nursery: trio.Nursery) -> AsyncIterator[Filter]:
    filter_ = Filter(peer, nursery)
    yield filter_
    filter_.close()


async def test_a_filter_says_its_input_and_prints_what_it_hears(filter_: Filter, peer: Any) -> None:
    await filter_.start()
    filter_.feed_last("hello @smile\nlast words")

    assert await peer.read_all() == b"hello @smile\nlast words\n"
    await peer.stream.send_all(b"[a]> bye @smile\n")
    await peer.stream.aclose()
    assert await filter_.status() == 0
    assert filter_.output() == f"[a]> bye 🙂\n{GOODBYE}\n"


async def test_the_nick_is_said_first(filter_: Filter, peer: Any) -> None:
    await filter_.start(nick="bob")
    filter_.feed_last("hello\n")

    assert await peer.read_all() == b"/nick bob\nhello\n"
    await peer.stream.aclose()
    assert await filter_.status() == 0


async def test_a_filter_waits_for_the_server_to_have_kept_its_lines(
    filter_: Filter, peer: Any, mock_clock: trio.testing.MockClock
) -> None:
    await filter_.start()
    filter_.feed_last("hello\n")
    await peer.read_all()

    mock_clock.jump(3600)
    await trio.testing.wait_all_tasks_blocked()
    await peer.stream.send_all(b"late\n")
    await peer.stream.aclose()

    assert await filter_.status() == 0
    assert filter_.output() == f"late\n{GOODBYE}\n"


async def test_a_server_that_closes_too_early_is_a_failure(
    filter_: Filter, peer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    await filter_.start()
    await peer.stream.aclose()

    assert await filter_.status() == 1
    assert filter_.output() == f"{GOODBYE}\n"
    assert capsys.readouterr().err == "trio-chat: the server closed the connection\n"


async def test_a_connection_that_breaks_after_the_last_line_is_a_failure(
    filter_: Filter, peer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    await filter_.start()
    filter_.feed_last("hello\n")
    await peer.read_all()
    peer.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await peer.stream.aclose()

    assert await filter_.status() == 1
    assert capsys.readouterr().err == "trio-chat: the connection broke: connection reset by peer\n"


@pytest.mark.parametrize("farewell", ["quit()", "quit() ", "/quit", "/QUIT now"])
async def test_a_filter_says_nothing_after_it_has_quit(filter_: Filter, peer: Any, farewell: str) -> None:
    await filter_.start()
    filter_.feed(f"one\n{farewell}\ntwo\n")

    assert await peer.read_all() == b"one\n"
    await peer.stream.aclose()
    assert await filter_.status() == 0


async def test_the_catalogue_is_shown_here_and_other_commands_are_the_servers(filter_: Filter, peer: Any) -> None:
    await filter_.start()
    filter_.feed_last("/stickers\n/who\n//quit\nsay quit()\n")

    assert await peer.read_all() == b"/who\n//quit\nsay quit()\n"
    await peer.stream.aclose()
    await filter_.status()
    assert filter_.output() == f"@smile 🙂\n{GOODBYE}\n"


async def test_a_line_that_could_not_be_said_shows_in_the_status(filter_: Filter, peer: Any) -> None:
    await filter_.start()
    filter_.feed_last("x" * 5000 + "\nfine\n")

    assert await peer.read_all() == b"fine\n"
    await peer.stream.aclose()
    assert await filter_.status() == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_leaves_in_order(filter_: Filter, peer: Any, number: int) -> None:
    await filter_.start()
    await trio.testing.wait_all_tasks_blocked()

    signal.raise_signal(number)

    assert await peer.read_all() == b""
    await peer.stream.aclose()
    assert await filter_.status() == 0
    assert filter_.output() == f"{GOODBYE}\n"


async def test_who_leaves_does_not_wait_long_for_a_silent_server(
    filter_: Filter, peer: Any, mock_clock: trio.testing.MockClock
) -> None:
    await filter_.start()
    await trio.testing.wait_all_tasks_blocked()
    signal.raise_signal(signal.SIGINT)
    await peer.read_all()
    await trio.testing.wait_all_tasks_blocked()

    mock_clock.jump(LEAVE_TIMEOUT_S)

    assert await filter_.status() == 0


async def test_a_second_signal_does_not_wait_at_all(
    filter_: Filter, peer: Any, mock_clock: trio.testing.MockClock
) -> None:
    await filter_.start()
    await trio.testing.wait_all_tasks_blocked()
    signal.raise_signal(signal.SIGINT)
    await peer.read_all()

    signal.raise_signal(signal.SIGINT)
    await filter_._done.wait()

    assert filter_.output() == f"{GOODBYE}\n"


async def test_a_signal_while_connecting_ends_at_once(nursery: trio.Nursery) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as first:
        first.connect(server.getsockname())
        statuses = []

        async def visit() -> None:
            surface = nullcontext(Pipe(0, 1))
            statuses.append(await Visit(TRANSCRIPT, nick=None).run(*server.getsockname(), lambda: surface))

        nursery.start_soon(visit)
        await trio.testing.wait_all_tasks_blocked()
        signal.raise_signal(signal.SIGINT)
        await trio.testing.wait_all_tasks_blocked()

    assert statuses == [130]


def test_a_server_that_cannot_be_reached_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert join("127.0.0.1", port, nick=None, stickers=None) == 1
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(f"trio-chat: cannot reach 127.0.0.1 port {port}: the connection was refused")


def test_tab_knows_every_command() -> None:
    assert sorted(COMMANDS.split()) == sorted([*(f"/{name}" for name in SERVER_COMMANDS), "/stickers"])


# On a terminal

Scene = Callable[[Any, Any], Awaitable[None]]


def play(scene: Scene, screen: Any, make_peer: Any) -> int:
    """Run a scene with a peer and a terminal whose prompt is shown, after which the visit must end by itself."""
    statuses = []

    async def run() -> None:
        async with make_peer() as peer, trio.open_nursery() as nursery:

            async def visit() -> None:
                surface = partial(open_terminal, screen.stdin, screen.stdout, COMMANDS.split())
                statuses.append(await Visit(TRANSCRIPT, nick=None).run("127.0.0.1", peer.port, surface))

            nursery.start_soon(visit)
            async with await peer.accept():
                await screen.shows(">")
                await scene(peer, screen)

    run_on_asyncio(run)
    (status,) = statuses
    assert screen.modes == screen.modes_before
    return status


def test_what_is_typed_is_sent_as_typed_and_shown_with_its_stickers(screen: Any, make_peer: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("hello @smile\r")
        assert await peer.read_until(b"\n") == b"hello @smile\n"
        await peer.stream.send_all(b"[a]> @smile back\n")
        await screen.shows("> hello 🙂", "[a]> 🙂 back", ">")
        screen.type("\x04")

    assert play(scene, screen, make_peer) == 0


@pytest.mark.parametrize(
    ("keys", "last"), [("quit()\r", "> quit()"), ("/quit\r", "> /quit"), ("\x03", ""), ("\x04", "")]
)
def test_leaving_says_so_and_is_no_failure(screen: Any, make_peer: Any, keys: str, last: str) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type(keys)
        assert await peer.read_all() == b""

    assert play(scene, screen, make_peer) == 0
    trio.run(partial(screen.shows, *filter(None, (last, GOODBYE))))


def test_a_lost_connection_says_why_and_gives_back_what_was_being_typed(
    screen: Any, make_peer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("half a sen")
        await screen.shows("> half a sen")

    assert play(scene, screen, make_peer) == 1
    trio.run(partial(screen.shows, "*** not sent: half a sen ***", GOODBYE))
    assert capsys.readouterr().err == "trio-chat: the server closed the connection\n"


def test_a_flood_does_not_lock_the_person_out(screen: Any, make_peer: Any) -> None:
    with ExitStack() as until_the_end:

        async def scene(peer: Any, screen: Any) -> None:
            until_the_end.enter_context(screen.drained())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_flood, peer.stream)
                screen.type("help!\r")
                assert await peer.read_until(b"\n") == b"help!\n"
                screen.type("\x03")
                assert await peer.read_all() == b""
                nursery.cancel_scope.cancel()

        assert play(scene, screen, make_peer) == 0


async def _flood(stream: trio.SocketStream) -> None:
    while True:
        await stream.send_all(b"[\x1b[2J]> @smile\x1b]0;title\x07" * 1000 + b"\n" * 1000)


def test_colours_are_for_those_who_want_them(screen: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [*JOIN, str(server.getsockname()[1])]
        plain = _see_a_notice(command, server, screen, {"NO_COLOR": "1"})
        coloured = _see_a_notice(command, server, screen, {})

    assert b"\x1b[2m***" not in plain
    assert b"\x1b[2m***" in coloured


def _see_a_notice(command: list[str], server: socket.socket, screen: Any, variables: dict[str, str]) -> bytes:
    """Run the real program on a real terminal until it has shown a notice. -> what it wrote"""
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    environment |= {"TERM": "xterm", **variables}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}
    screen.received = b""
    with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **streams) as process:
        sock, _ = server.accept()
        with sock:
            sock.sendall(b"*** hello ***\n")
            trio.run(partial(screen.shows, "*** hello ***", ">"))
            screen.type("\x04")
            assert sock.recv(100) == b""
        assert process.wait(10) == 0
    trio.run(partial(screen.shows, "*** hello ***", GOODBYE))
    assert screen.modes == screen.modes_before
    return screen.received


def test_the_program_on_a_pipe_says_its_input_and_exits_with_0() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [*JOIN, str(server.getsockname()[1])]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin
            process.stdin.write(b"hello\n")
            process.stdin.close()
            sock, _ = server.accept()
            with sock, sock.makefile("rb") as file:
                assert file.read() == b"hello\n"
                sock.sendall(b"[a]> hi\n")
            assert process.stdout
            assert process.stdout.read() == f"[a]> hi\n{GOODBYE}\n".encode()
            assert process.wait(10) == 0


def test_closed_standard_streams_do_not_end_up_as_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = f"{sys.executable} -m trio_chat join 127.0.0.1 {server.getsockname()[1]} <&- >&- 2>&-"
        with subprocess.Popen(command, shell=True, cwd=ROOT) as process:
            sock, _ = server.accept()
            with sock, sock.makefile("rb") as file:
                assert file.read() == b""
                sock.sendall(b"[a]> hi\n")
            assert process.wait(10) == 0
