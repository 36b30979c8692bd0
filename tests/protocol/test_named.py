"""A client is told that a name is its own once that is durable: a server killed at that moment finds it there again."""

import select
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from tests.protocol.conftest import Peer, Server
from tests.protocol.test_frames import Frames
from tests.protocol.test_names import OURS, PASSWORD, Key, challenge, say_hello
from tests.protocol.test_operators import ask

SESSION = "p" * 32
GUEST = "guest-alice"
"""The nick under which one claims the name alice."""


@contextmanager
def locked(server: Server) -> Iterator[None]:
    """Let another program lock the journal: what is posted in this block is kept when it ends."""
    with closing(sqlite3.connect(server.data / "journal.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield


def received_meanwhile(server: Server, peer: Peer, nick: str) -> bytes:
    """Wait until a connection has a nick, and for some answers to others, who are not held up. -> the bytes that have
    come to it by then, which are still to be read"""
    answered = 0
    while answered < 6:
        clients = ask(server, "GET", "/clients")["clients"]
        answered += any((it["port"], it["nick"]) == (peer.port, nick) for it in clients)
    is_readable = select.select([peer.socket], [], [], 0)[0]
    return peer.socket.recv(65536, socket.MSG_PEEK) if is_readable else b""


def start_with_alice(start: Callable[..., Server], key: Key) -> Server:
    """Start a server at which alice has claimed her name by a key and a password, and is not here."""
    server = start()
    owner = Frames.enter(server, nick="alice")
    owner.send(type="register", proof=key.proof(challenge(owner), purpose="claim"), key="r")
    owner.until("named", key="r")
    owner.send(type="command", room="lobby", line=f"/password {PASSWORD}", key="p")
    owner.until("output", key="p")
    owner.send(type="bye")
    owner.peer.rest()
    return server


def by_command(client: Frames, _key: Key) -> None:
    client.send(type="command", room="lobby", line=f"/login alice {PASSWORD}", key="n")


def by_key(client: Frames, key: Key) -> None:
    client.send(type="register", proof=key.proof(challenge(client), purpose="claim"), key="n")


@pytest.mark.parametrize(("prove", "room"), [(by_command, "lobby"), (by_key, "lobby"), (by_key, "")])
def test_named_is_sent_once_a_session_is_resumed_under_the_name(start, prove: Callable, room: str) -> None:
    key = Key()
    server = start_with_alice(start, key)
    alice = Frames.enter(server, nick=GUEST, session=SESSION)
    if not room:
        alice.send(type="leave", room="lobby", key="v")
        alice.until("done", key="v")

    with locked(server):
        prove(alice, key)
        assert b'"named"' not in received_meanwhile(server, alice.peer, "alice")
    assert alice.until("named")["label"] == "alice"
    server.stop(signal.SIGKILL)

    server = start()
    back = Frames(server, type="challenge", key="c")
    welcome = say_hello(back, nick="alice", session=SESSION, proof=key.proof(back.until("challenge", key="c")))
    assert (welcome["type"], welcome["resumed"], welcome["you"]["label"]) == ("welcome", True, "alice")
    assert welcome["you"]["account"]
    back.send(type="ping", key="p")
    types: list[str] = []
    while "pong" not in types:
        types.append(back.receive()["type"])
    assert "news" not in types  # it is sent all that it missed


@pytest.mark.parametrize("flags", [(), ("--names", "members")], ids=["in the chat", "before the chat"])
def test_a_plain_client_is_told_that_the_name_is_its_own_once_its_place_is_durable(start, flags: tuple) -> None:
    server = start_with_alice(start, Key())
    bob = server.join()
    bob.send(b"/msg alice this waits\n")  # it is shown at once behind the sentence
    bob.until("this waits for them ***")
    if flags:
        server.stop()
        server = start(*flags)
    alice = server.connect()
    alice.send(b"/login alice\n")
    alice.until(" (it is shown as you type): ***")

    with locked(server):
        alice.send(f"{PASSWORD}\n".encode())
        assert OURS.encode() not in received_meanwhile(server, alice, "alice")
    while alice.line() != OURS:
        pass
    server.stop(signal.SIGKILL)

    with closing(sqlite3.connect(server.data / "journal.db")) as db:
        assert db.execute("SELECT label FROM place WHERE mode = 'lines' AND account <> ''").fetchall() == [("alice",)]


def test_another_nick_is_confirmed_once_a_session_is_resumed_under_it(start) -> None:
    server = start()
    bob = Frames.enter(server, nick="bob", session=SESSION)
    with locked(server):
        bob.send(type="nick", nick="robert", key="n")
        assert b'"done"' not in received_meanwhile(server, bob.peer, "robert")

    bob.until("done", key="n")
    server.stop(signal.SIGKILL)

    again = Frames.enter(start(), nick="bob", session=SESSION)
    assert (again.welcome["resumed"], again.welcome["you"]["label"]) == (True, "robert")
