"""Garbage collection in small pieces: a collection holds the loop, and Python's own walks every live object.

Objects that survive a collection of all generations are frozen, so that the next one walks only newer ones. A frozen
object is still freed when its last reference goes. Garbage in cycles among frozen objects is not found; sessions leave
none, and HTTP requests little. Once very much is frozen, a full collection finds it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

THRESHOLDS = (500, 5, 1)
"""New objects before the youngest generation is collected, how often that happens before the middle one is, and that
one before all of them are: some 6,000 objects are walked at once, in 2 ms."""

FROZEN_GROWTH = 1_000_000
"""Frozen objects, beside twice those that survived the last full collection, that make another one due: some 100 MB.
That takes 0.5 s, so it is the last resort: a client has 38 objects and ten thousand have 0.4 million, 8,000 sessions
left none in cycles, and 1,000 HTTP requests left 84."""

OLDEST = 2


class GarbageCollection:
    """The collections of this process, and the number of objects that survived the last full one."""

    def __init__(self, growth: int = FROZEN_GROWTH) -> None:
        self._growth = growth
        self._survived = 0

    @contextmanager
    def in_pieces(self) -> Iterator[None]:
        """Freeze what is here, and what survives each collection inside the block."""
        before = gc.get_threshold()
        gc.freeze()
        gc.collect()  # else Python goes by how much was alive before, and lets a fourth of that pile up
        self._survived = gc.get_freeze_count()
        gc.set_threshold(*THRESHOLDS)
        gc.callbacks.append(_freeze_survivors)
        try:
            yield
        finally:
            gc.callbacks.remove(_freeze_survivors)
            gc.set_threshold(*before)

    def collect_if_due(self) -> None:
        """Run a full collection, if very much has been frozen since the last one. Called now and then."""
        if gc.get_freeze_count() > 2 * self._survived + self._growth:
            gc.unfreeze()
            gc.collect()
            self._survived = gc.get_freeze_count()


def _freeze_survivors(phase: str, info: dict[str, Any]) -> None:
    if phase == "stop" and info["generation"] == OLDEST:
        gc.freeze()
