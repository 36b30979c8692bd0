"""The real program with the line view, at a terminal and on a pipe."""

import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.client.conftest import open_peer
from tests.client.line_view.conftest import AT_PROMPT, flood
from tests.conftest import PATIENCE_S
from trio_chat.client.conversation.app import GOODBYE
from trio_chat.client.link.address import TcpAddress
from trio_chat.client.link.outbox import open_outbox

ROOT = Path(__file__).parents[3]
JOIN = (sys.executable, "-m", "trio_chat", "join", "127.0.0.1")


def test_colours_are_for_those_who_want_them(screen: Any, tmp_path: Path, make_peer: Any) -> None:
    plain = _see_a_notice(screen, make_peer, {"NO_COLOR": "1"}, tmp_path)
    coloured = _see_a_notice(screen, make_peer, {}, tmp_path)

    assert b"\x1b[2m***" not in plain
    assert b"\x1b[2m***" in coloured


IN_LOBBY = (
    "*** 1 in #lobby: [1.2.3.4:5] (you) ***",
    "*** /nick NAME gives you a name, /help lists what else there",
    "    is ***",
)


def test_a_person_who_joins_is_shown_history_and_members(screen: Any, tmp_path: Path, make_peer: Any) -> None:
    environment = {**os.environ, "TERM": "xterm", "TZ": "UTC", "XDG_STATE_HOME": str(tmp_path)}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}
    run_program = partial(trio.run_process, cwd=ROOT, env=environment, start_new_session=True, **streams)

    async def run() -> None:
        async with make_peer() as peer, trio.open_nursery() as nursery:
            nursery.start_soon(run_program, [*JOIN, str(peer.port)])
            await peer.welcome(rooms=[{"name": "lobby", "topic": "cheese", "members": 1, "last_id": 5}])
            await peer.tell(6, "new")
            await peer.receive("hi @smile", "anyone?")
            await screen.shows(
                "*** you are [1.2.3.4:5] in #lobby: cheese ***",
                "1970-01-01 00:00 [a]> hi 🙂",
                "1970-01-01 00:00 [a]> anyone?",
                *IN_LOBBY,
                "1970-01-01 00:00 [a]> new",
                AT_PROMPT,
            )
            screen.type("\x04")
            await peer.part()

    trio.run(run)


def test_a_person_at_a_terminal_sees_when_each_line_was_said_and_by_whom(
    screen: Any, tmp_path: Path, make_peer: Any
) -> None:
    environment = {**os.environ, "TERM": "xterm", "TZ": "UTC", "XDG_STATE_HOME": str(tmp_path)}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}
    run_program = partial(trio.run_process, cwd=ROOT, env=environment, start_new_session=True, **streams)

    async def run() -> None:
        async with make_peer() as peer, trio.open_nursery() as nursery:
            nursery.start_soon(run_program, [*JOIN, str(peer.port)])
            await peer.welcome()
            await peer.receive()
            await peer.tell(1, "@smile", time=65.0)
            await screen.shows(*IN_LOBBY, "1970-01-01 00:01 [a]> 🙂", AT_PROMPT)
            screen.type("hi\r")
            assert await peer.keep(2) == "hi"
            await screen.shows("1970-01-01 00:00 [me]> hi", AT_PROMPT)
            screen.type("\x04")
            await peer.part()

    trio.run(run)
    trio.run(partial(screen.shows, GOODBYE))


def test_a_dumb_terminal_gets_no_colours_and_its_person_is_greeted(screen: Any, tmp_path: Path, make_peer: Any) -> None:
    """It gets the times, and lines broken between words, as any other terminal does."""
    environment = {**os.environ, "TERM": "dumb", "TZ": "UTC", "XDG_STATE_HOME": str(tmp_path)}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}

    async def run() -> None:
        async with make_peer() as peer, trio.open_nursery() as nursery:
            nursery.start_soon(partial(trio.run_process, [*JOIN, str(peer.port)], cwd=ROOT, env=environment, **streams))
            await peer.welcome()
            await peer.receive("hi")
            await peer.tell(1, "@smile")
            await screen.shows(*IN_LOBBY, "1970-01-01 00:00 [a]> 🙂")
            screen.type("/quit\r")
            await peer.part()

    trio.run(run)

    assert b"\x1b" not in screen.received


