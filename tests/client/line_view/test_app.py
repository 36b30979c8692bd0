import math
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.client.conftest import open_peer
from tests.client.line_view.conftest import AT_PROMPT, a_transcript
from tests.conftest import PATIENCE_S
from trio_chat.client.conversation.app import CONNECT_NOTICE_S, GOODBYE
from trio_chat.client.conversation.conversation import BACKFILL_TIMEOUT_S, LEAVE_NOTICE_S, LEAVE_TIMEOUT_S
from trio_chat.client.join import join
from trio_chat.client.line_view.app import LineView
from trio_chat.client.line_view.line_display import BELL_INTERVAL_S
from trio_chat.client.line_view.pipe import Pipe
from trio_chat.client.link.address import LinkError, TcpAddress
from trio_chat.client.link.backoff import MIN_DELAY_S
from trio_chat.client.link.events import Message, lines_of
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.outbox import PENDING_MAX, Outbox, open_outbox
from trio_chat.client.options import PLAIN, ViewOptions
from trio_chat.wire.frames import Say, Tell

ROOT = Path(__file__).parents[3]
JOIN = (sys.executable, "-m", "trio_chat", "join", "127.0.0.1")


class Filter:
    """A line view on pipes, joined to the peer of the test."""

    def __init__(self, peer: Any, nursery: trio.Nursery, folder: Path) -> None:
        self._peer = peer
        self._nursery = nursery
        self._folder = folder
        self._stdin, self._stdin_write = os.pipe()
        self._stdout_read, self._stdout = os.pipe()
        self.done = trio.Event()
        self._status: int | None = None

    def begin(self, *, runs_commands: bool = False, **identity: Any) -> None:
        """Join, and do not wait for the welcome."""
        self._nursery.start_soon(self._join, Identity(**identity), ViewOptions(runs_commands=runs_commands))

    async def start(self, **wanted: Any) -> dict[str, Any]:
        """Join. -> the hello"""
        self.begin(**wanted)
        hello: dict[str, Any] = await self._peer.welcome()
        return hello

    async def start_in_person(self, options: ViewOptions) -> None:
        """Join as a person."""
        self._nursery.start_soon(partial(self._join, Identity(), options, has_person=True))
        await self._peer.welcome()

    async def _join(self, identity: Identity, options: ViewOptions = PLAIN, *, has_person: bool = False) -> None:
        pipe = Pipe(self._stdin, self._stdout)
        pipe.has_person = has_person
        with open_outbox("test", folder=self._folder) as outbox:
            view = LineView(a_transcript(), TcpAddress("localhost", self._peer.port), identity, outbox, options=options)
            self._status = await view.run(lambda: nullcontext(pipe))
        self.done.set()

    def feed(self, text: str) -> None:
        os.write(self._stdin_write, text.encode())

    def feed_last(self, text: str) -> None:
        self.feed(text)
        os.close(self._stdin_write)
        self._stdin_write = -1

    def use(self, nursery: trio.Nursery) -> None:
        """Let another nursery have what it raises."""
        self._nursery = nursery

    def close_output(self) -> None:
        """Close the end of its output that is read, as `head` does."""
        os.close(self._stdout_read)
        self._stdout_read = -1

    async def status(self) -> int | None:
        with trio.fail_after(20):
            await self.done.wait()
        return self._status

    def output(self) -> str:
        os.set_blocking(self._stdout_read, False)
        return os.read(self._stdout_read, 65536).decode()

    async def next_output(self) -> str:
        await trio.lowlevel.wait_readable(self._stdout_read)
        return self.output()

    def close(self) -> None:
        for fd in (self._stdin, self._stdin_write, self._stdout_read, self._stdout):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
async def filter_(peer: Any, nursery: trio.Nursery, tmp_path: Path) -> AsyncIterator[Filter]:
    filter_ = Filter(peer, nursery, tmp_path)
    yield filter_
    filter_.close()


async def test_a_filter_sends_its_input_and_prints_received_lines(filter_: Filter, peer: Any) -> None:
    await filter_.start()
    filter_.feed_last("hello @smile\nlast words")

    await peer.tell(1, "bye @smile")
    assert [await peer.keep(2), await peer.keep(3)] == ["hello @smile", "last words"]
    await peer.part()
    assert await filter_.status() == 0
    assert filter_.output() == f"[a]> bye 🙂\n{GOODBYE}\n"


async def test_hello_has_nick_rooms_and_password_and_lines_go_to_the_room(filter_: Filter, peer: Any) -> None:
    hello = await filter_.start(nick="bob", rooms=("#Kitchen",), password="open sesame")
    filter_.feed_last("hello\n")

    said = await peer.frame()

    assert (hello["nick"], hello["rooms"], hello["password"]) == ("bob", ["kitchen"], "open sesame")
    assert said["room"] == "kitchen"


async def test_a_filter_waits_for_the_server_to_have_kept_its_lines(filter_: Filter, peer: Any) -> None:
    await filter_.start()
    filter_.feed_last("hello\n")

    said = await peer.frame()
    await peer.tell(1, "not yours")
    await peer.tell(2, "hello", key=said["key"])
    await peer.part()

    assert await filter_.status() == 0


