"""The rows of the Redis engine in the table of engines."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

from trio_chat.journal.durability import Durability
from trio_chat.journal.engine import Engine
from trio_chat.journal.protocol import HistoryReader, Journal
from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.address import SCHEMES, Topology, accepts, read_address

MISSING = "a journal in Redis needs the package coredis: install it with `pip install 'trio-chat[redis]'`"

FULL_SOME_DAY = (
    "Redis keeps all entries in memory: without --keep that is full some day, and nobody can say anything then"
)


def _load() -> "Callable[..., AbstractAsyncContextManager[Journal]]":
    """Import the engine. Raises JournalError where coredis is missing."""
    try:
        import coredis  # noqa: F401
    except ImportError as error:
        raise JournalError(MISSING) from error
    from trio_chat.journal.redis.journal import open_redis

    return open_redis


def _row(forms: Mapping[str, str], topology: Topology, *, is_encrypted: bool) -> Engine:
    """Return the row for one scheme."""
    address_in = partial(read_address, topology=topology, is_encrypted=is_encrypted)

    @asynccontextmanager
    async def open_journal(
        location: str, data: Path, close_by: Callable[[], float], durability: Durability
    ) -> AsyncIterator[Journal]:
        import trio

        open_redis = await trio.to_thread.run_sync(_load)  # reading so much code takes 0.8 s
        async with open_redis(address_in(location), data, durability=durability, close_by=close_by) as journal:
            yield journal

    @asynccontextmanager
    async def open_history(location: str, _data: Path) -> AsyncIterator[HistoryReader]:
        import trio

        await trio.to_thread.run_sync(_load)
        from trio_chat.journal.redis.history import open_redis_history

        async with open_redis_history(address_in(location)) as history:
            yield history

    def check(location: str, _data: Path, durability: Durability) -> None:
        _load()
        from trio_chat.journal.redis.opening import check_address_in_thread

        check_address_in_thread(address_in(location), durability)

    return Engine(
        forms=forms,
        accepts=partial(accepts, topology=topology, is_encrypted=is_encrypted),
        open=open_journal,
        check=check,
        open_history=open_history,
        warning_without_keep=FULL_SOME_DAY,
    )


_FORMS = {
    "redis": {"redis://HOST:PORT/DATABASE": "in a Redis or Valkey"},
    "rediss": {"rediss://HOST:PORT/DATABASE": "in one that is reached by TLS"},
    "redis+sentinel": {
        "redis+sentinel://HOST:PORT,HOST:PORT/NAME/DATABASE": "in the one that these sentinels know by that name"
    },
    "redis+cluster": {"redis+cluster://HOST:PORT,HOST:PORT": "in the cluster with these nodes"},
}

ROWS = {
    scheme: _row(_FORMS.get(scheme, {}), topology, is_encrypted=is_encrypted)
    for scheme, (topology, is_encrypted) in SCHEMES.items()
}
"""The rows by the schemes of their URLs."""
