"""Attacks on the chat port, by the names of the list of faults."""

import json
import re
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import PATIENCE_S

LIMIT = 4096


def reset(sock: socket.socket) -> None:
    """Close so that the other end sees a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_c1_an_endless_line_is_one_error_and_costs_no_memory(server) -> None:
    alice, flood = server.join(), server.join()
    alice.line()
    before = most = server.rss_kib()

    block = b"x" * (1 << 20)
    for _ in range(64):
        flood.send(block)
        most = max(most, server.rss_kib())  # afterwards it may have been given back
    flood.send(b"\nafter\n/who\n")

    # Before it may stand that alice joined, where that was durable only now.
    assert flood.until("not sent ***")[-1] == "*** line too long: at most 4096 bytes; it was not sent ***"
    assert flood.line().startswith("*** 2 in #lobby")
    assert alice.line() == f"[127.0.0.1:{flood.port}]> after"
    assert max(most, server.rss_kib()) - before < 1024


def test_c1_others_are_heard_while_somebody_sends_an_endless_line(server) -> None:
    alice, bob, flood = server.join(), server.join(), server.join()
    alice.line()
    alice.line()
    is_over = threading.Event()

    def send_on() -> None:
        while not is_over.is_set():
            flood.send(b"x" * (1 << 20))
        flood.send(b"\n")

    with ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(send_on)
        try:
            for number in range(200):
                bob.send(b"%d\n" % number)
                assert alice.line() == f"[127.0.0.1:{bob.port}]> {number}"
        finally:
            is_over.set()
        flooding.result()

    assert flood.until("it was not sent ***")


def test_c2_a_line_one_byte_at_a_time_is_delivered_once_and_whole(server) -> None:
    alice, bob, carol = server.join(), server.join(), server.join()
    alice.line()
    alice.line()
    bob.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    for byte in "héllo 🙂\nnext\n".encode():
        bob.send(bytes([byte]))
        carol.send(b"/who\n")
        carol.until("(you) ***")  # it is read by now: else several would come at once

    assert alice.line() == f"[127.0.0.1:{bob.port}]> héllo 🙂"
    assert alice.line() == f"[127.0.0.1:{bob.port}]> next"


@pytest.mark.parametrize(("size", "is_taken"), [(LIMIT - 1, True), (LIMIT, True), (LIMIT + 1, False)])
def test_c3_the_limit_is_exact_and_nothing_is_cut(server, size: int, is_taken: bool) -> None:
    alice, bob = server.join(), server.join()
    alice.line()
    text = "a" * (size - 4) + "🙂"

    bob.send(f"{text}\nend\n".encode())

    if is_taken:
        assert alice.line() == f"[127.0.0.1:{bob.port}]> {text}"
    else:
        assert bob.line() == "*** line too long: at most 4096 bytes; it was not sent ***"
    assert alice.line() == f"[127.0.0.1:{bob.port}]> end"


@pytest.mark.parametrize("bad", [b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xff", b"a\xf5\x80\x80\x80"])
def test_c4_invalid_utf8_is_refused_and_the_connection_stays(server, bad: bytes) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(bad + b"\nfine\n")

    assert bob.line() == "*** line is not valid UTF-8; it was not sent ***"
    assert alice.line() == f"[127.0.0.1:{bob.port}]> fine"


@pytest.mark.parametrize("char", ["\0", "\r", "\v", "\f", "\x85", "\u2028", "\u2029"])
def test_c5_one_line_in_is_one_line_out(server, char: str) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(f"one{char}line\nnext\n".encode())

    text = "oneline" if char == "\0" else "one line"
    assert alice.line() == f"[127.0.0.1:{bob.port}]> {text}"
    assert alice.line() == f"[127.0.0.1:{bob.port}]> next"


SEQUENCES = [
    "\x1b[31mred",
    "\x1b]8;;http://x\x07link\x1b]8;;\x07",
    "\x1b]52;c;aGk=\x07clip",
    "\x9b2Jclear",
    "\x1bPq\x1b\\",
    "\x1b_G\x1b\\",
    "\x1b lone",
    "\x84 index",
    "\x9d no end",
]


def assert_is_text(heard: str) -> None:
    assert not [char for char in heard if char != "\n" and (char < " " or "\x7f" <= char <= "\x9f")]


def test_c6_no_escape_sequence_reaches_anyone(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    for attack in SEQUENCES:
        bob.send(f"x{attack}\n/topic {attack}\n/me {attack}\n".encode())
    bob.send(b"end\n")
    heard = "\n".join(alice.until("end"))

    assert_is_text(heard)
    assert "link" in heard
    bob.send(b"/rooms\n/history 50\n/who\n")  # what is kept is no other
    assert_is_text("\n".join(bob.until("(you) ***")))


def test_c6_no_escape_sequence_of_a_frame_reaches_a_plain_client(server) -> None:
    alice = server.join()
    bot = server.connect(json.dumps({"type": "hello", "protocol": 1, "nick": "e\x1b[1mve"}).encode() + b"\n")
    alice.line()

    for number, attack in enumerate(SEQUENCES):
        bot.send(json.dumps({"type": "nick", "nick": f"e{attack}", "key": f"n{number}"}).encode() + b"\n")
        for kind in ("say", "act", "topic"):
            frame = {"type": kind, "room": "lobby", "text": f"x{attack}", "key": f"{kind}{number}"}
            bot.send(json.dumps(frame).encode() + b"\n")
    bot.send(b'{"type":"say","room":"lobby","text":"end","key":"end"}\n')

    assert_is_text("\n".join(alice.until("end")))


def test_c6_parts_in_two_messages_in_a_nick_or_in_c1_bytes_make_no_sequence(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(b"one\x1b\n[31mtwo\n/nick e\x1b[1mve\n\x9b2J\n\xc2\x9b2Jthree\n/nick al\xc2\x9b1mice\n/me ends\n")

    name = f"[127.0.0.1:{bob.port}]"
    assert alice.until("ends") == [f"{name}> one", f"{name}> [31mtwo", f"{name}> three", f"* {name} ends"]


def test_c6_no_escape_sequence_in_an_address_that_a_proxy_tells_reaches_anyone(start) -> None:
    server = start("--proxy", "127.0.0.0/8")
    alice = server.connect(b"PROXY TCP4 192.0.2.1 192.0.2.9 1 5555\r\n/who\n")
    alice.until("(you) ***")

    for attack in SEQUENCES:
        bob = server.connect(f"PROXY TCP6 fe80::1%{attack.replace(' ', '')} ::1 2 5555\r\nhello\n".encode())
        assert bob.rest() == b"*** your address is a proxy's here, and no PROXY header came ***\n"
    alice.send(b"/who\n")

    assert alice.line() == "*** 1 in #lobby: [192.0.2.1:1] (you) ***"


def test_c7_a_thousand_marks_are_capped_and_what_is_invisible_makes_no_nick(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    for hidden in ("\u0301" * 1000, "\u202e", "\u200d", "\u2066"):
        bob.send(f"a{hidden}b\n/nick zo{hidden}e\n".encode())
    bob.send(b"/who\n")

    assert len(alice.line()) < 40
    assert [alice.line().partition("> ")[2] for _ in range(3)] == ["ab"] * 3
    assert bob.until("(you) ***")[-1].endswith(f"[127.0.0.1:{bob.port}] (you) ***")


def test_c7_directions_are_not_overridden_and_emoji_survive(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send("a\u202eb\u2066c\u200b 👩‍👩‍👧 e\u0301\n".encode())

    assert alice.line() == f"[127.0.0.1:{bob.port}]> abc 👩‍👩‍👧 e\u0301"


@pytest.mark.parametrize(
    ("nick", "refusal"),
    [
        ("аlice", "is taken"),  # Cyrillic а
        ("ａｌｉｃｅ", "is taken"),
        ("ALICE", "is taken"),
        ("al\u200bice", "is made of letters"),
        ("server", "is reserved"),
        ("Ѕerver", "is reserved"),  # Cyrillic Ѕ
        ("127.0.0.1", "is made of letters"),
    ],
)
def test_c8_look_alikes_and_reserved_nicks_are_refused(server, nick: str, refusal: str) -> None:
    alice, bob = server.join(), server.join()
    alice.line()
    alice.send(b"/nick alice\n")
    bob.line()

    bob.send(f"/nick {nick}\n/who\n".encode())

    assert refusal in bob.line()
    assert f"[127.0.0.1:{bob.port}] (you)" in bob.line()


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.1", b"POST /x HTTP/1.0"])
def test_c10_an_http_request_is_refused_and_nothing_of_it_is_relayed(server, request_line: bytes) -> None:
    alice = server.join()

    browser = server.connect(request_line + b"\r\nHost: x\r\n\r\nhello room\r\n")

    assert browser.rest().startswith(b"HTTP/1.1 400 Bad Request\r\n")
    bob = server.join()
    assert alice.line() == f"*** [127.0.0.1:{bob.port}] joined the chat ***"


def come_in_slowly(server, begun: bytes):
    """Begin to say something, too slowly to be looked at before one is let in."""
    browser = server.connect(begun)
    server.console(rf"^Client \[127\.0\.0\.1, {browser.port}\] connected$")
    return browser


def test_c10_a_slow_http_request_is_refused_too(server) -> None:
    alice, browser = server.join(), come_in_slowly(server, b"GET / HT")
    alice.line()

    browser.send(b"TP/1.1\r\nX-Say: hello\r\n\r\nhello room\r\n")

    assert b"HTTP/1.1 400 Bad Request\r\n" in browser.rest()
    assert alice.line() == f"*** [127.0.0.1:{browser.port}] left the chat ***"


@pytest.mark.parametrize("letters", [395, 3000, 5000, 70_000])
def test_c10_a_slow_request_line_that_is_too_long_is_refused_with_all_that_follows(server, letters: int) -> None:
    alice, browser = server.join(), come_in_slowly(server, b"GET /")
    alice.line()

    browser.send(b"a" * letters + b" HTTP/1.1\r\nX-Say: hello\r\n\r\nhello room\r\n")

    assert b"HTTP/1.1 400 Bad Request\r\n" in browser.rest()
    assert alice.line() == f"*** [127.0.0.1:{browser.port}] left the chat ***"


@pytest.mark.parametrize("before", [b"\n", b"\r\n\r\n", b"\r\n" * 3000])
def test_c10_empty_lines_before_an_http_request_help_it_in_as_little(server, before: bytes) -> None:
    alice = server.join()

    browser = server.connect(before + b"POST / HTTP/1.1\r\nX-Say: hello\r\n\r\nhello room\r\n")

    assert b"HTTP/1.1 400 Bad Request\r\n" in browser.rest()
    alice.send(b"/quit\n")
    assert b"]>" not in alice.rest()


def test_c10_an_http_request_behind_lines_that_nobody_can_read_is_refused_too(server) -> None:
    alice, browser = server.join(), come_in_slowly(server, b"\n")
    alice.line()

    browser.send(b" \r\n\xff\r\n\r\nGET / HTTP/1.1\r\nX-Say: hello\r\n\r\nhello room\r\n")

    assert b"HTTP/1.1 400 Bad Request\r\n" in browser.rest()
    assert alice.line() == f"*** [127.0.0.1:{browser.port}] left the chat ***"


def test_c10_a_request_line_behind_words_is_plain_text(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(b"look at this:\nGET / HTTP/1.1\n")

    assert alice.line() == f"[127.0.0.1:{bob.port}]> look at this:"
    assert alice.line() == f"[127.0.0.1:{bob.port}]> GET / HTTP/1.1"


@pytest.mark.parametrize("letters", [3990, 4060, 5000, 70_000])
def test_c10_a_request_line_longer_than_a_look_is_refused_with_all_that_follows(server, letters: int) -> None:
    alice = server.join()

    browser = server.connect(b"POST /" + b"a" * letters + b" HTTP/1.1\r\nHost: x\r\n\r\nhello room\r\n")

    assert browser.rest().startswith(b"HTTP/1.1 400 Bad Request\r\n")
    bob = server.join()
    assert alice.line() == f"*** [127.0.0.1:{bob.port}] joined the chat ***"


def test_c10_each_refusal_is_one_log_line(server) -> None:
    for first in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"PROXY UNKNOWN\r\n", b"PRI * HTTP/2.0\r\n\r\n"):
        stranger = server.connect(first)
        stranger.rest()

    assert refusals_in_the_log_of(server) == ["HTTP", "TLS", "PROXY", "HTTP"]


def refusals_in_the_log_of(server) -> list[str]:
    """Stop the server; -> what it refused, where it logged nothing else."""
    server.process.terminate()
    _, errors = server.process.communicate(timeout=PATIENCE_S)
    found = [
        re.fullmatch(r"\S+ INFO refused (\w+) from 127\.0\.0\.1 port \d+", line)
        for line in errors.decode().splitlines()
    ]
    assert all(found), errors
    return [match.group(1) for match in found if match]


@pytest.mark.parametrize(
    ("start", "rest", "kind"),
    [
        (b"GE", b"T / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"),
        (b"GET /", b"a" * 5000 + b" HTTP/1.1\r\n", "HTTP"),
        (b"PRO", b"XY UNKNOWN\r\n", "PROXY"),
        (b"\n", b'{"type": "hello", "session": "secret"}\n', "HELLO"),
    ],
)
def test_c10_a_late_refusal_of_a_plain_client_is_one_log_line_too(server, start, rest, kind) -> None:
    stranger = server.connect(start)
    server.console(rf"^Client \[127\.0\.0\.1, {stranger.port}\] connected$")

    stranger.send(rest)
    stranger.rest()

    assert refusals_in_the_log_of(server) == [kind]


NO_PROXY = b"*** this server takes no PROXY header from your address: its operator has to name it by --proxy ***\n"


@pytest.mark.parametrize(
    ("first", "answer"),
    [
        (b"\x16\x03\x01\x00\xff\x01\x00", b"\x15\x03"),
        (
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nhi\r\n",
            b"*** this server takes no PROXY header from your address: its operator has to name it by --proxy ***\n",
        ),
        (
            b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c",
            b"*** this server takes no PROXY header from your address: its operator has to name it by --proxy ***\n",
        ),
    ],
)
def test_c10_tls_and_proxy_headers_are_refused_where_they_are_off(server, first: bytes, answer: bytes) -> None:
    alice = server.join()

    stranger = server.connect(first)

    assert stranger.rest().startswith(answer)
    bob = server.join()
    assert alice.line() == f"*** [127.0.0.1:{bob.port}] joined the chat ***"


def test_c12_connecting_and_resetting_a_thousand_times_leaves_no_trace(server) -> None:
    for _ in range(1000):
        reset(server.connect().socket)

    alice = server.join()
    alice.send(b"/who\n")

    assert alice.line() == f"*** 1 in #lobby: [127.0.0.1:{alice.port}] (you) ***"
    server.process.terminate()
    _, errors = server.process.communicate(timeout=PATIENCE_S)
    assert b"Traceback" not in errors


def test_c12_a_reset_in_mid_line_relays_nothing(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()
    bob.send(b"half a li")

    reset(bob.socket)

    assert alice.line() == f"*** [127.0.0.1:{bob.port}] left the chat ***"


def test_c12_a_client_that_closed_its_sending_half_still_gets_its_answers(server) -> None:
    alice = server.join()

    alice.send(b"remember\n/history 5\nlast words")
    alice.socket.shutdown(socket.SHUT_WR)

    remembered, zone = alice.rest().decode().splitlines()
    assert remembered.endswith("remember")
    assert zone.startswith("*** times are UTC")
    bob = server.join()
    bob.send(b"/history 1\n")
    assert bob.until("last words")
