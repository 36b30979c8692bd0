"""The live events of a running server, and that nobody who follows them holds up its end."""

import socket
import ssl
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S


def follow(server, *, is_small: bool = False, is_encrypted: bool = False) -> socket.socket:
    sock = socket.socket()
    if is_small:  # the kernel holds 2.5 MB for a loopback peer, and 50 KB for one that takes small segments
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    sock.settimeout(PATIENCE_S)
    sock.connect(("127.0.0.1", server.admin_port))
    if is_encrypted:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        sock = context.wrap_socket(sock, suppress_ragged_eofs=False)
    sock.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    data = b""
    while b"retry: 3000\n" not in data:
        data += sock.recv(1)
    return sock


def read_all(sock: socket.socket) -> bytes:
    data = b""
    with closing(sock), suppress(ConnectionResetError):
        while more := sock.recv(65536):
            data += more
    return data


@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "tls"])
def test_an_open_stream_ends_in_good_order_when_the_server_stops(start, certificate: Path, is_encrypted: bool) -> None:
    server = start("--tls-cert", str(certificate), "--admin-tls") if is_encrypted else start()
    sock = follow(server, is_encrypted=is_encrypted)
    peer = server.join()
    server.type("say a secret")
    peer.until("a secret")

    server.process.terminate()

    assert server.process.wait(PATIENCE_S) == 0
    told = read_all(sock)
    names = [line for line in told.decode().splitlines() if line.startswith("event: ")]
    assert names == ["event: connected", "event: say", "event: disconnected"]
    assert b'"reason":"stopping"' in told
    assert b"a secret" not in told
    assert told.endswith(b"0\r\n\r\n")
    assert b"Traceback" not in server.process.stderr.read()


def test_subscribers_that_never_read_do_not_hold_up_a_stop(server) -> None:
    stuck = [follow(server, is_small=True) for _ in range(5)]
    peer = server.join()
    for _ in range(900):  # fewer than are kept, or they would be dropped before
        server.type("say x")
    server.type("say the last")
    peer.until("the last")

    server.process.terminate()

    assert server.process.wait(PATIENCE_S) == 0
    assert not any(read_all(sock).endswith(b"0\r\n\r\n") for sock in stuck), "none was stuck"
    assert b"Traceback" not in server.process.stderr.read()