async def test_a_filter_says_nothing_under_another_name_than_it_asks_for(
    filter_: Filter, peer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    await filter_.start(runs_commands=True)
    filter_.feed_last("hello\n/nick bob\nI am bob\nreally\n")
    assert await peer.keep(1) == "hello"

    nick = await peer.frame()
    await peer.send(type="error", code="nick-taken", text="the nick bob is taken", key=nick["key"])

    await peer.part()
    assert await filter_.status() == 1
    assert capsys.readouterr().err == "trio-chat: the nick bob is taken: nothing after that was sent\n"


async def test_a_filter_that_has_the_name_it_asks_for_goes_on_under_it(filter_: Filter, peer: Any) -> None:
    await filter_.start(runs_commands=True)
    filter_.feed_last("/nick bob\nI am bob\n")

    nick = await peer.frame()
    await peer.send(type="done", key=nick["key"])

    assert (nick["nick"], await peer.keep(1)) == ("bob", "I am bob")
    await peer.part()
    assert await filter_.status() == 0


async def test_a_filter_whose_connection_breaks_while_it_asks_for_a_name_goes_on(filter_: Filter, peer: Any) -> None:
    await filter_.start(runs_commands=True)
    filter_.feed_last("/nick bob\nI am bob\n")
    await peer.frame()

    await peer.stream.aclose()

    assert (await peer.welcome())["nick"] == "bob"
    assert await peer.keep(1) == "I am bob"


async def test_a_line_that_the_server_refuses_is_a_failure_with_its_reason(
    filter_: Filter, peer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    await filter_.start()
    filter_.feed_last("hello\n")

    said = await peer.frame()
    await peer.send(type="error", code="empty", text="nothing readable is left of that", key=said["key"])
    await peer.part()

    assert await filter_.status() == 1
    assert capsys.readouterr().err == "trio-chat: not sent: nothing readable is left of that: hello\n"


async def test_a_connection_that_breaks_is_made_again_and_the_line_is_sent(
    filter_: Filter, peer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    first = await filter_.start()
    filter_.feed_last("hello\n")
    said = await peer.frame()
    peer.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await peer.stream.aclose()

    again = await peer.welcome()
    said_again = await peer.frame()
    await peer.send(type="entry", id=1, room="lobby", kind="said", time=0, author="me", text="hello", key=said["key"])
    await peer.part()

    assert again["session"] == first["session"]
    assert said_again == said
    assert await filter_.status() == 0
    err = capsys.readouterr().err
    assert "trio-chat: the connection broke: connection reset by peer; trying again\n" in err
    assert "trio-chat: 1 line sent\n" in err


async def test_a_filter_does_not_try_for_ever_and_reports_its_kept_lines(
    filter_: Filter, peer: Any, capsys: pytest.CaptureFixture[str], mock_clock: trio.testing.MockClock
) -> None:
    await filter_.start()
    filter_.feed_last("hello\n")
    await peer.frame()
    await peer.aclose()
    await trio.testing.wait_all_tasks_blocked()

    while not filter_.done.is_set():
        mock_clock.jump(PLAIN.wait_s)
        await trio.testing.wait_all_tasks_blocked()

    assert await filter_.status() == 1
    assert "1 line not sent: kept for when you join again\n" in capsys.readouterr().err


@pytest.mark.parametrize("farewell", ["quit()", "quit() ", "/quit", "/QUIT now"])
async def test_lines_piped_after_a_farewell_are_not_sent_and_count_as_failed(
    filter_: Filter, peer: Any, farewell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await filter_.start(runs_commands=True)
    filter_.feed(f"one\n{farewell}\ntwo\n")

    assert await peer.keep(1) == "one"
    await peer.part()
    assert await filter_.status() == 1
    assert capsys.readouterr().err == "trio-chat: 1 line not sent, and lost\n"


TEXTS = ("quit()", "/quit", "/nick bob", "/dev/sda1 20G", "//nas/share", "/me waves", "/join dev", "  indented", "a\tb")


async def test_every_line_of_a_pipe_is_text(filter_: Filter, peer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    await filter_.start()
    filter_.feed_last("\n".join(TEXTS))

    said = [await peer.keep(number) for number in range(len(TEXTS))]

    assert said == [text.expandtabs() for text in TEXTS]
    await peer.part()
    assert await filter_.status() == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("blank", ["\n", "\r\n", " \t\n", "\u200b\n"])
async def test_a_blank_line_of_a_pipe_is_nothing_to_say(
    filter_: Filter, peer: Any, capsys: pytest.CaptureFixture[str], blank: str
) -> None:
    await filter_.start()
    filter_.feed_last(f"one\n{blank}two\n{blank}")

    assert [await peer.keep(1), await peer.keep(2)] == ["one", "two"]
    await peer.part()
    assert await filter_.status() == 0
    assert capsys.readouterr().err == ""


async def test_the_catalogue_is_shown_here_and_other_commands_become_frames(filter_: Filter, peer: Any) -> None:
    await filter_.start(runs_commands=True)
    filter_.feed_last("/stickers\n/who\n//quit\nsay quit()\n")

    who = await peer.frame()
    await peer.send(type="members", room="lobby", count=2, labels=["b", "1.2.3.4:5"], key=who["key"])
    assert [await peer.keep(1), await peer.keep(2)] == ["/quit", "say quit()"]
    await peer.part()
    await filter_.status()
    assert filter_.output() == f"@smile 🙂\n*** 2 in #lobby: [b], [1.2.3.4:5] (you) ***\n{GOODBYE}\n"


async def test_lines_after_a_change_of_rooms_are_said_in_the_new_one(filter_: Filter, peer: Any) -> None:
    await filter_.start(runs_commands=True)
    filter_.feed_last("one\n/join Kitchen\ntwo\n/leave\nthree\n")

    sent = [await peer.frame() for _ in range(5)]

    assert [(frame["type"], frame["room"]) for frame in sent] == [
        ("say", "lobby"),
        ("join", "Kitchen"),
        ("say", "kitchen"),
        ("leave", "kitchen"),
        ("say", "lobby"),
    ]


async def test_a_line_that_could_not_be_said_shows_in_the_status(filter_: Filter, peer: Any) -> None:
    await filter_.start()
    filter_.feed_last("x" * 5000 + "\nfine\n")

    assert await peer.keep(1) == "fine"
    await peer.part()
    assert await filter_.status() == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_leaves_in_order(filter_: Filter, peer: Any, number: int) -> None:
    await filter_.start()
    await peer.tell(1, "here")
    await trio.testing.wait_all_tasks_blocked()

    signal.raise_signal(number)

    await peer.part()
    assert await filter_.status() == 0
    assert filter_.output() == f"[a]> here\n{GOODBYE}\n"


async def test_sighup_is_never_a_second_signal(filter_: Filter, peer: Any) -> None:
    await filter_.start()
    await trio.testing.wait_all_tasks_blocked()

    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)

    await peer.part()
    assert await filter_.status() == 0


async def test_sigterm_with_sighup_is_no_second_signal(filter_: Filter, peer: Any) -> None:
    await filter_.start()
    filter_.feed("hello\n")
    said = await peer.frame()
    for number in (signal.SIGTERM, signal.SIGHUP):  # they are handled in the order of their numbers
        signal.raise_signal(number)
    await trio.testing.wait_all_tasks_blocked()
    await peer.tell(1, said["text"], key=said["key"], author="me", room=said["room"])
    await peer.part()

    assert await filter_.status() == 0


async def test_a_filter_that_nobody_reads_leaves_in_order(filter_: Filter, peer: Any) -> None:
    with pytest.RaisesGroup(BrokenPipeError, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            filter_.use(nursery)
            await filter_.start()
            filter_.close_output()

            await peer.tell(1, "here")
            await peer.part()


async def test_leaving_does_not_wait_long_for_a_silent_server(
    filter_: Filter, peer: Any, mock_clock: trio.testing.MockClock
) -> None:
    await filter_.start()
    await trio.testing.wait_all_tasks_blocked()
    signal.raise_signal(signal.SIGINT)
    await peer.frame()
    await trio.testing.wait_all_tasks_blocked()

    mock_clock.jump(LEAVE_TIMEOUT_S)

    assert await filter_.status() == 0


async def test_a_second_signal_does_not_wait_at_all(
    filter_: Filter, peer: Any, mock_clock: trio.testing.MockClock
) -> None:
    await filter_.start()
    await trio.testing.wait_all_tasks_blocked()
    signal.raise_signal(signal.SIGINT)
    await peer.frame()

    signal.raise_signal(signal.SIGINT)
    await filter_.done.wait()

    assert filter_.output() == f"{GOODBYE}\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_before_the_welcome_leaves(filter_: Filter, peer: Any, number: int) -> None:
    """The server may have let us in already, and would keep our place for a minute."""
    filter_.begin()
    await peer.accept()
    assert (await peer.frame())["type"] == "hello"

    signal.raise_signal(number)

    await peer.part()
    assert await filter_.status() == 128 + signal.SIGINT


async def test_a_second_signal_leaves_though_a_line_is_not_kept_yet(filter_: Filter, peer: Any) -> None:
    await filter_.start()
    filter_.feed("hello\n")
    assert (await peer.frame())["text"] == "hello"
    signal.raise_signal(signal.SIGTERM)
    await trio.testing.wait_all_tasks_blocked()

    signal.raise_signal(signal.SIGTERM)

    await peer.part()
    assert await filter_.status() == 128 + signal.SIGINT


async def test_a_signal_while_connecting_ends_at_once(nursery: trio.Nursery, tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        socket.socket() as first,
        open_outbox("test", folder=tmp_path) as outbox,
    ):
        first.connect(server.getsockname())
        statuses = []

        async def visit() -> None:
            surface = nullcontext(Pipe(0, 1))
            view = LineView(a_transcript(), TcpAddress(*server.getsockname()), Identity(), outbox)
            statuses.append(await view.run(lambda: surface))

        nursery.start_soon(visit)
        await trio.testing.wait_all_tasks_blocked()
        signal.raise_signal(signal.SIGINT)
        await trio.testing.wait_all_tasks_blocked()

    assert statuses == [130]


def test_a_server_that_cannot_be_reached_is_one_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert join(TcpAddress("127.0.0.1", port), Identity(), folder=tmp_path) == 1
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(f"trio-chat: cannot reach 127.0.0.1 port {port}: the connection was refused")


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        (b"*** [1.2.3.4:5] joined the chat ***\n", "the server does not speak frames, it may be too old"),
        (b"*** you are banned: flooding ***\n", "the server refuses: you are banned: flooding"),
        (
            b"SSH-2.0-OpenSSH_9.2p1\r\n",
            "this is no trio-chat server: it says 'SSH-2.0-OpenSSH_9.2p1'; is the port right?",
        ),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "this is no trio-chat server: it says 'HTTP/1.1 400 Bad Request'"),
        (b"\x15\x03\x01\x00\x02\x02\x16", "the server speaks TLS only: join with --tls"),
        (b"\x1b[31m\x00" * 5000, "this is no trio-chat server"),
        (b"", "closed the connection without a word; is that the port of a trio-chat server?"),
    ],
)
async def test_a_server_that_speaks_in_words_or_not_at_all_is_one_line(
    peer: Any, tmp_path: Path, greeting: bytes, reason: str
) -> None:
    async def answer() -> None:
        await peer.accept()
        await peer.frame()
        await peer.stream.send_all(greeting)
        await peer.stream.send_eof()

    with open_outbox("test", folder=tmp_path) as outbox:
        view = LineView(a_transcript(), TcpAddress("127.0.0.1", peer.port), Identity(), outbox)
        with pytest.RaisesGroup(pytest.RaisesExc(Exception, match=re.escape(reason)), flatten_subgroups=True):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(answer)
                await view.run(lambda: nullcontext(Pipe(0, 1)))


async def test_one_who_waits_for_a_server_of_another_kind_is_told_soon_what_for(
    peer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], autojump_clock: trio.testing.MockClock
) -> None:
    async def wait_for_more_than_a_line() -> None:
        await peer.accept()
        await trio.sleep(CONNECT_NOTICE_S)
        await trio.testing.wait_all_tasks_blocked()

        assert capsys.readouterr().err == (
            f"trio-chat: no answer from 127.0.0.1 port {peer.port} yet; is that the port of a trio-chat server?\n"
        )
        await peer.stream.send_eof()

    with open_outbox("test", folder=tmp_path) as outbox:
        view = LineView(a_transcript(), TcpAddress("127.0.0.1", peer.port), Identity(), outbox)
        with pytest.RaisesGroup(LinkError, flatten_subgroups=True):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait_for_more_than_a_line)
                await view.run(lambda: nullcontext(Pipe(0, 1)))


