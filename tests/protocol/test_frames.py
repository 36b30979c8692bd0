"""Frames, spoken by a stranger who knows only docs/protocol.md: JSON lines over a socket."""

import json
import signal
from functools import partial

import pytest


class Frames:
    """A connection that speaks frames."""

    def __init__(self, server, **first: object) -> None:
        self.peer = server.connect(as_line(first))

    @classmethod
    def enter(cls, server, **fields: object) -> "Frames":
        client = cls(server, **HELLO, **fields)
        client.welcome = client.until("welcome")
        return client

    def send(self, **frame: object) -> None:
        self.peer.send(as_line(frame))

    def receive(self) -> dict:
        return json.loads(self.peer.line())

    def until(self, frame_type: str, **fields: object) -> dict:
        """The next frame of a type with these fields; others are skipped."""
        while True:
            frame = self.receive()
            if frame["type"] == frame_type and all(frame.get(name) == value for name, value in fields.items()):
                return frame

    def until_page(self, **fields: object) -> dict:
        """Ask for history of the lobby."""
        self.send(type="history", room="lobby", limit=500, key="page", **fields)
        return self.until("page", key="page")


def as_line(frame: dict[str, object]) -> bytes:
    return json.dumps(frame).encode() + b"\n"


SECRET = "s" * 32
HELLO = {"type": "hello", "protocol": 1, "client": "test"}


@pytest.fixture
def enter(server):
    return partial(Frames.enter, server)


def test_hello_is_answered_by_welcome(enter) -> None:
    welcome = enter(nick="alice", key="h").welcome

    assert welcome["protocol"] == 1
    assert welcome["key"] == "h"
    assert welcome["you"]["label"] == "alice"
    assert welcome["resumed"] is False
    assert [room["name"] for room in welcome["rooms"]] == ["lobby"]
    assert len(welcome["epoch"]) >= 8


def test_one_who_needs_a_nick_that_cannot_be_had_stays_outside_and_nobody_hears_of_it(server) -> None:
    bob = server.join()
    stranger = Frames(server, type="hello", protocol=1, nick="server", needs_nick=True, session=SECRET, key="h")

    refusal = stranger.receive()
    assert (refusal["type"], refusal["code"], refusal["key"]) == ("error", "reserved-nick", "h")
    assert stranger.peer.rest() == b""
    server.console(rf"^Client \[.*:{stranger.peer.port}\] disconnected$")
    bob.send(b"/who\n")
    assert bob.line() == f"*** 1 in #lobby: [127.0.0.1:{bob.port}] (you) ***"


def test_a_resuming_client_that_needs_a_taken_nick_is_refused(server, enter) -> None:
    alice = enter(session=SECRET, nick="alice")
    alice.send(type="nick", nick="ann", key="n")
    alice.until("done", key="n")
    enter(nick="alice")
    back = Frames(server, type="hello", protocol=1, session=SECRET, nick="alice", needs_nick=True, key="h")

    assert back.receive()["code"] == "nick-taken"
    assert back.peer.rest() == b""


def test_a_say_comes_back_with_its_key_and_reaches_plain_clients_too(server, enter) -> None:
    bob = server.join()
    alice = enter(nick="alice")

    alice.send(type="say", room="lobby", text="hello @smile", key="k1")

    entry = alice.until("entry", kind="said")
    assert (entry["text"], entry["author"], entry["key"], entry["room"]) == ("hello @smile", "alice", "k1", "lobby")
    assert bob.until("hello @smile")[-1] == "[alice]> hello @smile"


def test_a_line_reaches_frames(server, enter) -> None:
    alice, bob = enter(), server.join()

    bob.send(b"hi\n")

    assert alice.until("entry", kind="said")["author"] == f"127.0.0.1:{bob.port}"


