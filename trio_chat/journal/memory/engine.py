"""The row of the memory engine in the table of engines."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from trio_chat.journal.durability import Durability
from trio_chat.journal.engine import Engine
from trio_chat.journal.protocol import Journal, Shareable


def _open(
    _location: str, _data: Path, _close_by: Callable[[], float], _durability: Durability
) -> AbstractAsyncContextManager[Journal]:
    from trio_chat.journal.memory.journal import open_memory

    return open_memory()


MEMORY = Engine(
    lacks=frozenset({Shareable}),
    forms={"memory:": "nowhere"},
    accepts=lambda location: not location,
    open=_open,
    check=lambda _location, _data, _durability: None,  # always possible
    open_history=None,
)