class SlowTerminal:
    """A terminal that, by the test's clock, takes LEAVE_TIMEOUT_S for each thing it prints."""

    has_prompt = has_person = is_typed = True
    has_colours = False
    draft = ""
    columns: int | None = None
    refused = 0
    last_key_at = math.inf

    def __init__(self, clock: trio.testing.MockClock) -> None:
        self._clock = clock
        self._typed: list[str] = []
        self._has_typed = trio.Event()
        self.stopped = trio.Event()
        self.printed = ""

    def type(self, *lines: str) -> None:
        self._typed += lines
        self._has_typed.set()

    async def __anext__(self) -> list[str]:
        await self._has_typed.wait()
        if not self._typed:
            raise StopAsyncIteration
        lines, self._typed = self._typed, []
        self._has_typed = self._has_typed if self.stopped.is_set() else trio.Event()
        return lines

    async def print(self, text: str) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        self.printed += text
        self._clock.jump(LEAVE_TIMEOUT_S)
        await trio.lowlevel.cancel_shielded_checkpoint()

    def refresh(self) -> None:
        pass

    def restore(self, draft: str, _room: str, /) -> None:
        pass

    async def ask(self, text: str) -> str:
        await self.stopped.wait()
        return ""

    def stop(self) -> None:
        self.stopped.set()
        self._has_typed.set()


