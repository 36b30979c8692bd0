"""The way to a Redis that can be cut: what it passes on of the end of a connection."""

import socket
import struct
from contextlib import closing

import pytest

from bench.faults.redis_way import RedisWay
from tests.conftest import PATIENCE_S

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@pytest.mark.parametrize("linger", [RESET_ON_CLOSE, struct.pack("ii", 0, 0)], ids=["reset", "closed"])
def test_whoever_waits_for_a_redis_that_is_gone_hears_the_end(linger: bytes) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as redis,
        closing(RedisWay(redis.getsockname()[1])) as way,
        socket.create_connection(("127.0.0.1", way.port), PATIENCE_S) as node,
    ):
        connection, _ = redis.accept()
        connection.sendall(b"+PONG\r\n")
        assert node.recv(100) == b"+PONG\r\n"

        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.close()

        assert node.recv(100) == b""
