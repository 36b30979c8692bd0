"""People on several servers of one chat: found, named, kicked and resumed whatever server they are on."""

import re
import signal

import pytest

from tests.protocol.nodes import StartNode, clients_of, until
from tests.protocol.test_frames import HELLO, SECRET, Frames
from tests.protocol.test_operators import ask
from tests.redis_server import RedisServer


def nodes_by_label(server, query: str = "") -> dict[object, object]:
    return {it["label"]: it["node"] for it in clients_of(server, query)}


def test_everybody_is_seen_from_every_node_with_the_node(node: StartNode) -> None:
    one, two = node("one"), node("two")
    alice, bob = Frames.enter(one, nick="alice", session=SECRET), two.join()
    expected = {"alice": "one", f"127.0.0.1:{bob.port}": "two"}

    until(lambda: nodes_by_label(one) == expected)
    until(lambda: nodes_by_label(two) == expected)
    assert nodes_by_label(two, "?room=lobby&nick=al") == {"alice": "one"}
    bob.send(b"/who\n")
    assert bob.until("[alice] ***")[-1] == f"*** 2 in #lobby: [127.0.0.1:{bob.port}] (you), [alice] ***"
    alice.send(type="who", room="lobby", key="w")
    assert alice.until("members", key="w")["count"] == 2
    two.type("list")
    two.console(r"^PORT +ADDRESS +NICK .* ID +NODE$")
    assert two.console(r"^\d+ +127.0.0.1 +alice .* (\w+)$").group(1) == "one"

    alice.peer.close()  # it is away, and may resume
    assert until(lambda: clients_of(two, "?away=true"))[0]["label"] == "alice"
    bob.close()
    until(lambda: nodes_by_label(one) == {"alice": "one"})


def test_a_nick_is_somebodys_on_all_nodes_until_it_is_given_up(node: StartNode) -> None:
    alice, bob = node("one").join(), node("two").join()
    alice.send(b"/nick alice\n")
    alice.until("*** you are [alice] now ***")

    bob.send(b"/nick Alice\n")
    bob.until("*** the nick Alice is taken ***")
    alice.send(b"/nick ann\n")
    bob.until("*** [alice] is now [ann] ***")
    bob.send(b"/nick alice\n")
    bob.until("*** you are [alice] now ***")
    alice.close()
    bob.until("*** [ann] left the chat ***")
    bob.send(b"/nick ann\n")
    bob.until("*** you are [ann] now ***")


def test_of_many_who_take_a_nick_at_once_on_two_nodes_one_has_it(node: StartNode) -> None:
    servers = node("one"), node("two")
    peers = [server.join() for _ in range(4) for server in servers]

    for nick in ("ann", "bea", "cleo"):
        for peer in peers:
            peer.send(f"/nick {nick}\n".encode())
        answers = [peer.until_match(rf"you are \[{nick}\] now|the nick {nick} is taken") for peer in peers]
        assert sum("now" in answer for answer in answers) == 1


def test_a_private_message_comes_to_another_node(node: StartNode) -> None:
    one, two = node("one"), node("two")
    alice, bob, carol = one.join(), two.join(), Frames.enter(two, nick="carol", session=SECRET)
    until(lambda: len(clients_of(one)) == 3)

    alice.send(f"/msg 127.0.0.1:{bob.port} psst\n/msg carol hush\n".encode())

    bob.until_match(rf"^\[127.0.0.1:{alice.port} -> .*\]> psst$")
    assert carol.until("entry", kind="told")["text"] == "hush"
    carol.send(type="tell", to=f"127.0.0.1:{alice.port}", text="yes", key="t")
    heard = alice.until("> yes")
    assert [line for line in heard if "psst" in line or "hush" in line] == [
        f"*** to [127.0.0.1:{bob.port}]: psst ***",
        "*** to [carol]: hush ***",
    ]


