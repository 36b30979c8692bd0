"""Attacks on the admin port of a running server, which the chat must not notice."""

import json
import os
import socket
import time
from pathlib import Path

import pytest

from tests.protocol.conftest import PATIENCE_S


def heads_of(answers: bytes) -> list[bytes]:
    return [line for line in answers.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def ask(server, data: bytes) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", server.admin_port), 20)
    sock.sendall(data)
    return sock


def ask_and_read(server, data: bytes) -> bytes:
    return read_all(ask(server, data))


def read_all(sock: socket.socket) -> bytes:
    data = b""
    try:
        while more := sock.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    sock.close()
    return data


def is_held(server, peer) -> bool:
    """True if the server still has its end of a connection; what is only the kernel's has no inode any more."""
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()]
    ends = f"{server.port:04X}", f"{peer.port:04X}"
    return any((row[1][-4:], row[2][-4:]) == ends and row[9] != "0" for row in rows)


def test_a1_of_two_at_one_port_neither_is_kicked_and_both_are_named_by_a_path_that_works(server) -> None:
    first = server.join()
    second = server.connect(source=("127.0.0.2", first.port))
    server.console(rf"^Client \[127\.0\.0\.2, {first.port}\] connected$")

    head, _, body = server.http(f"DELETE /clients/{first.port}").partition(b"\r\n\r\n")
    paths = [candidate["path"] for candidate in json.loads(body)["candidates"]]

    assert head.startswith(b"HTTP/1.1 409")
    assert paths == [f"/clients/127.0.0.{number}:{first.port}" for number in (1, 2)]
    server.type("list")
    server.console(rf"^{first.port} +127\.0\.0\.1 ")
    server.console(rf"^{first.port} +127\.0\.0\.2 ")
    assert server.http(f"DELETE {paths[1]}").startswith(b"HTTP/1.1 200")
    assert second.rest().endswith(b"*** you were kicked ***\n")


@pytest.mark.parametrize(
    "headers",
    [
        "Host: localhost\r\nOrigin: http://evil.example",
        "Host: localhost\r\nOrigin: null",
        "Host: localhost\r\nSec-Fetch-Site: cross-site",
        "Host: localhost\r\nContent-Type: application/x-www-form-urlencoded",
        "Host: localhost\r\nX-HTTP-Method-Override: GET",
        "Host: evil.example",
        "Host: me@localhost",
        "X-No: host",
        "Host: localhost\r\nHost: localhost",
    ],
)
def test_a4_and_a5_what_a_page_of_another_origin_or_under_another_name_asks_has_no_effect(server, headers) -> None:
    alice = server.join()

    request = f"DELETE /clients/{alice.port} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n"
    answer = ask_and_read(server, request.encode())

    assert answer.startswith((b"HTTP/1.1 403", b"HTTP/1.1 400"))
    alice.send(b"/who\n")
    assert alice.line() == f"*** 1 in #lobby: [127.0.0.1:{alice.port}] (you) ***"


def test_a3_of_a_hundred_deletes_of_one_that_never_reads_one_succeeds_and_it_is_gone(server) -> None:
    alice, stuck = server.join(), server.join()
    stuck.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    alice.line()
    for _ in range(300):
        alice.send(b"x" * 4000 + b"\n")
    alice.send(b"/who\n")
    assert alice.line().startswith("*** 2 in #lobby")
    shown = json.loads(server.http(f"GET /clients/{stuck.port}").partition(b"\r\n\r\n")[2])
    assert shown["behind"]["bytes"] > 0
    assert is_held(server, stuck)

    request = f"DELETE /clients/{stuck.port} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    answers = [read_all(sock) for sock in [ask(server, request) for _ in range(100)]]

    assert (
        sorted(head[:12] for answer in answers for head in heads_of(answer))
        == [b"HTTP/1.1 200"] + [b"HTTP/1.1 404"] * 99
    )
    server.console(rf"^Client \[127\.0\.0\.1:{stuck.port}\] kicked$")
    alice.send(b"/who\n")
    first, second = sorted([alice.line(), alice.line()])
    assert first.startswith("*** 1 in #lobby")
    assert second == f"*** [127.0.0.1:{stuck.port}] was kicked ***"
    assert ask_and_read(server, request).startswith(b"HTTP/1.1 404")
    deadline = time.monotonic() + PATIENCE_S  # before a stuck reader would be disconnected anyway
    while is_held(server, stuck) and time.monotonic() < deadline:
        os.sched_yield()
    assert not is_held(server, stuck)


UPGRADE = (
    b"GET /clients HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize(
    "attack",
    [
        b"GET /clients HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 65536 + b"\r\n\r\n",
        b"DELETE /clients/PORT HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n",
        b"POST /bans HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10737418240\r\n\r\n" + b"x" * 65536,
        UPGRADE + b"bytes behind it",
        UPGRADE + b"\x81\x85\x00\x00\x00\x00hello",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        UPGRADE.replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""),
    ],
    ids=["header", "te and cl", "body", "upgrade", "upgrade frame", "h2", "tls", "half a handshake"],
)
def test_a7_hostile_requests_are_refused_and_closed_and_the_chat_never_notices(server, attack) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    attackers = [ask(server, attack.replace(b"PORT", b"%d" % alice.port)) for _ in range(20)]
    bob.send(b"still here\n")

    assert alice.line() == f"[127.0.0.1:{bob.port}]> still here"
    for attacker in attackers:
        assert not any(head.startswith(b"HTTP/1.1 2") for head in heads_of(read_all(attacker)))
    assert server.http("GET /health").startswith(b"HTTP/1.1 200")
    assert server.stop() == 0
    assert server.process.stderr.read() == b""


def test_a7_requests_that_come_too_slowly_hold_up_nobody_and_no_stop(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    slow = [ask(server, b"GET /clients HTTP/1.1\r\nHost: localhost\r\nX: slow") for _ in range(20)]
    bob.send(b"still here\n")

    assert alice.line() == f"[127.0.0.1:{bob.port}]> still here"
    assert server.http("GET /health").startswith(b"HTTP/1.1 200")
    assert server.stop() == 0
    assert [read_all(sock) for sock in slow] == [b""] * 20
    assert server.process.stderr.read() == b""


def test_a6_strangers_who_send_many_requests_at_once_hold_up_no_operator(start, tmp_path) -> None:
    file = tmp_path / "token"
    server = start("--admin-token-file", str(file))
    token = server.console(r"^Admin token, stored in .*: (\S+)$").group(1)

    strangers = [ask(server, b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100) for _ in range(300)]
    health = server.http(f"GET /health HTTP/1.1\r\nAuthorization: Bearer {token}\r\nX-Rest:")

    assert health.startswith(b"HTTP/1.1 200")
    for stranger in strangers:  # the oldest were closed for the newest, and may have no answer
        assert heads_of(read_all(stranger)) in ([b"HTTP/1.1 401 Unauthorized"], [])
    assert server.stop() == 0
    assert server.process.stderr.read() == b""


def test_a8_answers_that_nobody_reads_do_not_hold_up_a_stop(server) -> None:
    for _ in [server.connect() for _ in range(300)]:
        server.console(r"^Client .* connected$")

    stuck = [ask(server, b"GET /clients HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200) for _ in range(10)]
    assert server.http("GET /health").startswith(b"HTTP/1.1 200")
    server.process.terminate()

    assert server.process.wait(PATIENCE_S) == 0
    for sock in stuck:
        sock.close()
