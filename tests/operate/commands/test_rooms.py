"""`trio-chat rooms` and `say` against a running server."""

import io
import sys

import pytest

from tests.operate.conftest import Operate, join_as
from tests.protocol.conftest import Server


def test_rooms_are_listed_with_their_members(server: Server, operate: Operate) -> None:
    join_as(server, "alice", "/join ops", "/topic who is on call")

    table = operate("rooms", "--search", "ops")

    assert table.out.splitlines()[0].split() == ["ROOM", "MEMBERS", "ENTRIES", "TOPIC"]
    [row] = table.rows
    assert (row[0], row[-1].strip()) == ("#ops", "who is on call")
    names = [room["name"] for room in operate("rooms", "--json", "--sort", "name").json["rooms"]]
    assert names == sorted(names)
    assert {"lobby", "ops"} <= {*names}
    assert len(operate("rooms", "--json", "-n", "1").json["rooms"]) == 1


def test_something_is_said_as_the_server_or_under_a_name(server: Server, operate: Operate) -> None:
    bob = join_as(server, "bob", "/join talk")

    plain = operate("say", "talk", "maintenance", "at 22:00")
    named = operate("say", "#talk", "build 71 is green", "--name", "deploy")

    assert plain.out.startswith("said in #talk as [server], entry ")
    assert named.status == 0, named.err
    assert bob.until("is green")[-2:] == ["[server]> maintenance at 22:00", "[deploy]> build 71 is green"]


def test_the_same_key_is_said_once(server: Server, operate: Operate) -> None:
    join_as(server, "carol", "/join keyed")

    first = operate("say", "keyed", "once", "--key", "build-71", "--json").json
    again = operate("say", "keyed", "once", "--key", "build-71", "--json").json

    assert first == again
    assert operate("tail", "keyed", "--no-follow").out.count("once") == 1


def test_a_text_comes_from_stdin(server: Server, operate: Operate, monkeypatch: pytest.MonkeyPatch) -> None:
    join_as(server, "dave", "/join piped")
    monkeypatch.setattr(sys, "stdin", io.StringIO("first\nsecond\n"))

    assert operate("say", "piped").status == 0
    shown = operate("tail", "piped", "--no-follow").out.splitlines()[-2:]

    assert [line.partition("]> ")[2] for line in shown] == ["first", "second"]


@pytest.mark.parametrize("arguments", [["nowhere", "text"], ["no where", "text"], ["../clients", "text"]])
def test_a_room_that_is_not_there_is_status_3(operate: Operate, arguments: list[str]) -> None:
    done = operate("say", *arguments)

    assert (done.status, done.out) == (3, "")
    assert done.err == f"trio-chat: there is no room '{arguments[0]}': trio-chat rooms lists all\n"


def test_no_text_and_no_room_are_status_2(operate: Operate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))

    for arguments in (["lobby"], ["", "text"], ["#", "text"], []):
        assert operate("say", *arguments).status == 2, arguments


def test_a_name_that_somebody_has_is_refused(server: Server, operate: Operate) -> None:
    join_as(server, "erin")

    done = operate("say", "lobby", "it is me", "--name", "erin")

    assert done.status in (1, 2)
    assert "erin" in done.err


def test_a_topic_is_set_shown_and_cleared(server: Server, operate: Operate) -> None:
    frank = join_as(server, "frank", "/join topics")

    set_ = operate("topic", "topics", "deploy", "at 22:00")
    shown = operate("topic", "#topics")
    cleared = operate("topic", "topics", "--clear")
    none = operate("topic", "topics")

    assert set_.out == "the topic of #topics is now deploy at 22:00\n"
    assert shown.out == "deploy at 22:00\n"
    assert cleared.out == "#topics has no topic now\n"
    assert (none.status, none.out, none.err) == (0, "", "#topics has no topic\n")
    assert "deploy at 22:00" in "\n".join(frank.until("cleared the topic ***"))


def test_a_topic_that_cannot_be_set_is_an_error(operate: Operate) -> None:
    assert operate("topic", "nowhere", "text").status == 3
    assert operate("topic", "lobby", "x" * 2000).status == 2
    assert operate("topic", "lobby", "text", "--clear").status == 2
