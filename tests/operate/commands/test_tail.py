"""`trio-chat tail` against running servers, over restarts of them."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.operate.conftest import Operate, join_as
from tests.protocol.conftest import Lines, Server
from trio_chat.operate.api import AdminApi
from trio_chat.operate.commands.tail import TailPrinter
from trio_chat.operate.entries import RoomHistory
from trio_chat.operate.location import ServerLocation
from trio_chat.operate.output import Output


@contextmanager
def following(data: Path, *arguments: str) -> Iterator[Lines]:
    """A command that follows the server on a data folder: the lines of its output."""
    command = [sys.executable, "-m", "trio_chat", *arguments, "--data", str(data)]
    with subprocess.Popen(command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            yield Lines(process.stdout)
        finally:
            process.kill()


def tailing(server: Server, room: str, *, unreachable: list[int] | None = None) -> tuple[TailPrinter, RoomHistory]:
    """The printer of `tail ROOM`; as long as there is one of `unreachable`, its requests go to that port."""

    def locate() -> ServerLocation:
        return ServerLocation(f"http://127.0.0.1:{unreachable.pop() if unreachable else server.admin_port}")

    history = RoomHistory(AdminApi(locate), f"/rooms/{room}")
    return TailPrinter(Output(), history, room, has_ids=False), history


def said(lines: list[str]) -> list[str]:
    return [line.partition("]> ")[2] for line in lines if "]> " in line]


def test_the_newest_entries_are_shown_and_no_more(server: Server, operate: Operate) -> None:
    join_as(server, "alice", "/join last", *(f"line {number}" for number in range(30)))

    default = operate("tail", "last", "--no-follow").out.splitlines()
    three = operate("tail", "last", "--no-follow", "-n", "3", "--json").out.splitlines()

    assert said(default) == [f"line {number}" for number in range(10, 30)]
    assert [json.loads(line)["text"] for line in three] == ["line 27", "line 28", "line 29"]
    assert operate("tail", "last", "--no-follow", "-n", "0").out == ""


def test_more_than_a_page_is_read_page_by_page(
    server: Server, operate: Operate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_chat.operate.pages.PAGE", 4)
    join_as(server, "bob", "/join pages", *(f"line {number}" for number in range(20)))

    newest = operate("tail", "pages", "--no-follow", "-n", "10").out.splitlines()
    since = operate("tail", "pages", "--no-follow", "--since", "1h").out.splitlines()

    assert said(newest) == [f"line {number}" for number in range(10, 20)]
    assert said(since) == [f"line {number}" for number in range(20)]
    assert len(since) == 21  # and that bob came


def test_nothing_is_older_than_a_time_to_come(server: Server, operate: Operate) -> None:
    join_as(server, "carol", "/join times", "hello")

    assert operate("tail", "times", "--no-follow", "--since", "2099-01-01").out == ""


def test_a_room_that_is_not_there_is_status_3(operate: Operate) -> None:
    done = operate("tail", "nowhere")

    assert (done.status, done.err) == (3, "trio-chat: there is no room 'nowhere': trio-chat rooms lists all\n")


def test_it_goes_on_after_a_restart_and_leaves_nothing_out(start: Callable[..., Server], tmp_path: Path) -> None:
    first = start()
    alice = join_as(first, "alice", "before")

    with following(tmp_path, "tail", "lobby") as lines:
        lines.until(r"\[alice\]> before$")
        alice.send(b"live\n/me waves\n")
        lines.until(r"\* \[alice\] waves$")
        assert first.stop() == 0
        lines.until(r"^-- the server has ended the stream; trying again until Ctrl-C --$")
        second = start()
        join_as(second, "bob", "after")
        lines.until(r"\[bob\]> after$")

    assert said(lines.seen) == ["before", "live", "after"]
    assert lines.seen.count("-- connected again --") == 1
    assert len({line for line in lines.seen if "***" in line}) == len([line for line in lines.seen if "***" in line])


def test_it_goes_on_after_the_server_was_killed(start: Callable[..., Server], tmp_path: Path) -> None:
    first = start()
    join_as(first, "alice", "before")

    with following(tmp_path, "tail", "lobby", "--json") as lines:
        lines.until('"text": "before"')
        first.process.kill()
        first.process.wait()
        lines.until("^-- .*; trying again until Ctrl-C --$")
        join_as(start(), "bob", "after")
        lines.until('"text": "after"')


def test_another_history_is_shown_from_its_beginning(start: Callable[..., Server], tmp_path: Path) -> None:
    first = start()
    join_as(first, "alice", *(f"old {number}" for number in range(9)))

    with following(tmp_path, "tail", "lobby") as lines:
        lines.until(r"\[alice\]> old 8$")
        assert first.stop() == 0
        (tmp_path / "journal.db").unlink()
        second = start()
        lines.until(r"^-- the history is another one now --$")  # while it is empty
        join_as(second, "bob", "new")
        lines.until(r"\[bob\]> new$")


def test_events_go_on_after_a_restart_and_tell_of_the_gap(start: Callable[..., Server], tmp_path: Path) -> None:
    first = start()

    with following(tmp_path, "events", "--json", "--types", "client,operator,room") as lines:
        while not lines.has_more(0.1):  # only what happens once it has subscribed is sent
            first.join().close()
        assert first.stop() == 0
        lines.until("trying again until Ctrl-C --$")
        second = start()
        lines.until('"event": "gap", "data": {"missed": null}')
        second.join()
        event = json.loads(lines.until('"event": "connected".*').string)

    assert event["data"]["client"]["address"] == "127.0.0.1"


def test_what_the_stream_repeats_is_shown_once(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    join_as(server, "dora", "/join repeated", "one", "two")
    printer, history = tailing(server, "repeated")

    printer.begin(20, None)
    for entry in history.newest(2):
        printer.receive(entry)
    printer.receive({**history.newest(1)[0], "id": 10**9, "text": "three"})

    assert said(capsys.readouterr().out.splitlines()) == ["one", "two", "three"]


def test_a_history_whose_ids_begin_anew_is_shown_from_its_beginning(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    join_as(server, "eve", "/join anew", "one", "two")
    printer, history = tailing(server, "anew")
    printer.begin(0, None)
    printer.receive({**history.newest(1)[0], "id": 10**9, "text": "of the history before"})

    printer.catch_up(0, None)

    shown = capsys.readouterr()
    assert said(shown.out.splitlines()) == ["of the history before", "one", "two"]
    assert shown.err == "-- the history is another one now --\n"


def test_what_could_not_be_read_is_read_before_the_next_entry(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    fay = join_as(server, "fay", "/join behind", "one")
    unreachable: list[int] = []
    printer, history = tailing(server, "behind", unreachable=unreachable)
    printer.begin(20, None)
    fay.send(b"two\nthree\n/who\n")
    fay.until("(you) ***")
    newest = history.newest(1)[0]

    unreachable.append(server.port)  # no admin API
    printer.catch_up(0, None)
    printer.receive(newest)

    assert said(capsys.readouterr().out.splitlines()) == ["one", "two", "three"]
