"""Collecting garbage in small pieces. The collector is that of the test's own process."""

import gc
from typing import Any
from weakref import ref

from trio_chat.serve.garbage import GarbageCollection

MANY = 200_000


class Node:
    """An object in a cycle with itself."""

    def __init__(self) -> None:
        self.itself = self


def test_no_collection_walks_everything_that_is_alive() -> None:
    walked: list[int] = []

    def note(phase: str, info: dict[str, Any]) -> None:
        if phase == "start" and info["generation"] == 2:
            walked.append(len(gc.get_objects()))

    with GarbageCollection().in_pieces():
        gc.callbacks.append(note)
        alive = [[number] for number in range(MANY)]
        gc.callbacks.remove(note)

    assert len(walked) > 2
    assert max(walked) < MANY / 5
    assert len(alive) == MANY


def test_garbage_in_cycles_is_freed_also_when_it_was_frozen_once_enough_is() -> None:
    garbage = GarbageCollection(growth=MANY)
    with garbage.in_pieces():
        node = Node()
        gone = ref(node)
        gc.collect()
        del node
        gc.collect()
        assert gone() is not None  # frozen

        garbage.collect_if_due()
        assert gone() is not None  # not enough
        alive = [[number] for number in range(MANY + 2 * gc.get_freeze_count())]
        garbage.collect_if_due()

        assert gone() is None
    assert alive


def test_afterwards_collections_are_as_before() -> None:
    before = gc.get_threshold(), list(gc.callbacks)

    with GarbageCollection().in_pieces():
        assert gc.get_threshold() != before[0]

    assert (gc.get_threshold(), list(gc.callbacks)) == before
