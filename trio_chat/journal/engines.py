"""The table of engines, and opening a journal by its URL."""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from trio_chat.journal.durability import Durability
from trio_chat.journal.engine import Engine
from trio_chat.journal.memory.engine import MEMORY
from trio_chat.journal.protocol import HistoryReader, Journal, check_required
from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.engine import ROWS as REDIS_ROWS
from trio_chat.journal.sqlite.engine import SQLITE
from trio_chat.journal.urls import without_password

ENGINES = {"sqlite": SQLITE, "memory": MEMORY, **REDIS_ROWS}
"""Engines by the scheme of their URLs. Error messages suggest the first one."""


def forms_help() -> str:
    """List the forms of a journal's URL with where each keeps entries, for the help of a setting."""
    return ", ".join(f"`{form}` {place}" for engine in ENGINES.values() for form, place in engine.forms.items())


@asynccontextmanager
async def open_journal(
    url: str,
    *,
    data: Path,
    close_by: Callable[[], float] = lambda: math.inf,
    durability: Durability = Durability.STRICT,
) -> AsyncIterator[Journal]:
    """Open the journal that `url` names; its default place is in the folder `data`.

    Leaving the context keeps all that was posted, but takes no longer than until `close_by`, a time of Trio's clock.
    Raises JournalError with one sentence that names the file.
    """
    engine, location = _find(url)
    async with engine.open(location, data, close_by, durability) as journal:
        check_required(journal, without_password(url))
        yield journal


@asynccontextmanager
async def open_history(url: str, *, data: Path) -> AsyncIterator[HistoryReader]:
    """Open the journal that `url` names for reading only, also while a server uses it. Raises JournalError."""
    engine, location = _find(url)
    if engine.open_history is None:
        raise JournalError(f"the journal {without_password(url)} ends with its server; there is no history in it")
    async with engine.open_history(location, data) as history:
        yield history


def check_journal(url: str, *, data: Path, durability: Durability = Durability.STRICT) -> None:
    """Check that `open_journal` would succeed, and change nothing. Raises JournalError."""
    engine, location = _find(url)
    engine.check(location, data, durability)


def warning_without_keep(url: str) -> str:
    """Return a warning for whoever keeps all entries in the journal that `url` names, or "". Raises JournalError."""
    engine, _ = _find(url)
    return engine.warning_without_keep


def check_outlasts_server(url: str) -> None:
    """Raise JournalError for a journal that ends with the process that opened it."""
    engine, _ = _find(url)
    if engine.open_history is None:
        other = next(form for lasting in ENGINES.values() if lasting.open_history for form in lasting.forms)
        raise JournalError(
            f"the journal {without_password(url)} would end with this command; name one that stays, such as {other}"
        )


def compact_journal(url: str, *, data: Path) -> tuple[int, int]:
    """Rebuild the journal that `url` names, which no server may use, without the space of what was removed.

    Returns its size in bytes before and after. Raises JournalError.
    """
    engine, location = _find(url)
    if engine.compact is None:
        raise JournalError(f"the journal {without_password(url)} has no space to give back")
    return engine.compact(location, data)


def _find(url: str) -> tuple[Engine, str]:
    scheme, colon, location = url.partition(":")
    engine = ENGINES.get(scheme)
    if engine is None or not colon or not engine.accepts(location):
        *others, last = (form for one in ENGINES.values() for form in one.forms)
        raise JournalError(f"there is no journal {without_password(url)!r}: expected {', '.join(others)} or {last}")
    return engine, location
