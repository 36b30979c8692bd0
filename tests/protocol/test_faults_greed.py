"""Clients that ask for much and take nothing: what they can make the server hold and do."""

import json
import re
import socket
import time

import pytest

MIB = 1024
"""In KiB, as memory is told."""


def entries_of(server) -> int:
    """The number of entries kept since the server was started."""
    metrics = server.http("GET /metrics").decode()
    counts = re.findall(r"^trio_chat_entries_total\{.*\} (\S+)$", metrics, re.MULTILINE)
    return int(sum(map(float, counts)))


def test_c14_answers_that_nobody_reads_are_not_made(server) -> None:
    alice, greedy = server.join(), server.join()
    alice.line()
    for _ in range(1000):
        greedy.send(b"x" * 4000 + b"\n")
    greedy.send(b"/who\n")
    greedy.line()
    before = server.rss_kib()

    greedy.send(b"/history 1000\n" * 1000)

    for number in range(20):
        greedy.socket.recv(1)
        alice.send(b"/who\n")
        while not alice.line().endswith("***"):
            pass
        assert server.rss_kib() - before < 32 * MIB, number


def test_c14_a_long_history_is_whole_and_in_order_though_it_is_read_in_pages(server) -> None:
    alice = server.join()
    for number in range(170):
        alice.send(b"%d\n" % number)

    alice.send(b"/history 165\n/who\n")

    *lines, end = alice.until("(you) ***")[:-1]
    assert end.startswith("*** older: /history 165 before ")
    assert [line.partition("> ")[2] for line in lines] == [str(number) for number in range(5, 170)]


def test_c9_a_stranger_that_sends_rubbish_and_takes_no_answer_has_to_go_at_once(server) -> None:
    stranger = server.connect()
    stranger.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    began = time.monotonic()

    with pytest.raises(ConnectionError):
        send_forever(stranger, b"{\n" * 8192)

    assert time.monotonic() - began < 8  # after 10 s without a hello it would have to go anyway


def send_forever(peer, data: bytes) -> None:
    while True:
        peer.send(data)


def test_c21_renames_in_a_hundred_rooms_are_paid_for_and_everybody_else_is_heard_meanwhile(start) -> None:
    server = start("--rate", "5", "--burst", "20")
    rooms = ["lobby", *(f"r{number}x" for number in range(99))]
    evil = server.connect(json.dumps({"type": "hello", "protocol": 1, "rooms": rooms}).encode() + b"\n")
    while '"welcome"' not in evil.line():
        pass
    alice, bob = server.join(), server.join()
    before = entries_of(server)

    for number in range(60):
        evil.send(json.dumps({"type": "nick", "nick": f"evil{'ab'[number % 2]}"}).encode() + b"\n")
    for number in range(20):
        bob.send(b"%d\n" % number)
        assert alice.until(f"> {number}")

    assert entries_of(server) - before < 20 + 200
