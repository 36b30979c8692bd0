"""Many clients at once, those that never read, and those that say too much."""

import json
import re
import socket
import time
from contextlib import suppress

import pytest

from trio_chat.chat.crowd import NOTICES_PER_TICK


def test_c11_hundreds_who_say_nothing_hold_up_nobody(server) -> None:
    silent = [server.connect() for _ in range(300)]
    alice, bob = server.join(), server.join()
    bob.send(b"/join talk\n")
    bob.until("you are in #talk ***")
    alice.send(b"/join talk\n")
    bob.until("joined #talk ***")

    for number in range(100):
        alice.send(b"%d\n" % number)
        assert bob.line().endswith(f"]> {number}")

    bob.send(b"/rooms\n")
    assert bob.line() == f"  #lobby  {len(silent):>5}"


def test_c14_a_reader_that_stopped_is_told_its_gap_when_it_reads_again(start) -> None:
    server = start("--window-bytes", "64KiB", "--journal", "memory:")
    stuck, bob = server.join(), server.join()
    for number in range(1500):
        bob.send(b"%d " % number + b"x" * 1000 + b"\n")
    bob.send(b"/who\n")
    bob.until("(you) ***")

    bob.send(b"the end\n")
    lines = stuck.until("> the end")

    missed = sum(int(line.split()[3]) for line in lines if line.startswith("*** you missed"))
    numbers = [int(re.split("> | ", line)[1]) for line in lines if "xxx" in line]
    assert missed > 0
    assert len(numbers) + missed == 1500
    assert numbers == sorted(numbers)


def test_c14_a_reader_that_takes_nothing_is_gone_after_the_time_it_has_and_the_reason_is_logged(start) -> None:
    server = start("--stall-timeout", "1s", "--journal", "memory:")
    stuck = server.join()
    alice, bob = server.join(), server.join()
    alice.line()

    for _ in range(300):
        bob.send(b"x" * 4000 + b"\n")
        alice.line()
    server.console(rf"^Client \[127\.0\.0\.1:{stuck.port}\] disconnected$")
    bob.send(b"still here\n")

    assert alice.until("still here")
    assert server.stop() == 0
    assert b"stalled" in server.process.stderr.read()


def test_c15_of_a_flood_every_line_arrives_in_order_and_others_are_heard_meanwhile(server) -> None:
    alice, bob, flooder = server.join(), server.join(), server.join()
    alice.until("joined the chat ***")
    alice.line()
    count = 20_000

    flooder.send(b"".join(b"%d\n" % number for number in range(count)))
    bob.send(b"a word\n")
    flooder.send(b"the end\n")
    texts = [line.partition("> ")[2] for line in alice.until("> the end")]

    assert texts.index("a word") < count  # before the flood was over
    texts.remove("a word")
    assert texts == [*map(str, range(count)), "the end"]


def test_c15_a_slowed_client_is_not_read_and_others_are_served_meanwhile(start) -> None:
    server = start("--rate", "1", "--burst", "1")
    alice, bob, flooder = server.join(), server.join(), server.join()
    server.http("GET /health")
    before, began = server.rss_kib(), time.monotonic()

    flooder.socket.setblocking(False)
    taken: list[int] = []
    while len(taken) < 50 or any(taken[-10:]):  # until the system is full of it
        assert len(taken) < 1000
        taken.append(send_what_is_taken(flooder.socket))
        server.http("GET /health")  # it has had time for more
    bob.send(b"a word\n")

    assert alice.until("> a word")
    assert server.rss_kib() - before < 2048
    body = server.http(f"GET /clients/{flooder.port}").partition(b"\r\n\r\n")[2]
    assert json.loads(body)["lines_in"] <= 2 + (time.monotonic() - began)  # one at once, then one a second


def send_what_is_taken(sock: socket.socket) -> int:
    """Send short lines until the system takes no more for now, or has taken very many."""
    sent = 0
    with suppress(BlockingIOError):
        while sent < 64 << 20:
            sent += sock.send(b"a line\n" * 10_000)
    return sent


def test_c16_joins_and_leaves_in_quick_succession_are_summed_up(server) -> None:
    alice = server.join()
    began = time.monotonic()
    visitors = [server.connect() for _ in range(400)]
    for visitor in visitors:
        visitor.send(b"/quit\n")
        visitor.rest()

    told = summed_up = 0
    while told + summed_up < 2 * len(visitors):
        line = alice.line()
        told += line.startswith("*** [")
        summed_up += sum(map(int, re.findall(r"(\d+) (?:joined|left)", line)))

    assert told + summed_up == 2 * len(visitors)
    assert told <= NOTICES_PER_TICK * (time.monotonic() - began + 2)


def test_c16_a_ban_of_hundreds_is_told_by_name_up_to_a_number_and_then_summed_up(server) -> None:
    witness = server.join("127.0.0.1")
    banned = [server.connect(b"\n", source=("127.0.0.2", 0)) for _ in range(NOTICES_PER_TICK + 200)]
    for _ in banned:
        server.console(r"^Client \[127\.0\.0\.2, \d+\] connected$")

    server.type("ban 127.0.0.2")
    began, named, counted = time.monotonic(), 0, 0
    while named + counted < len(banned):
        line = witness.line()
        named += line.endswith("] was kicked ***")
        counted += sum(map(int, re.findall(r"(\d+) w(?:as|ere) kicked", line)))

    assert named + counted == len(banned)
    assert named <= NOTICES_PER_TICK * (time.monotonic() - began + 2)
    assert all(b"you are banned" in peer.rest() for peer in banned)
    witness.send(b"/who\n")
    assert witness.line() == f"*** 1 in #lobby: [127.0.0.1:{witness.port}] (you) ***"


def test_c17_an_error_of_ours_ends_one_session_by_one_log_line(tmp_path, start) -> None:
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        server = start()
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(b"/me waves\n/me explode\nnever said\n")

    assert alice.line() == f"* [127.0.0.1:{bob.port}] waves"
    assert alice.line() == f"*** [127.0.0.1:{bob.port}] left the chat ***"
    assert b"never" not in bob.rest()
    alice.send(b"/who\n")
    assert alice.line() == f"*** 1 in #lobby: [127.0.0.1:{alice.port}] (you) ***"
    assert server.stop() == 0
    errors = server.process.stderr.read().decode()
    records = [line for line in errors.splitlines() if not line.startswith("    ")]
    assert [record.split(" ", 1)[1] for record in records] == [f"ERROR the session of 127.0.0.1 port {bob.port} failed"]
    assert errors.splitlines()[-1] == "    ZeroDivisionError: division by zero"
    assert "ExceptionGroup" not in errors


BROKEN = """
import trio

def run(*args, real=trio.run, **options):
    from trio_chat.chat.chat import Chat

    def act(self, client, room, text, act=Chat.act, **rest):
        return 1 / 0 if text == "explode" else act(self, client, room, text, **rest)

    Chat.act = act
    return real(*args, **options)

trio.run = run
"""
"""A server with a defect: a command that raises what nothing expects."""