@pytest.mark.parametrize("who", ["nick", "port", "id"])
def test_an_operator_kicks_somebody_on_another_node(node: StartNode, who: str) -> None:
    one, two = node("one"), node("two")
    bob, carol = two.join(), two.join()
    bob.send(b"/nick bob\n")
    carol.until("is now [bob] ***")
    until(lambda: "bob" in nodes_by_label(one))
    [found] = clients_of(one, "?nick=bob")

    assert ask(one, "DELETE", f"/clients/{found[who]}", reason="noise")["id"] == found["id"]

    bob.until("*** you were kicked: noise ***")
    assert bob.rest() == b""
    carol.until("*** [bob] was kicked ***")
    two.console(rf"^Client \[127.0.0.1:{bob.port}\] kicked$")
    until(lambda: "bob" not in nodes_by_label(one))
    two.type("audit")
    assert two.console(r"  kick  (.*)$").group(1) == f"127.0.0.1:{bob.port} (bob): noise"


def test_a_ban_and_a_mute_hold_on_all_nodes_and_end_there_too(node: StartNode) -> None:
    one, two = node("one"), node("two")
    bob = two.join()
    until(lambda: clients_of(one))

    one.type("mute 127.0.0.1")
    one.console("^Muted")
    until(lambda: clients_of(two)[0]["muted"])
    bob.send(b"hello\n")
    bob.until_match("you are muted")
    two.type("unmute 127.0.0.1")
    two.console("^Unmuted")
    until(lambda: not clients_of(one)[0]["muted"])

    one.type("ban 127.0.0.0/8 9 spam")
    one.console("^Banned .* 1 kicked$")
    bob.until_match("you are banned.*spam")
    assert bob.rest() == b""
    until(lambda: ask(two, "GET", "/bans")["total"] == 1)
    assert b"you are banned" in two.connect().rest()
    two.type("unban 127.0.0.0/8")
    two.console("^Unbanned")
    until(lambda: ask(one, "GET", "/bans")["total"] == 0)
    one.join()


def test_an_announcement_comes_to_everybody_once(node: StartNode) -> None:
    one, two = node("one"), node("two")
    alice, bob, carol = one.join(), two.join(), two.join()
    carol.send(b"/join quiet\n")  # a room that the first node does not know
    carol.until_match("you are in #quiet")
    until(lambda: clients_of(one, "?room=quiet"))
    until(lambda: len(clients_of(one)) == 3)

    one.type("say dinner")

    for peer in (alice, bob, carol):
        peer.until_match(r"^\[server\]> dinner$")
        peer.send(b"/nick\n")
        assert not any("dinner" in line for line in peer.all_until_match("you are "))


def test_a_session_goes_on_on_another_node_under_its_name_and_nobody_is_told(node: StartNode) -> None:
    one, two = node("one"), node("two")
    alice, bob = Frames.enter(one, nick="alice", session=SECRET, rooms=["lobby", "dev"]), one.join()
    alice.send(type="say", room="lobby", text="before", key="k1")
    seen = alice.until("entry", key="k1")["id"]
    bob.send(b"meanwhile\n")
    alice.until("entry", text="meanwhile")

    back = Frames(two, **HELLO, session=SECRET, since={"lobby": seen}, epoch=alice.welcome["epoch"])

    welcome = back.until("welcome")
    assert (welcome["resumed"], welcome["you"]["label"]) == (True, "alice")
    assert [room["name"] for room in welcome["rooms"]] == ["lobby", "dev"]
    assert back.until("entry", kind="said")["text"] == "meanwhile"
    assert alice.until("bye")["reason"] == "resumed"
    back.send(type="say", room="lobby", text="before", key="k1")  # again: it may have had no answer
    assert back.until("entry", key="k1")["id"] == seen
    back.send(type="say", room="lobby", text="after", key="k2")
    assert not [line for line in bob.until("[alice]> after") if "joined" in line or "left" in line]
    for server in (one, two):
        until(lambda server=server: sorted(nodes_by_label(server).values()) == ["one", "two"])


