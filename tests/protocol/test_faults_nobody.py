"""Connections behind which nobody is: health checks, port scans, and clients of other protocols."""

import json
import re
import socket
import ssl
import struct

import pytest

from tests.conftest import PATIENCE_S

LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
UNKNOWN = b"PROXY UNKNOWN\r\n"


def check_port(server, how: str, header: bytes = b"") -> None:
    """Connect and end without a byte of a client, before the server has looked at the connection or while it does."""
    with server.stopped():
        sock = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)
        sock.sendall(header)
        if how == "half-close":
            sock.shutdown(socket.SHUT_WR)
        if how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if how != "half-close":
            sock.close()
    if how == "half-close":
        with sock:
            assert sock.recv(1) == b""


@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
def test_c24_who_ends_before_the_first_byte_never_came(server, how: str) -> None:
    alice = server.join()

    for _ in range(5):
        check_port(server, how)
    bob = server.connect(b"hi\n/who\n/quit\n")

    assert alice.line() == f"*** [127.0.0.1:{bob.port}] joined the chat ***"
    told = bob.until("(you) ***")[-1]  # perhaps behind the notice that alice came
    assert told.startswith("*** 2 in #lobby")
    server.process.terminate()
    _, errors = server.process.communicate(timeout=PATIENCE_S)
    assert errors == b""