def _see_a_notice(screen: Any, make_peer: Any, variables: dict[str, str], folder: Path) -> bytes:
    """Run the real program on a real terminal until it has shown a notice. -> what it wrote"""
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    environment |= {"TERM": "xterm", "XDG_STATE_HOME": str(folder), **variables}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}
    screen.received = b""

    run_program = partial(trio.run_process, cwd=ROOT, env=environment, start_new_session=True, **streams)

    async def run() -> None:
        async with make_peer() as peer, trio.open_nursery() as nursery:
            nursery.start_soon(run_program, [*JOIN, str(peer.port)])
            await peer.welcome()
            await peer.receive()
            await screen.shows(*IN_LOBBY, AT_PROMPT)
            screen.type("\x04")
            await peer.part()

    trio.run(run)
    trio.run(partial(screen.shows, *IN_LOBBY, GOODBYE))
    assert screen.modes == screen.modes_before
    return bytes(screen.received)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_ends_it_at_once_at_a_terminal_that_stands_still(
    screen: Any, tmp_path: Path, make_peer: Any, number: int
) -> None:
    environment = {**os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path)}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}

    async def run() -> None:
        async with make_peer() as peer, trio.open_nursery() as nursery:
            command = partial(trio.run_process, [*JOIN, str(peer.port)], cwd=ROOT, env=environment, check=False)
            process = await nursery.start(partial(command, **streams))
            await peer.welcome()
            await screen.shows("*** you are [1.2.3.4:5] in #lobby ***", AT_PROMPT)
            nursery.start_soon(flood, peer.stream)
            with trio.fail_after(20):
                while process.poll() is None:
                    process.send_signal(number)
                    await trio.sleep(0.05)

    trio.run(run)

    assert screen.modes == screen.modes_before


def test_m16_every_line_on_the_screen_before_a_sigkill_is_on_disk(screen: Any, tmp_path: Path, make_peer: Any) -> None:
    environment = {**os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path)}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}

    async def type_and_kill(last: int) -> int:
        async with make_peer() as peer, trio.open_nursery() as nursery:
            command = partial(trio.run_process, [*JOIN, str(peer.port)], cwd=ROOT, env=environment, check=False)
            process = await nursery.start(partial(command, **streams))
            await peer.welcome()  # and nothing more: the server stands still
            await screen.shows("*** you are [1.2.3.4:5] in #lobby ***", AT_PROMPT)
            for number in range(1, last + 1):
                screen.type(f"line {number}\r")
                await screen.receives(f"[1.2.3.4:5]> line {number}".encode())
            process.kill()
            return int(peer.port)

    port = trio.run(type_and_kill, 20)

    with open_outbox(str(TcpAddress("127.0.0.1", port)), folder=tmp_path / "trio-chat" / "outbox") as outbox:
        assert [message.text for message in outbox.pending] == [f"line {number}" for number in range(1, 21)]


async def _kill(process: trio.Process) -> None:
    """End a program at once: on a busy machine an orderly end takes longer than Trio waits without a warning."""
    process.kill()


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_person_at_any_terminal_comes_in_without_the_nick_that_was_wished_for(
    screen: Any, tmp_path: Path, make_peer: Any, term: str
) -> None:
    environment = {**os.environ, "TERM": term, "XDG_STATE_HOME": str(tmp_path)}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}

    async def hello() -> dict[str, Any]:
        async with make_peer() as peer, trio.open_nursery() as nursery:
            command = [*JOIN, str(peer.port), "--nick", "alice"]
            run = partial(trio.run_process, cwd=ROOT, env=environment, check=False, deliver_cancel=_kill, **streams)
            nursery.start_soon(run, command)
            said: dict[str, Any] = await peer.welcome()
            nursery.cancel_scope.cancel()
            return said

    assert trio.run(hello).get("needs_nick", False) is False


@pytest.mark.parametrize(("user", "nick"), [("alice", "alice"), ("root", ""), ("a b", ""), ("", "")])
def test_the_name_of_the_user_is_the_default_nick_at_a_terminal(
    screen: Any, tmp_path: Path, make_peer: Any, user: str, nick: str
) -> None:
    environment = {**os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path), "USER": user}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}

    async def hello() -> dict[str, Any]:
        async with make_peer() as peer, trio.open_nursery() as nursery:
            run = partial(trio.run_process, cwd=ROOT, env=environment, check=False, deliver_cancel=_kill, **streams)
            nursery.start_soon(run, [*JOIN, str(peer.port)])
            said: dict[str, Any] = await peer.welcome()
            nursery.cancel_scope.cancel()
            return said

    assert trio.run(hello).get("nick", "") == nick


