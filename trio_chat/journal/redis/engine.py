"""The row of the Redis engine in the table of engines."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

from trio_chat.journal.durability import Durability
from trio_chat.journal.engine import Engine
from trio_chat.journal.protocol import HistoryReader, Journal
from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.address import accepts, read_address

MISSING = "a journal in Redis needs the package coredis: install it with `pip install 'trio-chat[redis]'`"


@asynccontextmanager
async def _open(
    location: str, data: Path, close_by: Callable[[], float], durability: Durability
) -> AsyncIterator[Journal]:
    import trio

    open_redis = await trio.to_thread.run_sync(_load)  # reading so much code takes 0.8 s
    address = read_address(location)
    async with open_redis(address, data, durability=durability, close_by=close_by) as journal:
        yield journal


def _load() -> "Callable[..., AbstractAsyncContextManager[Journal]]":
    """Import the engine. Raises JournalError where coredis is missing."""
    try:
        import coredis  # noqa: F401
    except ImportError as error:
        raise JournalError(MISSING) from error
    from trio_chat.journal.redis.journal import open_redis

    return open_redis


@asynccontextmanager
async def _open_history(location: str, _data: Path) -> AsyncIterator[HistoryReader]:
    import trio

    await trio.to_thread.run_sync(_load)
    from trio_chat.journal.redis.reading import open_redis_history

    async with open_redis_history(read_address(location)) as history:
        yield history


def _check(location: str, _data: Path, durability: Durability) -> None:
    """Check in a thread of its own, since the caller may be inside of Trio."""
    from threading import Thread

    import trio

    _load()
    from trio_chat.journal.redis.reading import check_address

    errors: list[JournalError] = []

    def check() -> None:
        try:
            trio.run(partial(check_address, read_address(location), durability))
        except JournalError as error:
            errors.append(error)

    thread = Thread(target=check, name="check of the journal")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


REDIS = Engine(
    forms={"redis://HOST:PORT/DATABASE": "in a Redis or Valkey, which several servers may share"},
    accepts=accepts,
    open=_open,
    check=_check,
    open_history=_open_history,
)
