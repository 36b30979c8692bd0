"""A server that drains at SIGTERM: it is not ready, lets people go on, and sends them to others."""

import signal
from collections.abc import Callable

from tests.conftest import PATIENCE_S
from tests.protocol.conftest import Peer, Server
from tests.protocol.nodes import until
from tests.protocol.test_frames import SECRET, Frames

Start = Callable[..., Server]

LONG = ("--drain", "10m")


def begin_draining(server: Server) -> None:
    """Send SIGTERM, and wait until it is obeyed."""
    server.process.send_signal(signal.SIGTERM)
    until(lambda: b" 503 " in server.http("GET /health/ready").splitlines()[0])


def test_while_it_drains_it_is_not_ready_and_people_come_speak_and_go(start: Start) -> None:
    server = start(*LONG)
    alice = Frames.enter(server, nick="alice", session=SECRET)

    begin_draining(server)
    answer = server.http("GET /health/ready")
    bob = server.join()
    bob.send(b"hello\n")

    assert b"the server is stopping" in answer
    assert b" 200 " in server.http("GET /health/live").splitlines()[0]
    assert alice.until("entry", kind="said")["text"] == "hello"


def test_clients_in_frames_come_back_at_once_and_those_in_lines_are_told_to(start: Start) -> None:
    server = start("--drain", "1")
    alice = Frames.enter(server, nick="alice", session=SECRET)
    bob = server.join()

    server.process.send_signal(signal.SIGTERM)
    bye = alice.until("bye")
    told = bob.until("connect again, and another takes over ***")[-1]

    assert (bye["reason"], bye["retry_s"]) == ("stopping", 0.0)
    assert told == "*** this server will stop within 1 s: connect again, and another takes over ***"
    assert bob.until("shutting down ***")
    assert server.process.wait(PATIENCE_S) == 0


def test_a_signal_ends_the_draining_in_good_order(start: Start) -> None:
    server = start(*LONG)
    alice, bob = Frames.enter(server, nick="alice", session=SECRET), server.join()

    begin_draining(server)
    server.process.send_signal(signal.SIGTERM)

    assert alice.until("bye")["retry_s"] == 1.0
    assert said_last(bob) == "*** the server is shutting down ***"
    assert server.process.wait(PATIENCE_S) == 0


def said_last(peer: Peer) -> str:
    return peer.rest().decode().splitlines()[-1]


def test_the_console_ends_the_draining_too(start: Start) -> None:
    server = start(*LONG)
    bob = server.join()

    begin_draining(server)
    server.type("quit()")

    assert said_last(bob) == "*** the server is shutting down ***"
    assert server.process.wait(PATIENCE_S) == 0


def test_ctrl_c_stops_a_server_at_once(start: Start) -> None:
    server = start(*LONG)
    bob = server.join()

    assert server.stop(signal.SIGINT) == 0
    assert said_last(bob) == "*** the server is shutting down ***"
