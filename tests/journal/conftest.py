"""Engines for the tests of journals: `redis:` stands for a redis-server of this worker, started with its first test."""

from collections.abc import Iterator

import pytest

from tests.redis_server import shared_redis
from trio_chat.journal.engine import Engine
from trio_chat.journal.engines import ENGINES


@pytest.fixture(scope="session")
def redis_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with shared_redis(tmp_path_factory.mktemp("redis")) as engine:
        yield engine


@pytest.fixture(autouse=True)
def _redis_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give `redis:` a server in the tests that have such a URL."""
    if "redis:" in getattr(getattr(request.node, "callspec", None), "params", {}).values():
        monkeypatch.setitem(ENGINES, "redis", request.getfixturevalue("redis_engine"))