@pytest.mark.slow
def test_a_node_that_dies_has_its_places_held_and_its_others_gone_once(node: StartNode) -> None:
    one, two, three = node("one"), node("two"), node("three")
    Frames.enter(one, nick="alice", session=SECRET)
    plain, bob = one.join(), Frames.enter(two, nick="bob")
    until(lambda: len(clients_of(three)) == 3)
    one.process.kill()
    one.process.wait()

    assert bob.until("entry", kind="left")["author"] == f"127.0.0.1:{plain.port}"
    [held] = until(lambda: clients_of(three, "?away=true"))
    assert (held["label"], held["node"] in ("two", "three")) == ("alice", True)
    back = Frames.enter(three, session=SECRET)
    assert (back.welcome["resumed"], back.welcome["you"]["label"]) == (True, "alice")
    back.send(type="say", room="lobby", text="here", key="k")
    bob.until("entry", text="here")

    again = node("one")
    until(lambda: nodes_by_label(again) == {"alice": "three", "bob": "two"})
    page = bob.until_page(presence=True)["entries"]
    assert [it["author"] for it in page if it["kind"] == "left"] == [f"127.0.0.1:{plain.port}"]


@pytest.mark.slow
def test_a_node_that_was_paused_for_too_long_ends_its_clients_before_they_speak(node: StartNode) -> None:
    one, two = node("one"), node("two")
    plain, alice, bob = one.join(), Frames.enter(one, nick="alice", session=SECRET), Frames.enter(two, nick="bob")
    until(lambda: len(clients_of(two)) == 3)
    with one.stopped():
        assert bob.until("entry", kind="left")["author"] == f"127.0.0.1:{plain.port}"
        until(lambda: nodes_by_label(two, "?away=true") == {"alice": "two"})
        plain.send(b"ghost\n")
        alice.send(type="say", room="lobby", text="spirit", key="k")

    assert b"out of reach" in plain.rest()
    assert b"out of reach" in alice.peer.rest()
    back = Frames.enter(one, session=SECRET)
    assert (back.welcome["resumed"], back.welcome["you"]["label"]) == (True, "alice")
    back.send(type="say", room="lobby", text="spirit", key="k")
    bob.until("entry", text="spirit")

    page = bob.until_page(presence=True)["entries"]
    assert [it["text"] for it in page if it["kind"] == "said"] == ["spirit"]
    assert [it["author"] for it in page if it["kind"] == "left"] == [f"127.0.0.1:{plain.port}"]
    for server in (one, two):
        until(lambda server=server: nodes_by_label(server) == {"alice": "one", "bob": "two"})


def test_a_node_may_stand_still_for_less_than_its_lease(node: StartNode) -> None:
    one, two = node("one"), node("two")
    alice, bob = one.join(), two.join()
    with one.stopped():
        bob.send(b"first\n")

    alice.until("> first")
    alice.send(b"second\n")
    assert not [line for line in bob.until("> second") if re.search("left|joined", line)]


def test_of_two_connections_of_a_session_that_wait_for_redis_one_goes_on(node: StartNode, redis: RedisServer) -> None:
    one, two = node("one"), node("two")
    Frames.enter(two, nick="alice", session=SECRET)
    redis.signal(signal.SIGSTOP)
    both = [Frames(one, **HELLO, session=SECRET) for _ in range(2)]  # the node may read either one first
    redis.signal(signal.SIGCONT)

    answers = [one.receive() for one in both]
    [welcome] = [it for it in answers if it["type"] == "welcome"]
    [refusal] = [it for it in answers if it is not welcome]
    assert welcome["resumed"]
    # while it waited; or, where the second one came later, once it was in
    assert refusal.get("code", refusal.get("reason")) == "resumed", refusal
    winner = both[answers.index(welcome)]
    winner.send(type="say", room="lobby", text="here", key="k")
    winner.until("entry", key="k")