@pytest.mark.parametrize("header", [LOCAL, UNKNOWN])
@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
def test_c24_a_proxy_that_checks_the_port_is_nobody(start, header: bytes, how: str) -> None:
    server = start("--proxy", "127.0.0.0/8")

    for _ in range(3):
        check_port(server, how, header)
    bob = server.connect(b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 5555\r\n/who\n")

    assert bob.line() == "*** 1 in #lobby: [192.0.2.1:4711] (you) ***"
    server.console(r"^Client \[192\.0\.2\.1, 4711\] connected$")
    assert not [line for line in server.seen if re.match(r"Client \[127", line)]


@pytest.mark.parametrize("header", [LOCAL, UNKNOWN])
def test_c24_a_proxy_that_checks_the_port_and_waits_is_nobody_until_it_speaks(start, header: bytes) -> None:
    server = start("--proxy", "127.0.0.0/8")
    check = server.connect(header)

    bob = server.connect(b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 5555\r\n")
    server.console(r"^Client \[192\.0\.2\.1, 4711\] connected$")
    bob.send(b"/who\n")
    assert bob.line() == "*** 1 in #lobby: [192.0.2.1:4711] (you) ***"
    check.send(b"hello\n")

    assert bob.line() == f"*** [127.0.0.1:{check.port}] joined the chat ***"
    assert bob.line() == f"[127.0.0.1:{check.port}]> hello"


def test_c24_a_silent_connection_that_stays_is_a_client(server) -> None:
    alice = server.join()

    bob = server.join()

    assert alice.line() == f"*** [127.0.0.1:{bob.port}] joined the chat ***"


def test_c24_who_shakes_hands_by_tls_and_ends_never_came(start, certificate) -> None:
    server = start("--tls-cert", str(certificate))
    alice = server.join()

    for _ in range(3):
        check = server.connect_by_tls().socket
        assert isinstance(check, ssl.SSLSocket)
        check.unwrap().close()
    bob = server.join()

    assert alice.line() == f"*** [127.0.0.1:{bob.port}] joined the chat ***"


def test_c24_history_is_shown_behind_many_joins_and_leaves(server) -> None:
    alice = server.join()
    for number in range(5):
        alice.send(b"important %d\n" % number)
    for _ in range(60):
        server.connect(b"/quit\n").rest()

    alice.send(b"/history 5\n/history\n/who\n")
    shown = [line[17:] for line in alice.until("(you) ***") if "important" in line]
    robot = server.connect(b'{"type":"hello","protocol":1}\n')
    robot.send(b'{"type":"history","room":"lobby","limit":5,"presence":false,"key":"h"}\n')
    while '"type":"page"' not in (page := robot.line()):
        pass

    said = [f"important {number}" for number in range(5)]
    assert [line.rpartition("> ")[2] for line in shown] == said * 2
    assert [entry["text"] for entry in json.loads(page)["entries"]] == said


STRANGERS = [
    (b"SSH-2.0-OpenSSH_9.6\r\n", b"not an SSH server", "SSH"),
    (b"CAP LS 302\r\n", b"ERROR :", "IRC"),
    (b"USER guest 0 * :Real Name\r\n", b"ERROR :", "IRC"),
    (b"NICK bob\r\nUSER bob bob host :Bob\r\n", b"ERROR :", "IRC"),
    (b"PASS secret\r\nNICK bob\r\nUSER bob 0 * :Bob\r\n", b"ERROR :", "IRC"),
    (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03words\n", b"\x15\x03\x03\0\x02\x02\x28", "TLS"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
    (b"OPTIONS / RTSP/1.0\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
    (b"OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/TCP nm\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
]

SCANS = {
    "rdp": b"\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0",
    "smb": b"\0\0\0\xa4\xffSMBr\0\0\0\0",
    "dns": b"\0\x1e\0\6\1\0\0\1\0\0\0\0\0\0\7version\4bind\0\0\x10\0\3",
    "ldap": b"0\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0",
    "x11": b"l\0\x0b\0\0\0\0\0\0\0\0\0",
    "mqtt": b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0",
    "amqp": b"AMQP\0\0\x09\1",
    "postgres": b"\0\0\0\x08\4\xd2\x16\x2f",
    "sslv2": b"\x80\x2e\1\0\2\0\x15\0\0\0\x10",
}


@pytest.mark.parametrize("first", SCANS.values(), ids=SCANS)
def test_c24_a_scan_for_a_binary_protocol_is_nobody(server, first: bytes) -> None:
    alice = server.join()

    assert server.connect(first).rest() == b""

    alice.send(b"/who\n/quit\n")
    assert b"joined" not in alice.rest()


@pytest.mark.parametrize(
    "first",
    [
        b"\0/who\n",
        b"\0\0\0/who\n",
        b"o\0n\0e\0\n/who\n",
        "\0\N{GRINNING FACE}\n/who\n".encode(),
        b"\xff\xfb\0\xff\xfd\0/who\r\n",
        b"hi\n\0\0/who\n",
    ],
    ids=repr,
)
def test_c24_keys_and_a_telnet_with_nul_are_somebody(server, first: bytes) -> None:
    assert b"*** 1 in #lobby" in server.connect(first + b"/quit\r\n").rest()


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize(("first", "answer", "kind"), STRANGERS)
def test_c25_clients_of_other_protocols_are_refused_in_their_own_words_and_nothing_of_it_is_said(
    server, first: bytes, answer: bytes, kind: str, is_late: bool
) -> None:
    alice = server.join()

    stranger = server.join() if is_late else server.connect()
    stranger.send(first)

    assert answer in stranger.rest()
    alice.send(b"/quit\n")
    assert b"]> " not in alice.rest()
    server.process.terminate()
    _, errors = server.process.communicate(timeout=PATIENCE_S)
    assert [line.split(" from ")[0] for line in errors.decode().splitlines()] == [
        f"{errors.decode().split()[0]} INFO refused {kind}"
    ]


@pytest.mark.parametrize("is_late", [False, True])
def test_c25_an_irc_client_that_logs_in_piece_by_piece_says_nothing(server, is_late: bool) -> None:
    alice = server.join()

    bot = server.join() if is_late else server.connect()
    bot.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    bot.send(b"PASS secret\r\n")
    bot.send(b"NICK bob\r\n")
    bot.send(b"USER bob 0 * :Bob\r\n")

    assert b"ERROR :" in bot.rest()
    alice.send(b"/quit\n")
    assert b"]> " not in alice.rest()


@pytest.mark.parametrize(
    "line", ["PASS the salt", "PASS secret", "NICK bob", "USER guides are here now", "CAP in hand", "user a 0 * :b"]
)
@pytest.mark.parametrize("is_late", [False, True])
def test_c25_words_that_only_look_like_irc_are_said(server, line: str, is_late: bool) -> None:
    alice = server.join()

    bob = server.join() if is_late else server.connect()
    bob.send(f"{line}\n".encode())

    assert alice.until(line)[-1] == f"[127.0.0.1:{bob.port}]> {line}"


def test_c25_irc_behind_the_first_line_is_said(server) -> None:
    alice = server.join()

    bob = server.connect(b"this is how IRC begins:\nCAP LS 302\n")

    assert alice.until("CAP LS 302")[-1] == f"[127.0.0.1:{bob.port}]> CAP LS 302"
