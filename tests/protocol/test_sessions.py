"""Sessions: a place is held while a connection is broken, also over a restart of the server."""

import itertools
import json
import signal
from urllib.request import urlopen

import pytest

from tests.conftest import PATIENCE_S

SECRET, OTHER = "s" * 32, "o" * 32
STOPS = [signal.SIGKILL, signal.SIGTERM]


class Frames:
    """A connection that speaks frames."""

    def __init__(self, server, *, proxied: str = "", **hello: object) -> None:
        header = f"PROXY TCP4 {proxied} 127.0.0.1 {next(PORTS)} 1\r\n".encode() if proxied else b""
        self.peer = server.connect(header + as_line({"type": "hello", "protocol": 1, **hello}))
        self.welcome = self.until("welcome")

    def send(self, **frame: object) -> None:
        self.peer.send(as_line(frame))

    def next(self) -> dict:
        """The next frame."""
        return json.loads(self.peer.line())

    def until(self, frame_type: str, **fields: object) -> dict:
        """The next frame of a type with these fields; others are skipped."""
        while True:
            frame = self.next()
            if frame["type"] == frame_type and all(frame.get(name) == value for name, value in fields.items()):
                return frame

    def history(self, room: str) -> list[tuple[str, str]]:
        """Kind and author of what is in a room."""
        self.send(type="history", room=room, limit=200, key="history")
        return [(entry["kind"], entry["author"]) for entry in self.until("page", key="history")["entries"]]


PORTS = itertools.count(1024)
"""Ports of clients behind a proxy."""


def clients_of(server) -> list[dict]:
    """The clients that `GET /clients` lists."""
    with urlopen(f"http://127.0.0.1:{server.admin_port}/clients", timeout=PATIENCE_S) as answer:
        return json.load(answer)["clients"]


def as_line(frame: dict[str, object]) -> bytes:
    return json.dumps(frame).encode() + b"\n"


@pytest.mark.parametrize("stop", STOPS)
def test_a_place_is_held_over_a_restart_and_nobody_hears_of_it(start, stop: int) -> None:
    server = start()
    alice = Frames(server, session=SECRET, nick="alice", rooms=["lobby", "ops"])
    alice.send(type="say", room="ops", text="one", key="k1")
    seen = alice.until("entry", text="one")["id"]
    alice.send(type="say", room="ops", text="two", key="k2")
    alice.until("entry", text="two")
    server.stop(stop)

    server = start()
    bob = Frames(server, session=OTHER, rooms=["lobby", "ops"])
    bob.send(type="nick", nick="alice", key="n")
    assert bob.until("error", key="n")["code"] == "nick-taken"
    bob.send(type="say", room="ops", text="three", key="k3")
    bob.until("entry", text="three")
    back = Frames(server, session=SECRET, since={"ops": seen}, epoch=alice.welcome["epoch"], rooms=["ops"])

    assert back.welcome["resumed"] is True
    assert back.welcome["you"]["label"] == "alice"
    assert {room["name"] for room in back.welcome["rooms"]} == {"lobby", "ops"}
    missed = [back.until("entry", room="ops") for _ in range(3)]
    assert [
        (entry["kind"], entry.get("text")) for entry in missed if entry["author"] != bob.welcome["you"]["label"]
    ] == [("said", "two")]
    assert missed[-1]["text"] == "three"
    for room in ("lobby", "ops"):
        assert [what for what in back.history(room) if what[1] == "alice" and what[0] in ("joined", "left")] == [
            ("joined", "alice")
        ]


@pytest.mark.parametrize("stop", STOPS)
def test_a_session_not_resumed_in_time_after_a_restart_leaves_with_a_notice(start, stop: int) -> None:
    server = start()
    Frames(server, session=SECRET, nick="alice")
    server.stop(stop)

    bob = Frames(start("--hold", "0.5s"), nick="bob")

    while ("left", "alice") not in bob.history("lobby"):
        pass
    bob.send(type="nick", nick="alice", key="n")
    bob.until("done", key="n")


def test_m13_a_client_that_was_away_during_a_standstill_has_not_left(start) -> None:
    server = start("--hold", "2s")
    alice = Frames(server, session=SECRET, nick="alice")
    alice.peer.close()
    server.console(rf"^Client \[.*:{alice.peer.port}\] disconnected$")

    with server.stopped():
        signal.sigtimedwait([signal.SIGUSR2], 4.0)  # the time for which it stands still
    back = Frames(server, session=SECRET, nick="alice")

    assert back.welcome["resumed"] is True
    assert ("left", "alice") not in back.history("lobby")


def test_a_name_taken_and_a_room_left_just_before_a_crash_are_as_they_were(start) -> None:
    server = start()
    alice = Frames(server, session=SECRET, rooms=["lobby", "ops", "dev"])
    alice.send(type="nick", nick="alice")
    alice.send(type="leave", room="ops")
    alice.until("entry", kind="renamed")
    alice.send(type="ping", key="p")
    alice.until("pong", key="p")
    bob = Frames(server, session=OTHER)  # its welcome comes when all places up to now are kept
    server.stop(signal.SIGKILL)

    server = start()
    back = Frames(server, session=SECRET, rooms=[])

    assert back.welcome["you"]["label"] == "alice"
    assert {room["name"] for room in back.welcome["rooms"]} == {"lobby", "dev"}
    assert Frames(server, session=OTHER).welcome["you"]["label"] == bob.welcome["you"]["label"]


