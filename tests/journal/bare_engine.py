"""An engine that lacks every optional part: a journal in memory that can do no more than it has to."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path

from trio_chat.journal.durability import Durability
from trio_chat.journal.engine import Engine
from trio_chat.journal.memory.journal import open_memory
from trio_chat.journal.protocol import OPTIONAL, REQUIRED, Journal


def members(interface: type) -> Iterator[str]:
    """The names that an interface declares itself."""
    yield from inspect.get_annotations(interface)
    yield from (name for name in vars(interface) if not name.startswith("_") and name != "register")


def bare_engine(*lacking: str) -> Engine:
    """Make an engine whose journals have the members of the required parts, but not those named."""
    names = set(chain.from_iterable(map(members, REQUIRED))) - {*lacking}
    bare = type("Bare", (), {name: _member(name) for name in names})

    @asynccontextmanager
    async def _open(
        _location: str, _data: Path, _close_by: Callable[[], float], _durability: Durability
    ) -> AsyncIterator[Journal]:
        async with open_memory() as journal:
            it = bare()
            it.journal = journal
            yield it

    return Engine(
        forms={"bare:": "nowhere"},
        accepts=lambda location: not location,
        open=_open,
        check=lambda _location, _data, _durability: None,
        open_history=None,
        lacks=frozenset(OPTIONAL),
    )


def _member(name: str) -> property:
    return property(lambda bare: getattr(bare.journal, name))


BARE = bare_engine()
