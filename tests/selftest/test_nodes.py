"""Several servers on one Redis: they and Redis are killed and paused, and nothing is lost, doubled or out of order."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import trio

from tests.redis_server import RedisServer
from trio_chat.selftest.nodes import NodesPlan, run_nodes_test

PLAN = NodesPlan(
    8.0,
    1,
    names=("alice", "bob", "carol", "dave"),
    restart_interval_s=1.5,
    pause_interval_s=2.0,
    redis_fault_interval_s=1.5,
)


DEFECT = """
import trio

def run(*args, real=trio.run, **options):
    from trio_chat.journal.redis.nodes import RedisNodes

    async def take_session(self, session):
        return None

    RedisNodes.take_session = take_session
    return real(*args, **options)

trio.run = run
"""
"""A server that never asks for the sessions of others, as `sitecustomize.py`."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder) as server:
        yield server


@pytest.mark.slow
async def test_m9_three_nodes_and_their_redis_are_killed_and_paused(redis: RedisServer, tmp_path: Path) -> None:
    async def kill(_rng: Random) -> None:
        redis.kill()
        await trio.to_thread.run_sync(redis.start)

    async def pause(rng: Random) -> None:
        redis.signal(signal.SIGSTOP)
        await trio.sleep(rng.uniform(0.2, 4))
        redis.signal(signal.SIGCONT)

    report = await run_nodes_test(PLAN, redis.url, tmp_path, {"Redis killed": kill, "Redis paused": pause})

    assert report.violations == []
    assert report.faults["connections cut"] > 0
    assert sum(report.faults.values()) > report.faults["connections cut"]
    assert report.entries >= sum(len(one.said) for one in report.recordings) > 0
    assert all(one.reconnects for one in report.recordings)


@pytest.mark.slow
def test_from_the_command_line_it_prints_its_result_and_leaves_nothing_in_redis(redis: RedisServer) -> None:
    command = [sys.executable, "-m", "trio_chat", "selftest", "--seconds", "1", "--seed", "3", "--journal", redis.url]

    done = subprocess.run(command, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("result: every entry was shown to every client")
    assert redis.ask("DBSIZE") == b":0\r\n"


@pytest.mark.slow
async def test_a_node_that_takes_over_nobody_is_found(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(DEFECT)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}")

    report = await run_nodes_test(replace(PLAN, seconds=2.0, pause_interval_s=60.0), redis.url, tmp_path)

    assert any("though nobody came or went" in it for it in report.violations), report.violations
