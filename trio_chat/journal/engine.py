"""The description of an engine: one row of the table in `engines`, defined in the engine's folder."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from trio_chat.journal.durability import Durability
from trio_chat.journal.protocol import HistoryReader, Journal

OpenJournal = Callable[[str, Path, Callable[[], float], Durability], AbstractAsyncContextManager[Journal]]
OpenHistory = Callable[[str, Path], AbstractAsyncContextManager[HistoryReader]]

Compact = Callable[[str, Path], tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The functions of one engine. Each gets what follows the scheme and its colon in the URL, and the data folder.

    Nothing heavy is imported before one of them is called: the table is read for every `--help`.
    """

    forms: Mapping[str, str]
    """Forms of its URL, each with the place where entries are kept then, for help and error messages."""
    accepts: Callable[[str], bool]
    """Tell whether something may follow the scheme and its colon."""
    open: OpenJournal
    """Open a journal. The third argument returns the time of Trio's clock by which it must have closed. The last is
    the durability without which it is not opened: an engine that never loses anything need not look at it."""
    check: Callable[[str, Path, Durability], None]
    """Check that `open` would succeed, and change nothing. Raises JournalError."""
    open_history: OpenHistory | None
    """Open a journal for reading only, also while a server uses it; None when it ends with its server."""
    compact: Compact | None = None
    """Rebuild a journal that no server uses, without the space of what was removed; None where there is no such space.
    Returns the size in bytes before and after. Raises JournalError."""
    warning_without_keep: str = ""
    """Warning for operators who keep all entries; "" where that does no harm."""
    lacks: frozenset[type] = frozenset()
    """The parts of `protocol.OPTIONAL` that its journals do not have."""
