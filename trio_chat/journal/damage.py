"""Which entries of a file turned out to be damaged when they were read. It may be used from any thread."""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from trio_chat.journal.records import Damaged, Past

NAMED_MAX = 20
KNOWN_MAX = 10_000


class Damage:
    """The ids, each noted once; no more than KNOWN_MAX of them are known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[int] = set()
        self._lock = threading.Lock()

    def note(self, past: Iterable[Past]) -> str | None:
        """Look through what was read. -> what is to be said of those that were not known yet, if there are any"""
        ids = [it.id for it in past if isinstance(it, Damaged)]
        if not ids:
            return None
        with self._lock:
            new = sorted(set(ids) - self._known)[: KNOWN_MAX - len(self._known)]
            self._known.update(new)
        return self._say(new) if new else None

    @property
    def text(self) -> str | None:
        """What is to be said of all that are known; None where there are none."""
        with self._lock:
            known = sorted(self._known)
        return self._say(known) if known else None

    def _say(self, ids: Sequence[int]) -> str:
        if len(ids) == 1:
            return f"entry {ids[0]} of {self._path} is damaged"
        named = ", ".join(map(str, ids[:NAMED_MAX]))
        others = f" and {len(ids) - NAMED_MAX} others" if len(ids) > NAMED_MAX else ""
        return f"entries {named}{others} of {self._path} are damaged"
