"""A server whose journal is in a Redis: people notice nothing of it, but for its faults."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.conftest import PATIENCE_S
from tests.protocol.conftest import Server
from tests.redis_server import RedisServer


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


def test_what_anyone_saw_is_there_after_a_kill_of_the_server_and_of_redis(start, redis: RedisServer) -> None:
    server = start("--journal", redis.url)
    reader, writer = server.join_all(2)
    for number in range(200):
        writer.send(f"line {number}\n".encode())
    reader.until("> line 100")
    server.process.kill()
    server.process.wait()
    redis.kill()
    redis.start()

    again = start("--journal", redis.url).join()
    again.send(b"/history 200\n")

    again.until("> line 100")


def health_of(server: Server, status: str) -> dict[str, str]:
    """Wait until the server has this health. -> all that it says of it"""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        health: dict[str, str] = json.loads(server.http("GET /health").partition(b"\r\n\r\n")[2])
        if health["status"] == status:
            return health
        assert time.monotonic() < deadline, health
        time.sleep(0.01)


def test_m9_people_are_told_while_redis_is_down_and_go_on_when_it_is_back(start, redis: RedisServer) -> None:
    server = start("--journal", redis.url)
    reader, writer = server.join_all(2)
    writer.send(b"before\n")
    reader.until("> before")

    redis.kill()
    assert "Redis" in health_of(server, "read-only")["reason"]
    writer.send(b"lost\n")
    writer.until("*** not sent: Redis cannot be reached ***")
    redis.start()
    assert "disk of Redis" in health_of(server, "ok")["durability"]
    writer.send(b"after\n")

    heard = reader.until("> after")
    assert not any("lost" in line for line in heard)