@pytest.mark.parametrize("goodbye", ["bye", "kick"])
def test_a_session_that_is_over_is_not_resumed_after_a_crash(start, goodbye: str) -> None:
    server = start()
    alice = Frames(server, session=SECRET, nick="alice")
    if goodbye == "bye":
        alice.send(type="bye")
    else:
        server.type(f"kill {alice.peer.port}")
    alice.peer.rest()
    Frames(server, session=OTHER)
    server.stop(signal.SIGKILL)

    assert Frames(start(), session=SECRET).welcome["resumed"] is False


@pytest.mark.parametrize("stop", STOPS)
def test_the_history_says_that_plain_clients_left_when_the_server_ended(start, stop: int) -> None:
    server = start()
    bob = server.join()
    bob.send(b"/nick bob\n/join ops\n/who\n")
    bob.until("(you) ***")
    Frames(server, session=OTHER)
    server.stop(stop)

    alice = Frames(start(), nick="alice", rooms=["lobby", "ops"])
    alice.send(type="say", room="ops", text="here", key="k")
    alice.until("entry", text="here")

    assert [what for what in alice.history("ops") if what[1] == "bob"] == [("joined", "bob"), ("left", "bob")]


def test_private_messages_are_replayed_after_a_crash(start) -> None:
    server = start()
    bob = Frames(server, session=SECRET, nick="bob", since={"@": 0})
    server.stop(signal.SIGKILL)

    server = start()
    alice = Frames(server, nick="alice")
    alice.send(type="tell", to="bob", text="psst", key="k")
    alice.until("entry", kind="told")
    back = Frames(server, session=SECRET, since={"@": 0}, epoch=bob.welcome["epoch"])

    assert back.until("entry", kind="told")["text"] == "psst"


def test_c26_sessions_left_behind_are_listed_ended_and_banned(start) -> None:
    server = start("--proxy", "127.0.0.1", "--max-per-address", "5")
    for number in range(40):
        client = Frames(server, proxied="192.0.2.1", session=f"{number:032}", nick=f"nick-{number}")
        client.peer.close()
        server.console(r"^Client \[192\.0\.2\.1:\d+\] disconnected$")

    listed = clients_of(server)
    assert [client["nick"] for client in listed] == [f"nick-{number}" for number in range(35, 40)]
    assert all(client["away_s"] >= 0 for client in listed)
    server.http("DELETE /clients/nick-35")
    server.type("kill nick-36")
    server.console(r"^Client \[192\.0\.2\.1:\d+\] kicked$")
    server.console(r"^Client \[192\.0\.2\.1:\d+\] kicked$")
    assert [client["nick"] for client in clients_of(server)] == ["nick-37", "nick-38", "nick-39"]
    server.type("ban 192.0.2.0/24")
    server.console(r"^Banned 192\.0\.2\.0/24; 3 kicked$")
    assert clients_of(server) == []


@pytest.mark.parametrize("stop", STOPS)
def test_c26_sessions_left_behind_are_counted_and_banned_after_a_restart(start, stop: int) -> None:
    flags = ("--proxy", "127.0.0.1", "--max-per-address", "3")
    server = start(*flags)
    for number in range(3):
        Frames(server, proxied="192.0.2.1", session=f"{number:032}", nick=f"nick-{number}").peer.close()
        server.console(r"^Client \[192\.0\.2\.1:\d+\] disconnected$")
    server.stop(stop)

    server = start(*flags)
    assert [(it["address"], it["port"]) for it in clients_of(server)] == [("192.0.2.1", 0)] * 3
    Frames(server, proxied="192.0.2.1", session=OTHER, nick="other").peer.close()
    server.console(r"^Client \[192\.0\.2\.1:\d+\] disconnected$")
    nicks = [it["nick"] for it in clients_of(server)]
    assert (len(nicks), nicks[-1]) == (3, "other")
    server.type("ban 192.0.2.0/24")

    server.console(r"^Banned 192\.0\.2\.0/24; 3 kicked$")
    assert clients_of(server) == []


def test_without_a_session_a_broken_connection_is_the_end(server) -> None:
    bob = server.join()
    alice = Frames(server, nick="alice")
    bob.until("[alice] joined the chat ***")

    alice.peer.close()

    assert bob.line() == "*** [alice] left the chat ***"


def test_a_hundred_who_leave_as_the_server_stops_are_on_record(start) -> None:
    server = start()
    server.join_all(120)
    server.stop()

    alice = Frames(start(), nick="alice")
    alice.send(type="history", room="lobby", limit=500, key="h")
    entries = alice.until("page", key="h")["entries"]

    told = sum(entry["kind"] == "left" for entry in entries)
    counted = sum(
        int(entry["text"].split(" left")[0].split()[-1]) for entry in entries if "left" in entry.get("text", "")
    )
    assert told + counted == 120
