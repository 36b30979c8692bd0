"""A server whose journal is in a Redis: people notice nothing of it, but for its faults."""

import http.client
import json
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S
from tests.ports import free_port
from tests.protocol.conftest import Server
from tests.redis_replication import follow, replica_count, until
from tests.redis_server import RedisServer
from trio_chat.cli import run
from trio_chat.journal.redis.engine import FULL_SOME_DAY


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


def test_m9_people_are_told_while_too_few_replicas_are_there(start, redis: RedisServer, tmp_path: Path) -> None:
    with RedisServer(tmp_path) as replica:
        follow(replica, redis)
        until(lambda: replica_count(redis) == 1)
        server = start("--journal", f"{redis.url}?replicas=1&lease=2")
        reader, writer = server.join_all(2)
        writer.send(b"before\n")
        reader.until("> before")
        assert "and 1 replica has them" in health_of(server, "ok")["durability"]

        replica.kill()
        assert "only 0 of 1 replicas" in health_of(server, "read-only")["reason"]
        writer.send(b"lost\n")
        writer.until("*** not sent: only 0 of 1 replicas have what was written last ***")
        replica.start()
        follow(replica, redis)
        health_of(server, "ok")
        writer.send(b"after\n")

        heard = reader.until("> after")
        assert not any("lost" in line for line in heard)


def test_m9_a_server_whose_redis_is_down_answers_its_operators_and_begins_when_it_is_up(
    tmp_path: Path, redis: RedisServer
) -> None:
    redis.kill()
    port = free_port()
    command = [sys.executable, "-m", "trio_chat", "serve", "--journal", redis.url, "--data", str(tmp_path)]
    with subprocess.Popen(
        [*command, "--port", "0", "--admin-port", str(port)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        try:
            assert status_of(port, "/health", until=503)["status"] == "starting"
            assert status_of(port, "/health/live", until=200)["status"] == "ok"

            redis.start()

            assert "disk of Redis" in status_of(port, "/health", until=200)["durability"]
        finally:
            process.terminate()
    assert process.returncode == 0


def status_of(port: int, path: str, *, until: int) -> dict[str, str]:
    """Ask until the answer has a status. -> its body"""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with (
            suppress(OSError, http.client.HTTPException),
            closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as connection,
        ):
            connection.request("GET", path)
            answer = connection.getresponse()
            body: dict[str, str] = json.loads(answer.read())
            if answer.status == until:
                return body
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_check_config_warns_of_a_redis_that_keeps_everything(
    redis: RedisServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["check-config", "--quiet", "--data", str(tmp_path), "--journal", redis.url]

    assert run(command) == 0
    assert capsys.readouterr().err == f"trio-chat: {FULL_SOME_DAY}\n"

    assert run([*command, "--keep", "1000000"]) == 0
    assert capsys.readouterr().err == ""
