"""The check of those who move between rooms: each visit of a room is shown whole, up to the `left`. Pure.

Where somebody left without a connection, it is not known what came after the last line that was shown.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from trio_chat.chat.events import Kind
from trio_chat.selftest.checker import AnnouncedGap, ShownEntry, check_shown


@dataclass(slots=True)
class Visit:
    """One stay in a room: what was shown of it, and the gaps. `is_whole` if it ended while there was a connection."""

    room: str
    shown: list[ShownEntry] = field(default_factory=list)
    gaps: list[AnnouncedGap] = field(default_factory=list)
    is_over: bool = False
    is_whole: bool = False


def check_visits(
    name: str, visits: Sequence[Visit], history: Sequence[ShownEntry], gone: Collection[int]
) -> Iterator[str]:
    """Find what somebody whose nicks all begin with `name` was not shown, or wrongly, during its visits."""
    for visit in visits:
        of_room = [line for line in history if line.room == visit.room]
        if visit.shown:
            yield from (
                f"{name} {what}" for what in check_shown(_span(name, visit, of_room), visit.shown, visit.gaps, gone)
            )


def _span(name: str, visit: Visit, of_room: Sequence[ShownEntry]) -> list[ShownEntry]:
    """Return what there was to be shown: from the first line shown to the last, or up to its own `left`."""
    first, last = min(visit.shown).id, max(visit.shown).id
    if visit.is_whole:
        own = (line.id for line in of_room if line.kind == Kind.LEFT and line.author.startswith(name))
        left = next((number for number in own if number > first), last + 1)
        last = max(last, left - 1)
    return [line for line in of_room if first <= line.id <= last]