def test_a_say_with_a_key_used_before_is_acknowledged_and_not_stored_again(enter) -> None:
    alice = enter(session=SECRET)
    alice.send(type="say", room="lobby", text="once", key="k1")
    first = alice.until("entry", kind="said")

    alice.send(type="say", room="lobby", text="once", key="k1")
    again = alice.until("entry", kind="said")
    alice.send(type="history", room="lobby", limit=50, key="h")
    page = alice.until("page", key="h")

    assert again == {**first, "again": True}
    assert [entry["text"] for entry in page["entries"] if entry["kind"] == "said"] == ["once"]


def test_also_after_a_restart(start) -> None:
    server = start()
    alice = Frames.enter(server, session=SECRET)
    alice.send(type="say", room="lobby", text="once", key="k1")
    first = alice.until("entry", kind="said")
    server.stop(signal.SIGKILL)

    alice = Frames.enter(start(), session=SECRET)
    alice.send(type="say", room="lobby", text="once", key="k1")

    assert alice.until("entry", kind="said") == {**first, "again": True}


def test_a_broken_connection_resumes_with_missed_entries_and_without_notices(server, enter) -> None:
    bob = server.join()
    alice = enter(session=SECRET, nick="alice")
    bob.until("joined the chat ***")
    bob.send(b"one\n")
    seen = alice.until("entry", text="one")["id"]
    alice.peer.close()
    server.console(r"disconnected$")
    bob.send(b"two\nthree\n")

    back = enter(session=SECRET, since={"lobby": seen}, epoch=alice.welcome["epoch"])
    missed = [back.until("entry")["text"] for _ in range(2)]
    back.send(type="say", room="lobby", text="back", key="b")

    assert back.welcome["resumed"] is True
    assert back.welcome["you"]["label"] == "alice"
    assert missed == ["two", "three"]
    assert bob.line() == "[alice]> back"


def test_missed_entries_come_from_the_journal_after_a_restart(start) -> None:
    server = start()
    alice = Frames.enter(server, session=SECRET)
    for number in range(5):
        alice.send(type="say", room="lobby", text=f"line {number}", key=str(number))
    seen = alice.until("entry", text="line 1")["id"]
    alice.until("entry", text="line 4")
    server.stop()

    alice = Frames.enter(start(), session=SECRET, since={"lobby": seen}, epoch=alice.welcome["epoch"])

    assert [alice.until("entry", kind="said")["text"] for _ in range(3)] == ["line 2", "line 3", "line 4"]


@pytest.mark.parametrize("is_this_epoch", [False, True])
def test_ids_of_another_journal_or_of_times_before_it_was_put_back_are_answered_by_a_gap(
    server, enter, is_this_epoch: bool
) -> None:
    epoch, seen = (enter().welcome["epoch"], 1_000_000) if is_this_epoch else ("another", 5)
    client = Frames(server, type="hello", protocol=1, session=SECRET, since={"lobby": seen}, epoch=epoch)

    assert client.until("gap") == {"type": "gap", "room": "lobby", "after": seen, "reason": "epoch"}


def test_many_rooms_at_once(enter) -> None:
    alice, bob = enter(rooms=["one", "two", "three"]), enter(rooms=["two"])

    bob.send(type="say", room="two", text="hi", key="k")
    assert alice.until("entry", kind="said")["room"] == "two"

    alice.send(type="leave", room="#TWO", key="l")
    alice.until("done", key="l")
    alice.send(type="say", room="two", text="hi", key="k")
    assert alice.until("error")["code"] == "not-in-room"


def test_a_move_to_another_room_is_shown_as_leaving_the_room_alone_live_and_in_the_history(server, enter) -> None:
    bob, carol = enter(nick="bob"), server.join()
    alice = server.join()
    alice.send(b"/nick alice\n/join dev\n/leave\nquit()\n")

    live = [bob.until("entry", author="alice") for _ in range(3)]

    assert [(entry["kind"], entry.get("text", "")) for entry in live] == [
        *(("left", "#lobby"), ("joined", "#lobby"), ("left", "")),
    ]
    told = [
        "*** [alice] left #lobby ***",
        "*** [alice] joined #lobby ***",
        "*** [alice] left the chat ***",
    ]
    assert carol.until("left the chat ***")[-3:] == told
    page = bob.until_page()["entries"]
    assert [entry.get("text", "") for entry in page if entry["author"] == "alice"] == ["#lobby", "#lobby", ""]


