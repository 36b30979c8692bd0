"""What is done to the admin port of a running server; the chat must not notice."""

import socket

import pytest


def heads_of(answers: bytes) -> list[bytes]:
    return [line for line in answers.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def ask(server, data: bytes) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", server.admin_port), 20)
    sock.sendall(data)
    return sock


def read_all(sock: socket.socket) -> bytes:
    data = b""
    try:
        while more := sock.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    sock.close()
    return data


def test_a3_of_a_hundred_deletes_of_one_that_never_reads_one_succeeds_and_it_is_gone(server) -> None:
    alice, stuck = server.join(), server.join()
    alice.line()
    for _ in range(300):
        alice.send(b"x" * 4000 + b"\n")
    alice.send(b"/who\n")
    assert alice.line().startswith("*** 2 in #lobby")

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


UPGRADE = (
    b"GET /clients HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize(
    "attack",
    [
        b"GET /clients HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 65536 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /bans HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10737418240\r\n\r\n" + b"x" * 65536,
        UPGRADE + b"bytes behind it",
        UPGRADE + b"\x81\x85\x00\x00\x00\x00hello",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET /clients HTTP/1.1\r\nHost: localhost\r\nX: slow",
    ],
    ids=["header", "te and cl", "body", "upgrade", "upgrade frame", "h2", "tls", "slow"],
)
def test_a7_what_is_sent_to_the_admin_port_is_refused_and_closed_and_the_chat_never_notices(server, attack) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    attackers = [ask(server, attack) for _ in range(20)]
    bob.send(b"still here\n")

    assert alice.line() == f"[127.0.0.1:{bob.port}]> still here"
    for attacker in attackers:
        assert not any(head.startswith(b"HTTP/1.1 2") for head in heads_of(read_all(attacker)))
    assert server.http("GET /health").startswith(b"HTTP/1.1 200")
    assert server.stop() == 0
    assert b"Traceback" not in server.process.stderr.read()


def test_a8_answers_that_nobody_reads_do_not_hold_up_a_stop(server) -> None:
    for _ in [server.connect() for _ in range(300)]:
        server.console(r"^Client .* connected$")

    stuck = [ask(server, b"GET /clients HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200) for _ in range(10)]
    assert server.http("GET /health").startswith(b"HTTP/1.1 200")
    server.process.terminate()

    assert server.process.wait(5) == 0
    for sock in stuck:
        sock.close()