async def leave_slowly(peer: Any, folder: Path, clock: trio.testing.MockClock, *lines: str) -> str:
    """Type lines at a slow terminal and leave at once. The server says no more than a welcome. -> what was printed"""
    terminal = SlowTerminal(clock)
    with open_outbox("test", folder=folder) as outbox:
        view = LineView(a_transcript(), TcpAddress("127.0.0.1", peer.port), Identity(), outbox)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(view.run, lambda: nullcontext(terminal))
            await peer.welcome()
            await trio.testing.wait_all_tasks_blocked()
            terminal.type(*lines)
            terminal.stop()
            await trio.testing.wait_all_tasks_blocked()
            clock.jump(LEAVE_TIMEOUT_S)
            await peer.part_at_last()
    return terminal.printed


async def test_typed_lines_are_kept_even_without_time_to_report_their_fate(
    peer: Any, tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    typed = [f"line {number // 2}" if number % 2 else "/bogus" for number in range(20)]

    printed = await leave_slowly(peer, tmp_path, mock_clock, *typed)

    assert _kept(tmp_path) == typed[1::2]
    assert printed.endswith(f"\n*** 10 lines not sent: kept for when you join again ***\n{GOODBYE}\n")


async def test_unkept_messages_are_counted_even_without_time_to_report_each(
    peer: Any, tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    typed = [str(number) for number in range(PENDING_MAX + 300)]

    printed = await leave_slowly(peer, tmp_path, mock_clock, *typed)

    told = re.findall(r"not sent: too many lines are waiting already: (\d+) ", printed)
    lost = re.search(r"(\d+) lines not sent, and lost", printed)
    assert _kept(tmp_path) + told == typed[: PENDING_MAX + len(told)]
    assert lost
    assert int(lost[1]) == 300 - len(told) > 0


# On a terminal


def test_a_line_is_sent_as_typed_and_shown_with_its_stickers(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("hello @smile\r")
        assert await peer.keep(1) == "hello @smile"
        await peer.tell(2, "@smile back")
        await screen.shows("[me]> hello 🙂", "[a]> 🙂 back", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


@pytest.mark.parametrize(
    ("keys", "last"), [("quit()\r", "> quit()"), ("/quit\r", "> /quit"), ("\x03", ""), ("\x04", "")]
)
def test_leaving_says_so_and_is_no_failure(play: Any, screen: Any, keys: str, last: str) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type(keys)
        await peer.part()

    assert play(scene) == 0
    trio.run(partial(screen.shows, *filter(None, (last, GOODBYE))))


def test_lines_typed_without_a_connection_wait_and_are_sent_later(play: Any) -> None:
    stopped_clock = trio.testing.MockClock()

    async def scene(peer: Any, screen: Any) -> None:
        await peer.stream.aclose()
        await screen.shows("*** the server closed the connection; trying again ***", AT_PROMPT)
        screen.type("hello\r")
        await screen.shows("*** not connected: 1 line will be sent later ***", "[1.2.3.4:5]> hello", AT_PROMPT)
        stopped_clock.jump(2 * MIN_DELAY_S)
        await peer.welcome()
        assert await peer.keep(1) == "hello"
        await screen.shows("*** connected again ***", "*** 1 line sent ***", "[me]> hello", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene, clock=stopped_clock) == 0


def test_a_leaving_person_is_told_what_waits_and_it_is_sent_next_time(play: Any, screen: Any) -> None:
    async def leave(peer: Any, screen: Any) -> None:
        await peer.aclose()
        await screen.shows("*** the server closed the connection; trying again ***", AT_PROMPT)
        screen.type("hello\r")
        await screen.shows("*** not connected: 1 line will be sent later ***", "[1.2.3.4:5]> hello", AT_PROMPT)
        screen.type("\x04")

    async def come_back(peer: Any, screen: Any) -> None:
        assert await peer.keep(1) == "hello"
        await screen.shows("*** 1 line sent ***", "[me]> hello", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(leave) == 0
    trio.run(partial(screen.shows, "*** 1 line not sent: kept for when you join again ***", GOODBYE))
    assert play(come_back, "[1.2.3.4:5]> hello") == 0


def test_a_message_is_shown_as_waiting_until_the_server_has_kept_it(play: Any, screen: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("hello\r")
        await screen.shows("[1.2.3.4:5]> hello", AT_PROMPT)
        assert b"\x1b[0;2m[1.2.3.4:5]> hello" in screen.received
        screen.type("next")
        await screen.shows("[1.2.3.4:5]> hello", f"{AT_PROMPT} next")
        assert await peer.keep(1) == "hello"
        await screen.shows("[me]> hello", f"{AT_PROMPT} next")
        assert not any("1.2.3.4:5]> hello" in line for line in screen.lines)
        screen.type("\x15\x04")
        await peer.part()

    assert play(scene) == 0


def test_m16_a_message_is_not_shown_as_said_before_it_is_on_disk(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write, is_writing, can_write = Outbox.add, trio.Event(), trio.Event()

    async def write_slowly(outbox: Outbox, messages: Iterable[Message]) -> None:
        is_writing.set()
        await can_write.wait()
        await write(outbox, messages)

    monkeypatch.setattr(Outbox, "add", write_slowly)

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("hello\r")
        await is_writing.wait()
        screen.type("next")
        try:
            await screen.shows("*** you are [1.2.3.4:5] in #lobby ***", f"{AT_PROMPT} next")
        finally:
            can_write.set()
        await screen.shows("[1.2.3.4:5]> hello", f"{AT_PROMPT} next")
        assert await peer.keep(1) == "hello"
        screen.type("\x15\x04")
        await peer.part()

    assert play(scene) == 0


def test_a_refused_long_line_is_in_the_editor_again(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("x" * 100 + "\r")
        refused = await peer.frame()
        await peer.send(type="error", code="no", text="no", key=refused["key"])
        await screen.shows("x" * 18 + "... ***", AT_PROMPT + " " + "x" * 40, "x" * 60)
        screen.type("\x15\x04")
        await peer.part()

    assert play(scene) == 0


def _leave_behind(folder: Path, *lines: str) -> None:
    with open_outbox("test", folder=folder) as outbox:
        messages = [Say(room="lobby", text=line, key=line) for line in lines]
        trio.run(outbox.add, messages)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("n\r", ["*** 4 lines not sent: taken back ***", AT_PROMPT]),
        ("e\r", [f"{AT_PROMPT} one", "| two", "| three", "| four"]),
        ("\x03", ["*** 4 lines kept for when you join again: /cancel drops them", "    ***", AT_PROMPT]),
    ],
)
def test_many_lines_from_last_time_are_sent_only_by_a_yes(
    play: Any, tmp_path: Path, key: str, shown: list[str]
) -> None:
    _leave_behind(tmp_path, "one", "two", "three", "four")

    async def scene(peer: Any, screen: Any) -> None:
        screen.type(key)
        await screen.shows(*shown)
        screen.type("\x15end\r")
        assert await peer.keep(1) == "end"
        screen.type("\x04")
        await peer.part()

    question = "send 4 lines from last time? y/n/e (e: edit), then Enter:"
    assert play(scene, at_prompt=question) == 0
    assert _kept(tmp_path) == (["one", "two", "three", "four"] if key == "\x03" else [])


def test_many_lines_from_last_time_are_sent_after_a_yes(play: Any, tmp_path: Path) -> None:
    _leave_behind(tmp_path, "one", "two", "three", "four")

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("y\r")
        assert [await peer.keep(number) for number in range(1, 5)] == ["one", "two", "three", "four"]
        screen.type("\x04")
        await peer.part()

    assert play(scene, at_prompt="send 4 lines from last time? y/n/e (e: edit), then Enter:") == 0


def test_messages_to_different_people_and_rooms_are_edited_one_draft_after_the_other(play: Any, tmp_path: Path) -> None:
    waiting = [Say(room="lobby", text=text, key=text) for text in ("a", "/b", "c")]
    with open_outbox("test", folder=tmp_path) as outbox:
        last = (Say(room="dev", text="/e", key="e"), Say(room="ops", text="f", key="f"))
        trio.run(outbox.add, [*waiting, Tell(to="bob", text="d", key="d"), *last])

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("e\r")
        await screen.shows(
            "*** 3 lines not sent: taken back ***",
            "*** draft 1 of 4: the next one comes when this is sent ***",
            *(f"{AT_PROMPT} a", "| /b", "| c"),
        )
        screen.type("\r")
        assert [await peer.keep(number) for number in (1, 2, 3)] == ["a", "/b", "c"]
        await screen.shows(f"{AT_PROMPT} /msg bob d")
        screen.type("\r")
        told = await peer.frame()
        assert (told["type"], told["to"], told["text"]) == ("tell", "bob", "d")
        await screen.shows("[1.2.3.4:5] #dev> //e")
        screen.type("\r")
        said = await peer.frame()
        assert (said["room"], said["text"]) == ("dev", "/e")
        await screen.shows("[1.2.3.4:5] #ops> f")
        screen.type("\x15\x04")
        for number, frame in ((4, told), (5, said)):
            await peer.tell(number, frame["text"], key=frame["key"], author="me")
        await peer.part()

    assert play(scene, at_prompt="send 6 lines from last time? y/n/e (e: edit), then Enter:") == 0
    assert _kept(tmp_path) == []


def test_a_draft_that_was_not_put_into_the_line_stays_for_next_time(play: Any, tmp_path: Path) -> None:
    with open_outbox("test", folder=tmp_path) as outbox:
        trio.run(outbox.add, [Say(room=room, text=f"in {room}", key=room, lines=[]) for room in ("a", "b", "c", "d")])

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("e\r")
        await screen.shows("[1.2.3.4:5] #a> in a")
        screen.type("\x15\x04")
        await peer.part()

    assert play(scene, at_prompt="send 4 lines from last time? y/n/e (e: edit), then Enter:") == 0
    assert _kept(tmp_path) == ["in b", "in c", "in d"]


def test_only_the_keys_of_a_question_answer_it_and_ctrl_c_drops_nothing_that_is_kept(play: Any, tmp_path: Path) -> None:
    _leave_behind(tmp_path, "a", "b", "c", "d")

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("x\r")
        screen.type("\x03")
        kept = "*** 4 lines kept for when you join again: /cancel drops them"
        refused = "*** no answer: type y, n or e, then Enter; what you typed is"
        await screen.shows_when(lambda rows: {kept, refused} <= set(rows) and rows[-1] == f"{AT_PROMPT} x")
        screen.type("\x03")
        await screen.shows_when(lambda rows: rows[-1] == AT_PROMPT)
        screen.type("\x03")
        await peer.part()

    assert play(scene, at_prompt="send 4 lines from last time? y/n/e (e: edit), then Enter:") == 0
    assert _kept(tmp_path) == ["a", "b", "c", "d"]


def test_lines_typed_one_by_one_without_a_connection_are_no_paste(play: Any, tmp_path: Path) -> None:
    """Ctrl-C leaves then, and they are kept; a paste among them is taken back first."""

    async def scene(peer: Any, screen: Any) -> None:
        await peer.aclose()
        await screen.shows("*** the server closed the connection; trying again ***", AT_PROMPT)
        for line in "abcd":
            screen.type(f"{line}\r")
            await screen.shows(f"[1.2.3.4:5]> {line}", AT_PROMPT)
        screen.type("\x1b[200~e\nf\x1b[201~\r")
        await screen.shows("[1.2.3.4:5]> f", AT_PROMPT)
        screen.type("\x03")
        await screen.shows("[1.2.3.4:5]> d", AT_PROMPT)
        screen.type("\x03")

    assert play(scene) == 0
    assert _kept(tmp_path) == ["a", "b", "c", "d"]


def test_a_paste_that_is_being_written_to_disk_can_be_stopped(
    play: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, is_writing, can_write = Outbox.add, trio.Event(), trio.Event()

    async def write_slowly(outbox: Outbox, messages: Iterable[Message]) -> None:
        await write(outbox, messages)
        is_writing.set()
        await can_write.wait()

    monkeypatch.setattr(Outbox, "add", write_slowly)

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("\x1b[200~one\ntwo\x1b[201~\r")
        await is_writing.wait()
        screen.type("\x1b[200~three\nfour\nfive\x1b[201~\r")
        screen.type("next")
        try:
            await screen.shows(f"{AT_PROMPT} next")
            screen.type("\x03")
            await screen.shows("*** 2 lines not sent: taken back ***", f"{AT_PROMPT} next")
        finally:
            can_write.set()
        screen.type("\r")
        assert await peer.keep(1) == "next"
        await screen.shows("[me]> next", AT_PROMPT)
        assert "*** 3 lines not sent: taken back ***" in screen.lines
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0
    assert _kept(tmp_path) == []


@pytest.mark.parametrize(("typed", "command"), [("quit", "/quit leaves"), ("Help", "/help lists the commands")])
def test_a_word_that_is_a_command_elsewhere_is_asked_about(play: Any, typed: str, command: str) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        question = f'say "{typed}" to #lobby? {command}. y/n/e (e: edit), then Enter:'
        screen.type(f"{typed}\r")
        await screen.shows(*wrapped(question))
        screen.type("n\r")
        await screen.shows(AT_PROMPT)
        screen.type(f"{typed}\r")
        await screen.shows(*wrapped(question))
        screen.type("y\r")
        assert await peer.keep(1) == typed
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def wrapped(line: str, columns: int = 60) -> list[str]:
    """The rows in which a terminal shows a line of the prompt."""
    return [line[start : start + columns].rstrip() for start in range(0, len(line), columns)]


def test_a_person_who_leaves_a_silent_server_is_told_what_the_client_waits_for(play: Any, screen: Any) -> None:
    stopped_clock = trio.testing.MockClock()

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("hello\r")
        await screen.shows("[1.2.3.4:5]> hello", AT_PROMPT)
        screen.type("\x04")
        while not stopped_clock.current_time() > LEAVE_NOTICE_S:
            await trio.testing.wait_all_tasks_blocked(0.01)
            stopped_clock.jump(LEAVE_NOTICE_S / 3)
        await screen.shows("*** waiting for the server to confirm 1 line; Ctrl-C leaves", "    at once ***")
        signal.raise_signal(signal.SIGINT)
        await peer.part_at_last()

    assert play(scene, clock=stopped_clock) == 128 + signal.SIGINT


def test_a_paste_that_is_being_sent_can_be_stopped(play: Any, tmp_path: Path) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("\x1b[200~" + "\n".join(f"line {number}" for number in range(120)) + "\x1b[201~\r")
        await screen.shows_when(lambda lines: any("send these 120 lines to #lobby?" in line for line in lines))
        screen.type("y\r")
        first = [await peer.frame() for _ in range(50)]
        screen.type("\x03")
        await screen.shows("[1.2.3.4:5]> line 49", AT_PROMPT)
        for number, said in enumerate(first, 1):
            await peer.tell(number, said["text"], key=said["key"], author="me")
        await screen.shows("[me]> line 49", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0
    assert _kept(tmp_path) == []


def _kept(folder: Path) -> list[str]:
    """Return the texts in the outbox of a client that has ended."""
    with open_outbox("test", folder=folder) as outbox:
        return [line for message in outbox.pending for line in lines_of(message)]


def _refused(screen: Any) -> list[str]:
    """Return the lines that the person was told are neither sent nor kept."""
    found = re.findall(rb"not sent: too many lines are waiting already: (\d+) ", screen.received)
    return [text.decode() for text in found]


@pytest.mark.parametrize("end", ["\x04", "/quit\r", signal.SIGTERM, signal.SIGHUP])
def test_lines_typed_just_before_leaving_are_kept(play: Any, screen: Any, tmp_path: Path, end: str | int) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        await peer.aclose()
        await screen.shows("*** the server closed the connection; trying again ***", AT_PROMPT)
        screen.type("one\rtwo\r\x1b[200~three\nfour\n\x1b[201~\r" + (end if isinstance(end, str) else ""))
        if not isinstance(end, str):
            select.select([screen.stdin], [], [])
            signal.raise_signal(end)

    assert play(scene) == 0
    trio.run(partial(screen.shows, "*** 4 lines not sent: kept for when you join again ***", GOODBYE))
    assert _kept(tmp_path) == ["one", "two", "three", "four"]


def test_lines_typed_just_before_a_kick_are_kept(play: Any, screen: Any, tmp_path: Path) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        await peer.send(type="bye", reason="kicked", text="you were kicked")
        screen.type("one\rtwo\r")
        await peer.stream.aclose()

    assert play(scene) == 1
    trio.run(partial(screen.shows, "*** 2 lines not sent: kept for when you join again ***", GOODBYE))
    assert _kept(tmp_path) == ["one", "two"]


def test_a_second_signal_keeps_typed_lines_and_counts_those_that_do_not_fit(
    play: Any, screen: Any, tmp_path: Path
) -> None:
    pasted = [str(number) for number in range(PENDING_MAX + 100)]

    with ExitStack() as until_the_end:

        async def scene(peer: Any, screen: Any) -> None:
            until_the_end.enter_context(screen.drained())
            screen.type("".join(f"{line}\r" for line in pasted))
            assert (await peer.frame())["text"] == "0"
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            await peer.part_at_last()

        play(scene)

    assert _kept(tmp_path) + _refused(screen) == pasted


def test_a_leaving_client_is_told_of_each_unkept_line(play: Any, screen: Any, tmp_path: Path) -> None:
    pasted = [str(number) for number in range(PENDING_MAX + 200)]

    with ExitStack() as until_the_end:

        async def scene(peer: Any, screen: Any) -> None:
            await peer.aclose()
            await screen.shows("*** the server closed the connection; trying again ***", AT_PROMPT)
            until_the_end.enter_context(screen.drained())
            screen.type("".join(f"{line}\r" for line in pasted) + "\x04")

        assert play(scene) == 0

    assert _kept(tmp_path) + _refused(screen) == pasted


def test_lines_behind_a_farewell_are_not_said_and_the_person_is_told(play: Any, screen: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("one\rquit()\r")
        screen.type("two\r")
        assert await peer.keep(1) == "one"
        await peer.part()

    assert play(scene) == 0
    trio.run(partial(screen.shows, "*** 1 line not sent, and lost ***", GOODBYE))


def test_a_refused_line_is_named_with_the_reason(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/msg bob hi\r")
        told = await peer.frame()
        await peer.send(type="error", code="nobody", text="there is no bob", key=told["key"])
        await screen.shows("*** not sent: there is no bob: hi ***", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_a_mention_rings_the_bell_and_is_marked_but_not_that_of_another_name(
    play: Any, screen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    stopped_clock = trio.testing.MockClock()

    async def scene(peer: Any, screen: Any) -> None:
        renamed = {"kind": "renamed", "author": "1.2.3.4:5", "text": "bob"}
        await peer.send(type="entry", id=1, room="lobby", time=0.0, **renamed)
        await peer.tell(2, "kabob, bobby, bob-2: no")
        await screen.shows("*** [1.2.3.4:5] is now [bob] ***", "[a]> kabob, bobby, bob-2: no", "[bob] #lobby>")
        assert b"\a" not in screen.received
        await peer.tell(3, "hello @Bob!")
        await screen.shows("[a]> hello @Bob!", "[bob] #lobby>")
        assert screen.received.count(b"\a") == 1
        assert b"hello @\x1b[7mBob\x1b[0m!" in screen.received
        await peer.tell(9, "Bob! Bob!")
        await screen.shows("[a]> Bob! Bob!", "[bob] #lobby>")
        assert screen.received.count(b"\a") == 1
        stopped_clock.jump(BELL_INTERVAL_S)
        await peer.tell(10, "psst", kind="told", room="@", to="bob")
        await screen.shows("[a -> bob]> psst", "[bob] #lobby>")
        assert screen.received.count(b"\a") == 2
        assert b"\x1b[7m[a -> bob]> \x1b[0m" in screen.received
        screen.type("\x04")
        await peer.part()

    assert play(scene, clock=stopped_clock) == 0


def test_tab_completes_the_names_of_those_who_are_here(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        await peer.tell(1, "hi", author="alice")
        await peer.tell(2, "hi", author="alan")
        await peer.tell(3, "", kind="left", author="alan")
        await screen.shows("[alice]> hi", "[alan]> hi", "*** [alan] left the chat ***", AT_PROMPT)
        screen.type("al\t")  # those who spoke and have left come after those who are here
        await screen.shows_when(lambda rows: [row.strip() for row in rows[-2:]] == ["alice:", "alan:"])
        screen.type("i\t")
        await screen.shows(f"{AT_PROMPT} alice:")
        screen.type("bye, ali\t")
        await screen.shows(f"{AT_PROMPT} alice: bye, alice")
        screen.type("\r")
        assert await peer.keep(4) == "alice: bye, alice"
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_a_reply_goes_to_who_wrote_last_and_shows_to_whom(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/reply hi\r")
        await screen.shows("> /reply hi", "*** nobody has sent you a private message yet ***", AT_PROMPT)
        await peer.tell(1, "psst", kind="told", room="@", to="1.2.3.4:5")
        await screen.shows("[a -> 1.2.3.4:5]> psst", AT_PROMPT)
        screen.type("/reply yes?\r")
        told = await peer.frame()
        assert (told["type"], told["to"], told["text"]) == ("tell", "a", "yes?")
        await peer.tell(2, "yes?", kind="told", room="@", to="a", author="1.2.3.4:5", key=told["key"])
        await screen.shows("[1.2.3.4:5 -> a]> yes?", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_a_damaged_entry_is_named_in_its_place_among_those_that_are_whole(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        said = {"type": "entry", "room": "lobby", "kind": "joined", "time": 0, "author": "a"}
        for entries, damaged in (([said | {"id": 7}, said | {"id": 9}], [8, 10]), ([], [3])):
            screen.type("/history\r")
            key = (await peer.frame())["key"]
            await peer.send(type="page", entries=entries, damaged=damaged, more=False, key=key)
            await screen.shows(f"*** entry {damaged[-1]} is damaged ***", AT_PROMPT)
        rows = [line for line in screen.lines if "joined" in line or "damaged" in line]
        assert ["joined" if "joined" in row else row.split()[2] for row in rows] == ["joined", "8", "joined", "10", "3"]
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_history_is_read_back_page_by_page_as_the_client_says(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        said = {"type": "entry", "room": "lobby", "kind": "said", "time": 0, "author": "a", "text": "hi"}
        screen.type("/history 1 before 1970-01-02T00:00Z\r")
        asked = await peer.frame()
        assert (asked["limit"], asked["before_time"], "before" in asked) == (1, 86_400, False)
        await peer.send(type="page", entries=[said | {"id": 9}], more=True, key=asked["key"])
        await screen.shows("*** older: /history 1 before 9 ***", AT_PROMPT)
        screen.type("/history 1 before 9\r")
        asked = await peer.frame()
        assert (asked["limit"], asked["before"]) == (1, 9)
        await peer.send(type="page", entries=[said | {"id": 7}], more=False, key=asked["key"])
        await screen.shows("> /history 1 before 9", "00:00 [a]> hi", AT_PROMPT)
        screen.type("/history before lunch\r")
        await screen.shows("    2026-11-28T14:00, or the id of a line: 4711 ***", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_what_was_searched_for_is_marked_and_counted(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        said = {"type": "entry", "room": "lobby", "kind": "said", "time": 0, "author": "a", "text": "Der Käse ist BLAU"}
        screen.type('/search kase before:1970-01-02T00:00Z "ist blau"\r')
        asked = await peer.frame()
        assert asked["text"] == 'kase before:1970-01-02T00:00:00Z "ist blau"'
        await peer.send(type="page", entries=[said | {"id": 9}], more=True, key=asked["key"])
        await screen.shows('    before:1970-01-02T00:00:00Z "ist blau" before:9 ***', AT_PROMPT)
        assert "Der \x1b[1;4mKäse\x1b[0m \x1b[1;4mist BLAU\x1b[0m".encode() in screen.received
        screen.type("/search from:\r")
        await screen.shows('    "from:" is a word ***', AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_an_ignored_person_is_not_shown_until_unignored(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/ignore A\r")
        await screen.shows("*** you are ignoring [A], until you /unignore A ***", AT_PROMPT)
        await peer.tell(1, "1.2.3.4:5!")
        await peer.tell(2, "psst", kind="told", room="@", to="1.2.3.4:5")
        await peer.tell(3, "hi", author="b")
        await screen.shows("[b]> hi", AT_PROMPT)
        screen.type("/history\r")
        entries = [{"type": "entry", "id": 1, "room": "lobby", "kind": "said", "time": 0, "author": "a", "text": "hm"}]
        await peer.send(type="page", entries=entries, more=False, key=(await peer.frame())["key"])
        screen.type("/ignore\r")
        await screen.shows("[b]> hi", "> /history", "> /ignore", "*** you are ignoring [A] ***", AT_PROMPT)
        assert b"\a" not in screen.received
        screen.type("/unignore a\r")
        await screen.shows("*** you are no longer ignoring [a] ***", AT_PROMPT)
        await peer.tell(4, "back")
        await screen.shows("[a]> back", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_other_rooms_are_shown_with_their_name(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/join kitchen\r")
        room = {"name": "kitchen", "topic": "food", "members": 1, "last_id": 5}
        await peer.send(type="joined", room=room, key=(await peer.frame())["key"])
        await screen.shows("> /join kitchen", "*** you are in #kitchen: food ***", "[1.2.3.4:5] #kitchen>")
        await peer.tell(6, "hi", room="kitchen")
        await peer.tell(7, "hi")
        await peer.tell(8, "", kind="joined", room="lobby")
        await peer.tell(9, "al", kind="renamed", room="lobby")
        await peer.tell(10, "", kind="kicked", room="lobby", author="al")
        notices = ("*** [a] joined the chat ***", "*** [a] is now [al] ***", "*** [al] was kicked ***")
        await screen.shows("[a]> hi", "#lobby [a]> hi", *notices, "[1.2.3.4:5] #kitchen>")
        screen.type("hi both\r")
        said = await peer.frame()
        await peer.tell(11, "hi both", room="kitchen", author="me", key=said["key"])
        assert said["room"] == "kitchen"
        await screen.shows("[me]> hi both", "[1.2.3.4:5] #kitchen>")
        screen.type("/leave\r")
        await peer.send(type="done", key=(await peer.frame())["key"])
        await screen.shows("> /leave", "*** you have left #kitchen ***", "*** you are in #lobby ***", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_an_announcement_in_all_rooms_is_shown_once(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/join kitchen\r")
        room = {"name": "kitchen", "topic": "", "members": 1, "last_id": 5}
        await peer.send(type="joined", room=room, key=(await peer.frame())["key"])
        await screen.shows("*** you are in #kitchen ***", "[1.2.3.4:5] #kitchen>")
        for number, name in ((6, "lobby"), (7, "kitchen")):
            await peer.tell(number, "lunch", kind="announced", room=name, author="server", time=5.0)
        await peer.tell(8, "lunch", kind="announced", room="kitchen", author="server", time=6.0)
        await screen.shows(
            "*** you are in #kitchen ***", "#lobby [server]> lunch", "[server]> lunch", "[1.2.3.4:5] #kitchen>"
        )
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_leaving_a_room_that_is_not_joined_yet_goes_back_to_the_one_before(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/join kitchen\r/leave\r")
        join, leave = await peer.frame(), await peer.frame()
        room = {"name": "kitchen", "topic": "", "members": 1, "last_id": 5}
        await peer.send(type="joined", room=room, key=join["key"])
        await peer.send(type="done", key=leave["key"])
        await screen.shows("*** you have left #kitchen ***", "*** you are in #lobby ***", AT_PROMPT)
        screen.type("hi\r")
        said = await peer.frame()
        await peer.tell(6, "hi", author="me", key=said["key"])
        screen.type("\x04")
        await peer.part()
        assert (leave["room"], said["room"]) == ("kitchen", "lobby")

    assert play(scene) == 0


async def test_a_refused_join_leaves_one_in_the_room_in_which_one_spoke(filter_: Filter, peer: Any) -> None:
    await filter_.start(runs_commands=True, rooms=("lobby", "den", "ops"))
    filter_.feed("/join ops\n/join secret\n/join more\n")
    joins = [await peer.frame() for _ in range(3)]
    room = {"name": "ops", "topic": "", "members": 1, "last_id": 5}
    await peer.send(type="joined", room=room, key=joins[0]["key"])
    for refused in joins[1:]:
        await peer.send(type="error", code="full", text="no more rooms", key=refused["key"])
    shown = ""
    while shown.count("no more rooms") < 2:
        shown += await filter_.next_output()

    filter_.feed_last("hello\n")

    assert (await peer.frame())["room"] == "ops"


async def test_any_room_can_be_left_from_another(filter_: Filter, peer: Any) -> None:
    await filter_.start(runs_commands=True, rooms=("lobby", "den"))
    filter_.feed_last("/leave #Den\nhello\n/leave\n")

    left, said = await peer.frame(), await peer.frame()

    assert (left["type"], left["room"], said["room"]) == ("leave", "den", "lobby")


def test_closing_the_terminal_leaves_in_any_order_of_its_signs(play: Any, screen: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.hang_up()
        signal.raise_signal(signal.SIGHUP)
        await peer.tell(1, "nobody sees that")
        signal.raise_signal(signal.SIGHUP)
        await peer.part()

    with suppress(OSError, ExceptionGroup):
        play(scene)


def test_a_kick_shows_its_reason_and_the_draft_that_was_not_sent(
    play: Any, screen: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("half a sen")
        await screen.shows(f"{AT_PROMPT} half a sen")
        await peer.send(type="bye", reason="kicked", text="you were kicked")
        await peer.stream.aclose()

    assert play(scene) == 1
    trio.run(partial(screen.shows, "*** not sent: half a sen ***", GOODBYE))
    assert capsys.readouterr().err == "trio-chat: you were kicked\n"


def test_m11_a_flood_does_not_lock_the_person_out_and_the_terminal_is_restored(play: Any, screen: Any) -> None:
    with ExitStack() as until_the_end:

        async def scene(peer: Any, screen: Any) -> None:
            until_the_end.enter_context(screen.drained())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_flood, peer.stream)
                screen.type("help!\r")
                assert (await peer.frame())["text"] == "help!"
                screen.type("\x03\x04")

        # Who leaves waits for an answer to what was said last, so time passes; nothing else here depends on it.
        assert play(scene, clock=trio.testing.MockClock(rate=1)) == 0


async def _flood(stream: trio.SocketStream) -> None:
    """Send until the client hangs up."""
    entry = '{"type":"entry","id":%d,"room":"lobby","kind":"said","time":0,"author":"[\\u001b[2J","text":"%s"}\n'
    text = "@smile\\u001b]0;title\\u0007" * 100
    with suppress(trio.BrokenResourceError):
        for number in range(1, 10**9, 1000):
            await stream.send_all("".join(entry % (number + more, text) for more in range(1000)).encode())


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


async def test_the_past_is_not_waited_for_very_long(
    filter_: Filter, peer: Any, mock_clock: trio.testing.MockClock
) -> None:
    await filter_.start_in_person(ViewOptions(history_lines=20))
    await peer.tell(1, "new")
    await trio.testing.wait_all_tasks_blocked()
    assert (await peer.frame())["type"] == "history"
    assert await filter_.next_output() == "*** you are [1.2.3.4:5] in #lobby ***\n"

    mock_clock.jump(BACKFILL_TIMEOUT_S)

    assert await filter_.next_output() == "[a]> new\n"
    signal.raise_signal(signal.SIGINT)
    await trio.testing.wait_all_tasks_blocked()
    mock_clock.jump(LEAVE_TIMEOUT_S)
    await peer.part_at_last()


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
            nursery.start_soon(_flood, peer.stream)
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