def test_a_command_that_has_no_request_is_run_by_its_line(enter) -> None:
    alice = enter(nick="alice")

    alice.send(type="command", room="lobby", line="/help", key="h")
    alice.send(type="command", room="lobby", line="/quit", key="q")
    alice.send(type="command", room="dev", line="/help", key="d")

    assert any(line.startswith("  /who ") for line in alice.until("output", key="h")["lines"])
    assert alice.until("error", key="q")["text"] == "/quit has a request of its own: bye"
    assert alice.until("error", key="d")["code"] == "not-in-room"


@pytest.mark.parametrize("asked", ["join", "rooms"])
def test_an_answer_knows_the_topic_that_was_set_in_the_same_packet(enter, asked: str) -> None:
    alice = enter(nick="alice")
    requests = ({"type": "topic", "room": "lobby", "text": "cheese"}, {"type": asked, "room": "lobby", "key": "q"})

    alice.peer.send("".join(json.dumps(request) + "\n" for request in requests).encode())

    answer = alice.until("joined" if asked == "join" else "roomlist", key="q")
    assert "cheese" in str(answer)


def test_join_topic_who_and_rooms(enter) -> None:
    alice = enter(nick="alice")

    alice.send(type="join", room="#Dev", key="j")
    assert alice.until("joined", key="j")["room"]["name"] == "dev"
    alice.send(type="topic", room="dev", text="release", key="t")
    assert alice.until("entry", kind="topic")["key"] == "t"
    alice.send(type="who", room="dev", key="w")
    assert alice.until("members")["labels"] == ["alice"]
    alice.send(type="rooms", key="r")
    rooms = {room["name"]: room for room in alice.until("roomlist")["rooms"]}
    assert rooms["dev"]["topic"] == "release"
    assert rooms["dev"]["members"] == 1


def test_telling_one_person_alone(server, enter) -> None:
    alice, bob, carol = enter(nick="alice"), enter(nick="bob"), server.join()

    alice.send(type="tell", to="bob", text="psst", key="k")

    for client in (alice, bob):
        entry = client.until("entry", kind="told")
        assert (entry["room"], entry["author"], entry["to"], entry["text"]) == ("@", "alice", "bob", "psst")
    alice.send(type="ping")
    while (reply := alice.receive())["type"] != "pong":
        assert reply["type"] != "away"
    carol.send(b"/history 50\n/who\n")
    assert not any("psst" in line for line in carol.until("(you) ***"))


def test_private_messages_of_meanwhile_come_on_resuming(server, enter) -> None:
    alice, bob = enter(nick="alice"), enter(nick="bob", session=SECRET, since={"@": 0})
    bob.peer.close()
    server.console(r"disconnected$")
    alice.send(type="tell", to="bob", text="psst", key="k")
    answers = {}
    while not {"away", "entry"} <= answers.keys():  # in either order
        reply = alice.receive()
        answers |= {reply["type"]: reply} if reply.get("key") == "k" else {}
    assert answers["away"]["to"] == "bob"
    assert answers["away"]["away_s"] >= 0
    assert 0 < answers["away"]["left_s"] <= 60

    back = enter(session=SECRET, since={"@": 0}, epoch=bob.welcome["epoch"])

    assert back.until("entry", kind="told")["text"] == "psst"


def test_history_pages_both_ways(enter) -> None:
    alice = enter()
    for number in range(10):
        alice.send(type="say", room="lobby", text=str(number), key=str(number))
    ids = [alice.until("entry", kind="said")["id"] for _ in range(10)]

    alice.send(type="history", room="lobby", before=ids[5], limit=3, key="b")
    older = alice.until("page", key="b")
    alice.send(type="history", room="lobby", after=ids[5], limit=4, key="a")
    newer = alice.until("page", key="a")
    alice.send(type="history", room="lobby", after=ids[8], limit=4, key="c")
    last = alice.until("page", key="c")

    assert [entry["id"] for entry in older["entries"]] == ids[2:5]
    assert older["more"] is True
    assert [entry["id"] for entry in newer["entries"]] == ids[6:10]
    assert newer["more"] is False
    assert [entry["id"] for entry in last["entries"]] == ids[9:]