def test_a_password_is_asked_for_at_a_terminal_without_showing_it_until_it_is_right(
    screen: Any, tmp_path: Path, make_peer: Any
) -> None:
    environment = {**os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path)}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}

    async def refuse(peer: Any) -> str:
        await peer.accept()
        given: str = (await peer.frame()).get("password", "")
        await peer.send(type="error", code="password", text="no")
        await peer.stream.aclose()
        return given

    async def run() -> None:
        async with make_peer() as peer, trio.open_nursery() as nursery:
            nursery.start_soon(partial(trio.run_process, [*JOIN, str(peer.port)], cwd=ROOT, env=environment, **streams))
            assert await refuse(peer) == ""
            await screen.shows(f"trio-chat: 127.0.0.1 port {peer.port} asks for a password", "password:")
            screen.type("wrong\n")
            assert await refuse(peer) == "wrong"
            await screen.shows("trio-chat: wrong password", "password:")
            screen.type("r\u00e4tsel\n")
            assert (await peer.welcome())["password"] == "r\u00e4tsel"
            await peer.receive()
            await screen.shows(AT_PROMPT)
            screen.type("\x04")
            await peer.part()

    trio.run(run)

    assert b"wrong\r" not in screen.received
    assert b"tsel" not in screen.received
    assert screen.modes == screen.modes_before


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_a_person_who_gives_no_password_leaves_with_a_terminal_that_echoes(
    screen: Any, tmp_path: Path, make_peer: Any, key: str
) -> None:
    environment = {**os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path)}
    streams = {"stdin": screen.stdin, "stdout": screen.stdout, "stderr": screen.stdout}

    async def run() -> int:
        async with make_peer() as peer, trio.open_nursery() as nursery:
            command = partial(trio.run_process, [*JOIN, str(peer.port)], cwd=ROOT, env=environment, check=False)
            process: subprocess.Popen[bytes] = await nursery.start(partial(command, **streams))
            await peer.accept()
            await peer.frame()
            await peer.send(type="error", code="password", text="no")
            await screen.shows("password:")
            if key == "\x03":
                process.send_signal(signal.SIGINT)  # it is not the terminal of its session, which would send it
            else:
                screen.type(key)
            return await process.wait()

    assert trio.run(run) == (130 if key == "\x03" else 1)
    assert screen.modes == screen.modes_before


async def test_a_pipe_is_told_where_a_password_goes(peer: Any, tmp_path: Path, nursery: trio.Nursery) -> None:
    async def refuse() -> None:
        await peer.accept()
        await peer.frame()
        await peer.send(type="error", code="password", text="no")

    nursery.start_soon(refuse)
    done = await run_program(peer.port, tmp_path, b"hello\n")

    assert done.returncode == 1
    assert b"--password-file FILE" in done.stderr
    assert b"TRIO_CHAT_PASSWORD" in done.stderr


async def run_program(port: int, folder: Path, text: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Pipe text into the program until it ends."""
    environment = {**os.environ, "XDG_STATE_HOME": str(folder)}
    streams = {"stdin": text, "capture_stdout": True, "capture_stderr": True}
    command = [*JOIN, str(port), *options]
    with trio.fail_after(PATIENCE_S):
        return await trio.run_process(command, cwd=ROOT, env=environment, check=False, **streams)


async def test_lines_piped_while_the_server_is_away_are_kept_and_sent_by_the_next_pipe(
    peer: Any, tmp_path: Path, nursery: trio.Nursery
) -> None:
    with socket.socket() as nobody:  # bound, and not listening
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        done = await run_program(port, tmp_path, b"one\n/two\n", "--wait", "0")

    assert done.returncode == 1
    assert b"2 lines not sent: kept for when you join again\n" in done.stderr
    async with open_peer(port) as back:
        nursery.start_soon(run_program, port, tmp_path, b"three\n")
        await back.welcome()
        assert [await back.keep(number) for number in range(3)] == ["one", "/two", "three"]
        await back.part()


async def test_a_pipe_started_before_its_server_says_everything_once_that_is_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "said").write_text("early\n")
    with socket.socket() as nobody, open(tmp_path / "said") as said:  # noqa: ASYNC230  # given to the program
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
        program = await trio.lowlevel.open_process(
            [*JOIN, str(port), "--wait", "1m"], stdin=said, stderr=subprocess.PIPE, cwd=ROOT, env=environment
        )
        errors = b""
        while b"trying again" not in errors:
            errors += await program.stderr.receive_some() or pytest.fail("it has ended")
    async with open_peer(port) as peer:
        await peer.welcome()
        assert await peer.keep(1) == "early"
        await peer.part()
        with trio.fail_after(PATIENCE_S):
            assert await program.wait() == 0


async def test_a_pipe_with_nothing_to_say_does_not_wait_for_a_server(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        done = await run_program(nobody.getsockname()[1], tmp_path, b"", "--wait", "1h")

    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


async def test_the_program_on_a_pipe_says_its_input_and_exits_with_0(peer: Any, tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    command = [*JOIN, str(peer.port)]
    run = partial(trio.run_process, command, cwd=ROOT, env=environment, stdin=b"hello\n", capture_stdout=True)
    done: list[subprocess.CompletedProcess[bytes]] = []

    async def start() -> None:
        done.append(await run())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(start)
        await peer.welcome()
        await peer.tell(1, "hi")
        assert await peer.keep(2) == "hello"
        await peer.part()

    assert done[0].returncode == 0
    assert done[0].stdout == f"[a]> hi\n{GOODBYE}\n".encode()


async def test_closed_standard_streams_do_not_end_up_as_the_connection(peer: Any, tmp_path: Path) -> None:
    command = f"XDG_STATE_HOME={tmp_path} {sys.executable} -m trio_chat join 127.0.0.1 {peer.port} <&- >&- 2>&-"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(trio.run_process, command, shell=True, cwd=ROOT))
        await peer.welcome()
        await peer.tell(1, "hi")
        await peer.part()
