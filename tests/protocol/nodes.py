"""Several real servers on one real Redis."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.protocol.conftest import Server, running_server
from tests.redis_server import RedisServer

StartNode = Callable[..., Server]


@contextmanager
def nodes_of(redis: RedisServer, folder: Path) -> Iterator[StartNode]:
    """-> a function that starts a node by its name, with a data folder of its own, also once it has ended"""
    with ExitStack() as stack:

        def start(name: str, *flags: str) -> Server:
            flags = "--journal", f"{redis.url}?node={name}", *flags
            return stack.enter_context(running_server(folder / name, *flags))

        yield start
