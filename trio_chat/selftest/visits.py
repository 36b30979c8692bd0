"""The check of clients that move between rooms: each visit of a room is shown whole, up to its `left` notice. Pure.

For a client that left without a connection, entries after the last one that it was shown cannot be expected.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from trio_chat.chat.events import Kind
from trio_chat.selftest.checker import AnnouncedGap, ShownEntry, check_shown


@dataclass(slots=True)
class Visit:
    """One stay in a room, with the entries that were shown and the gaps that were announced."""

    room: str
    shown: list[ShownEntry] = field(default_factory=list)
    gaps: list[AnnouncedGap] = field(default_factory=list)
    is_over: bool = False
    is_whole: bool = False
    """True if it ended while the client was connected."""


def check_visits(
    name: str, visits: Sequence[Visit], history: Sequence[ShownEntry], pruned_ids: Collection[int]
) -> Iterator[str]:
    """Find entries that a person whose nicks begin with `name` was not shown, or wrongly, during its visits."""
    for visit in visits:
        of_room = [line for line in history if line.room == visit.room]
        if visit.shown:
            yield from (
                f"{name} {what}"
                for what in check_shown(_span(name, visit, of_room), visit.shown, visit.gaps, pruned_ids)
            )


def _span(name: str, visit: Visit, of_room: Sequence[ShownEntry]) -> list[ShownEntry]:
    """Return the entries to be shown: from the first one shown to the last one, or up to the person's own `left`."""
    first, last = min(visit.shown).id, max(visit.shown).id
    if visit.is_whole:
        own = (line.id for line in of_room if line.kind == Kind.LEFT and line.author.startswith(name))
        left = next((number for number in own if number > first), last + 1)
        last = max(last, left - 1)
    return [line for line in of_room if first <= line.id <= last]
