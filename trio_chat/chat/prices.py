"""Prices of requests, in lines: by the entries that a request writes, and by the pages that it reads.

The rows of `commands.py` name their price here; `sessions/throttle.py` charges it, and docs/protocol.md is tested
against it.
"""

from collections.abc import Callable

from msgspec import Struct

PAGE_ENTRIES = 100
"""Entries of history that are included in the price of a request for them."""


class Extent(Struct, frozen=True):
    """The extent of one request.

    `lines` are said by it, `rooms` are those that its client is in, `moves` those that it joins or leaves by it, and
    `entries` those that it asks to read.
    """

    lines: int = 0
    rooms: int = 0
    moves: int = 0
    entries: int = 0


class Price(Struct, frozen=True):
    """A price: in words, for the documentation, and in lines, for a request of some extent."""

    words: str
    of: Callable[[Extent], int]


LINE = Price("1", lambda extent: 1)
EACH_LINE = Price("1 for each line", lambda extent: max(1, extent.lines))
BOTH_MAILBOXES = Price("2: it is kept for both", lambda extent: 2)
EACH_ROOM = Price("1 for each room that you are in, at least 1", lambda extent: max(1, extent.rooms))
EACH_MOVE = Price("1 for each room that it enters or leaves, at least 1", lambda extent: max(1, extent.moves))
LIST = Price("5", lambda extent: 5)
PROOF = Price("5", lambda extent: 5)
PAST = Price(
    f"5, and 1 for each {PAGE_ENTRIES} entries asked for beyond the first {PAGE_ENTRIES}",
    lambda extent: 5 + max(0, extent.entries - 1) // PAGE_ENTRIES,
)