def test_search_finds_words_in_rooms_that_one_is_in(server, enter) -> None:
    alice, bob = enter(), enter(rooms=["secret"])
    bob.send(type="say", room="secret", text="blue cheese", key="k")
    bob.until("entry", kind="said")
    alice.send(type="say", room="lobby", text="Cheese that is BLUE", key="k")
    alice.send(type="say", room="lobby", text="a blue door", key="l")
    alice.until("entry", text="a blue door")

    alice.send(type="search", text="blue cheese", key="s")

    assert [entry["text"] for entry in alice.until("page", key="s")["entries"]] == ["Cheese that is BLUE"]


def test_a_session_takes_over_from_a_connection_that_only_seems_alive(enter) -> None:
    old = enter(session=SECRET, nick="alice")

    new = enter(session=SECRET)

    assert new.welcome["resumed"] is True
    assert old.until("bye")["reason"] == "resumed"
    assert old.peer.rest() == b""


def test_a_kick_says_so_and_not_to_come_back(server, enter) -> None:
    alice = enter()

    server.type(f"kill {alice.peer.port}")

    assert alice.until("bye") == {"type": "bye", "reason": "kicked", "text": "you were kicked"}


def test_a_stop_says_when_to_come_back(server, enter) -> None:
    alice = enter()

    server.process.terminate()

    assert alice.until("bye")["retry_s"] > 0


@pytest.mark.parametrize(
    "bad",
    [
        b'{"type":"say","x":' + b"[" * 60000 + b"}",
        b'{"type":"ping","key":NaN}',
        b'{"type":"history","room":"lobby","limit":1e999}',
        b'{"type":"history","room":"lobby","before":' + b"9" * 60000 + b"}",
        b'{"type":"say","room":"lobby","text":"\\ud800"}',
        b'{"type":"say","room":5,"text":"x"}',
        b'{"type":"frobnicate"}',
        b"[]",
        b'\xef\xbb\xbf{"type":"ping"}',
        b'{"type":"say","room":"lobby","text":"\xff"}',
        b'{"type":"say","room":"lobby","text":"' + b"x" * 70000 + b'"}',
        b"null",
        b"hello",
    ],
    ids=lambda bad: bad[:24].decode(errors="replace"),
)
def test_c9_an_invalid_frame_is_one_error_and_the_connection_stays(enter, bad: bytes) -> None:
    alice = enter()

    alice.peer.send(bad + b"\n" + b'{"type":"ping","key":"p"}\n')
    answers = [alice.receive()]
    while answers[-1].get("key") != "p":
        answers.append(alice.receive())

    assert [frame["type"] for frame in answers if frame["type"] != "entry"] == ["error", "pong"]


def test_nothing_works_before_hello(server) -> None:
    stranger = Frames(server, type="say", room="lobby", text="hi", key="k")

    assert stranger.receive()["code"] == "hello-first"


def test_another_version_is_refused(server) -> None:
    stranger = Frames(server, type="hello", protocol=2)

    assert stranger.receive()["code"] == "protocol"
    assert stranger.peer.rest() == b""


def test_a_hello_that_comes_too_late_is_not_said_for_there_are_secrets_in_it(server, enter) -> None:
    alice = enter(nick="alice")
    late = server.join()  # it said nothing for so long that it was taken for somebody with `nc`

    late.send(
        json.dumps({"type": "hello", "protocol": 1, "session": SECRET, "password": "open sesame"}).encode() + b"\n"
    )

    assert late.until("at once ***")[-1].startswith("*** that hello came too late")
    assert late.rest() == b""
    alice.until("entry", kind="left")
    alice.send(type="history", room="lobby", key="h")
    assert SECRET not in json.dumps(alice.until("page"))


