"""Several real servers on one real Redis: what their operators see, and waiting for it."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.conftest import PATIENCE_S
from tests.protocol.conftest import Server
from tests.protocol.test_operators import ask

T = TypeVar("T")

StartNode = Callable[..., Server]


def clients_of(server: Server, query: str = "") -> list[dict[str, object]]:
    """Return the clients that the operators of a server see."""
    return list(ask(server, "GET", f"/clients{query}")["clients"])


def until(claim: Callable[[], T]) -> T:
    """Wait until something is so. -> it"""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := claim()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found
