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


@contextmanager
def following(data: Path, *arguments: str) -> Iterator[Lines]:
    """A command that follows the server on a data folder: the lines of its output."""
    command = [sys.executable, "-m", "trio_chat", *arguments, "--data", str(data)]
    with subprocess.Popen(command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            yield Lines(process.stdout)
        finally:
            process.kill()


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
    monkeypatch.setattr("trio_chat.operate.entries.PAGE", 4)
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