def test_a_challenge_that_a_client_asks_for_too_late_is_not_said(server, enter) -> None:
    alice = enter(nick="alice")
    late = server.join()
    challenge = as_line({"type": "challenge", "key": "proving"})

    late.send(challenge)
    assert late.until("at once ***")[-1].startswith("*** that hello came too late")
    assert late.rest() == b""
    bob = server.join()
    bob.send(b"look, a frame:\n" + challenge)

    assert alice.until("entry", kind="said")["text"] == "look, a frame:"
    assert alice.until("entry", kind="said")["author"] == f"127.0.0.1:{bob.port}"


def test_a_line_of_braces_is_said(server, enter) -> None:
    alice = enter(nick="alice")
    bob = server.join()

    for text in ("{", '{"type": "hell"}', '{"hello": 1}'):
        bob.send(f"{text}\n".encode())

        assert alice.until("entry", kind="said")["text"] == text


def test_a_page_of_long_entries_is_cut_at_its_far_end(enter) -> None:
    alice = enter(nick="alice")
    texts = [f"{number} {'x' * 4000}" for number in range(20)]
    for text in texts:
        alice.send(type="say", room="lobby", text=text, key=text[:2])
    alice.until("entry", text=texts[-1])
    first = alice.until_page(after=0)["entries"]
    newest = alice.until_page()

    assert [entry["text"] for entry in newest["entries"]] == texts[-16:]
    assert newest["more"] is True
    assert [entry["text"] for entry in first if entry["kind"] == "said"] == texts[:16]


def test_several_lines_are_one_message_acknowledged_by_its_last_entry(server, enter) -> None:
    carol, alice = server.join(), enter(nick="alice", session=SECRET)
    carol.line()
    lines = ["def f():", "  return 1", "", "*** [bob] left the chat ***"]
    assert alice.welcome["limits"]["lines"] == 50

    alice.send(type="say", room="lobby", lines=lines, key="k")
    entries = [alice.until("entry", kind="said") for _ in range(4)]
    alice.send(type="say", room="lobby", lines=lines, key="k")
    again = alice.until("entry", key="k")
    alice.send(type="say", room="lobby", text="end", key="e")
    end = alice.until("entry", key="e")

    assert [(entry.get("text", ""), entry.get("key", "")) for entry in entries] == [
        ("def f():", ""),
        ("  return 1", ""),
        ("", ""),
        ("*** [bob] left the chat ***", "k"),
    ]
    assert [entry["id"] - entries[0]["id"] for entry in entries] == [0, 1, 2, 3]
    assert (again["id"], again["again"]) == (entries[3]["id"], True)
    assert end["id"] == entries[3]["id"] + 1
    heard = [carol.line() for _ in range(5)]
    assert heard == [
        "[alice]> def f():",
        "[alice]>   return 1",
        "[alice]> ",
        "[alice]> *** [bob] left the chat ***",
        "[alice]> end",
    ]


def test_a_key_that_was_used_for_one_line_keeps_none_of_several(server, enter) -> None:
    alice = enter(nick="alice", session=SECRET)

    alice.send(type="say", room="lobby", text="one", key="k")
    alice.until("entry", key="k")
    alice.send(type="say", room="lobby", lines=["two", "three", "four"], key="k")

    assert alice.until("error", key="k")["code"] == "key-used"
    assert [entry["text"] for entry in alice.until_page()["entries"] if entry["kind"] == "said"] == ["one"]


def test_more_lines_than_allowed_both_or_neither_are_refused(enter) -> None:
    alice = enter(nick="alice")
    wrong = [{"lines": ["x"] * 51}, {"lines": ["x"], "text": "x"}, {}, {"lines": ["x" * 4097]}, {"lines": "x"}]

    for number, fields in enumerate(wrong):
        alice.send(type="say", room="lobby", key=f"k{number}", **fields)
        refusal = alice.until("error")
        assert (refusal["code"], refusal["key"]) == ("bad-frame", f"k{number}")
