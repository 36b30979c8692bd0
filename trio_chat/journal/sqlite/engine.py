"""The row of the SQLite engine in the table of engines."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from trio_chat.journal.durability import Durability
from trio_chat.journal.engine import Engine
from trio_chat.journal.protocol import HistoryReader, Journal, Shareable


def _path(location: str, data: Path) -> Path:
    return Path(location) if location else data / "journal.db"


@asynccontextmanager
async def _open(
    location: str, data: Path, close_by: Callable[[], float], _durability: Durability
) -> AsyncIterator[Journal]:
    import trio

    open_sqlite = await trio.to_thread.run_sync(_load)  # reading so much code can hold the loop for 60 ms
    async with open_sqlite(_path(location, data), close_by=close_by) as journal:
        yield journal


def _load() -> "Callable[..., AbstractAsyncContextManager[Journal]]":
    from trio_chat.journal.sqlite.journal import open_sqlite

    return open_sqlite


def _open_history(location: str, data: Path) -> AbstractAsyncContextManager[HistoryReader]:
    from trio_chat.journal.sqlite.history import open_sqlite_history

    return open_sqlite_history(_path(location, data))


def _check(location: str, data: Path, _durability: Durability) -> None:
    from trio_chat.journal.sqlite.opening import check_can_open

    check_can_open(_path(location, data))


def _compact(location: str, data: Path) -> tuple[int, int]:
    from trio_chat.journal.sqlite.shrinking import compact

    return compact(_path(location, data))


SQLITE = Engine(
    lacks=frozenset({Shareable}),
    forms={"sqlite:": "in the data folder", "sqlite:PATH": "in that file"},
    accepts=lambda _location: True,
    open=_open,
    check=_check,
    open_history=_open_history,
    compact=_compact,
)
