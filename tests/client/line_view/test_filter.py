"""The line view as a filter, on pipes."""

import math
import os
import re
import signal
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.client.line_view.conftest import a_transcript, kept
from trio_chat.client.conversation.app import CONNECT_NOTICE_S, GOODBYE
from trio_chat.client.conversation.conversation import BACKFILL_TIMEOUT_S, LEAVE_TIMEOUT_S
from trio_chat.client.join import join
from trio_chat.client.line_view.app import LineView
from trio_chat.client.line_view.pipe import Pipe
from trio_chat.client.link.address import LinkError, TcpAddress
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.outbox import PENDING_MAX, open_outbox
from trio_chat.client.options import PLAIN, ViewOptions


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

    assert kept(tmp_path) == typed[1::2]
    assert printed.endswith(f"\n*** 10 lines not sent: kept for when you join again ***\n{GOODBYE}\n")


async def test_unkept_messages_are_counted_even_without_time_to_report_each(
    peer: Any, tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    typed = [str(number) for number in range(PENDING_MAX + 300)]

    printed = await leave_slowly(peer, tmp_path, mock_clock, *typed)

    told = re.findall(r"not sent: too many lines are waiting already: (\d+) ", printed)
    lost = re.search(r"(\d+) lines not sent, and lost", printed)
    assert kept(tmp_path) + told == typed[: PENDING_MAX + len(told)]
    assert lost
    assert int(lost[1]) == 300 - len(told) > 0


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
