"""Several servers on one Redis, killed and paused, and the Redis too: nothing is lost, doubled or out of order."""

import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import trio

from tests.redis_server import RedisServer
from trio_chat.selftest.nodes import NodesPlan, run_nodes_test

PLAN = NodesPlan(
    8.0, 1, names=("alice", "bob", "carol", "dave"), kill_interval_s=1.5, pause_interval_s=2.0, disturb_interval_s=1.5
)


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
