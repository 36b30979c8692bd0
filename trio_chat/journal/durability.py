"""The durability that an operator asks of a journal whose store has settings of its own."""

from enum import StrEnum


class Durability(StrEnum):
    """The durability without which a journal is not opened."""

    STRICT = "strict"
    """All that anybody has seen survives a power cut, and the store's settings show it."""
    ASSURED = "assured"
    """The same, on the operator's word where the store does not let its settings be read."""
    RELAXED = "relaxed"
    """As the store is set: then some of what people have seen may be lost."""
