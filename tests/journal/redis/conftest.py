"""A redis-server for each test, which may do to it whatever it likes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_server import RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    with RedisServer(folder) as server:
        yield server
