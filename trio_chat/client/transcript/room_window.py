"""The window of a room: a stretch of its entries without a gap, with the client's notices between them. Pure.

A window is live while it reaches to the newest entry. One that somebody has moved to an older place is not, and neither
is one that is full while they read at its beginning: what comes then is read from the server later.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from trio_chat.client.transcript.presence_counts import PRESENCE_KINDS, count_notice, counts_in_words
from trio_chat.client.transcript.removals import without_words
from trio_chat.client.transcript.rows import Row
from trio_chat.client.transcript.transcript import SHOWN_MAX
from trio_chat.wire import frames

ITEMS_MAX, CHARS_MAX = 10_000, 2_000_000
"""Items and characters in the window of the room that is shown."""

HIDDEN_ITEMS_MAX, HIDDEN_CHARS_MAX = 300, 64_000
"""The same for a room that is not shown."""

Listing = Callable[[int], list[Row]]
"""Makes rows for so many columns."""

_NAMED_MAX = 3
"""Notices in a row that are shown one by one."""

_ITEM_CHARS = 100
"""Characters that an item counts for besides its text, for the memory that each takes."""


@dataclass(eq=False, slots=True)
class Item:
    """A part of a window. `id` is that of its newest entry; of a notice, that of the entry before it."""

    id: int
    time: float
    laid_out: Any = field(default=None, repr=False)
    """The rows that a layout keeps, with their width."""

    @property
    def chars(self) -> int:
        """Characters that it counts for."""
        return _ITEM_CHARS


@dataclass(eq=False, slots=True)
class Line(Item):
    """An entry that is shown by itself."""

    entry: frames.Said = field(kw_only=True)
    shown_at: float | None = None
    """The time at which its pictures were first shown."""

    @property
    def chars(self) -> int:
        """Characters that it counts for."""
        return _ITEM_CHARS + len(self.entry.text)


@dataclass(eq=False, slots=True)
class Fold(Item):
    """Notices in a row of who came, left or changed names: from the fourth on only their numbers are shown."""

    first_id: int = 0
    entries: list[frames.Said] = field(default_factory=list)
    """The first of them."""
    counts: dict[str, int] = field(default_factory=dict)
    """The numbers of all, by verb."""

    def add(self, entry: frames.Said) -> None:
        """Add a notice, which is newer than the others."""
        count_notice(self.counts, entry)
        if len(self.entries) <= _NAMED_MAX:
            self.entries.append(entry)
        self.id, self.time, self.laid_out = entry.id, entry.time, None

    @property
    def sum(self) -> str:
        """The numbers in words; empty where the notices are so few that they are shown one by one."""
        return "" if len(self.entries) <= _NAMED_MAX else counts_in_words(self.counts)


@dataclass(eq=False, slots=True)
class Note(Item):
    """Rows of the client itself, such as the answer to a command."""

    rows: Sequence[Row] = ()
    listing: Listing | None = None
    """The rows below them, as a list that is made for so many columns."""


@dataclass(eq=False, slots=True)
class NewRule(Item):
    """The line where the person stopped reading."""

    text: str = ""


class RoomWindow:
    """The items of one room, oldest first."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.is_live = True
        """True if it reaches to the newest entry."""
        self.has_older: bool | None = None
        """True if the server has older entries; None where that is not known."""
        self._chars = 0
        self._known_id = 0

    @property
    def oldest_id(self) -> int | None:
        """The id of the oldest entry; None where there is none."""
        return next((_first_id(item) for item in self.items if isinstance(item, Line | Fold) and item.id >= 0), None)

    @property
    def newest_id(self) -> int:
        """The id of the newest entry; 0 where there is none."""
        return max(self.items[-1].id, 0) if self.items else 0

    def add(self, entry: frames.Said) -> None:
        """Add an entry at its place. One that is there already changes nothing."""
        if entry.removes:
            self._remove_words(entry.removes)
        is_last = not self.items or entry.id > self.items[-1].id
        last = self.items[-1] if self.items else None
        if entry.kind in PRESENCE_KINDS and is_last:
            if not isinstance(last, Fold):
                last = Fold(entry.id, entry.time, first_id=entry.id)
                self._insert(len(self.items), last)
            last.add(_bounded(entry))
            return
        line = Line(entry.id, entry.time, entry=_bounded(entry))
        if is_last:
            self._insert(len(self.items), line)
        elif not self._has(entry.id):
            self._insert(bisect_left(self.items, entry.id, key=_first_id), line)

    def add_page(self, entries: Iterable[frames.Said], *, has_older: bool | None) -> None:
        """Add a page of older entries."""
        for entry in entries:
            self.add(entry)
        self.has_older = has_older

    def start_at(self, entries: Iterable[frames.Said], *, is_live: bool, known_id: int = 0) -> None:
        """Show another stretch in place of this one. Rows of the client stand below what comes up to `known_id`."""
        self.items.clear()
        self._chars, self._known_id = 0, known_id
        self.has_older, self.is_live = None, is_live
        for entry in entries:
            self.add(entry)

    def begin_epoch(self) -> None:
        """Begin with another history, whose ids begin anew: what is here stays above it, with ids below 0."""
        newest_id = self.newest_id
        for item in self.items:
            item.id -= newest_id + 1
            if isinstance(item, Fold):
                item.first_id -= newest_id + 1
        self.is_live, self.has_older, self._known_id = True, None, 0

    def note(self, rows: Sequence[Row], now: float, listing: Listing | None = None) -> Note:
        """Add rows of the client, and a list below them, at the end."""
        note = Note(max(self.newest_id, self._known_id), now, rows=rows, listing=listing)
        self._insert(len(self.items), note)
        return note

    def set_rule(self, text: str, after_id: int, now: float) -> None:
        """Put the line where the person stopped reading behind an entry; there is one at most."""
        self.drop_rule()
        at = bisect_right(self.items, after_id, key=lambda item: item.id)
        self._insert(at, NewRule(after_id, self.items[at].time if at < len(self.items) else now, text=text))

    def drop_rule(self) -> None:
        """Remove the line where the person stopped reading."""
        self.items = [item for item in self.items if not isinstance(item, NewRule)]

    @property
    def rule(self) -> NewRule | None:
        """The line where the person stopped reading, if there is one."""
        return next((item for item in reversed(self.items) if isinstance(item, NewRule)), None)

    def find(self, entry_id: int) -> Line | None:
        """Return the item of an entry, if it is here."""
        for item in self.items[bisect_left(self.items, entry_id, key=lambda item: item.id) :]:
            if item.id > entry_id:
                break
            if isinstance(item, Line) and item.id == entry_id:
                return item
        return None

    def trim(self, *, is_shown: bool, reads_oldest: bool = False) -> None:
        """Drop the oldest items beyond the bounds; the newest ones where the person `reads_oldest`."""
        items_max, chars_max = (ITEMS_MAX, CHARS_MAX) if is_shown else (HIDDEN_ITEMS_MAX, HIDDEN_CHARS_MAX)
        if len(self.items) <= items_max and self._chars <= chars_max:
            return
        keep_items, keep_chars = items_max - items_max // 10, chars_max - chars_max // 10
        ordered = self.items if reads_oldest else self.items[::-1]
        kept = used = 0
        for item in ordered:
            used += item.chars
            if kept == keep_items or used > keep_chars:
                break
            kept += 1
        if reads_oldest:
            self.items, self.is_live = self.items[: max(kept, 1)], False
        else:
            self.items, self.has_older = self.items[-max(kept, 1) :], True
        self._chars = sum(item.chars for item in self.items)

    def _insert(self, at: int, item: Item) -> None:
        self.items.insert(at, item)
        self._chars += item.chars

    def _has(self, entry_id: int) -> bool:
        at = bisect_left(self.items, entry_id, key=lambda item: item.id)
        return any(
            _first_id(item) <= entry_id <= item.id and isinstance(item, Line | Fold) for item in self.items[at : at + 4]
        )

    def _remove_words(self, entry_id: int) -> None:
        if line := self.find(entry_id):
            line.entry, line.laid_out = without_words(line.entry), None


def _first_id(item: Item) -> int:
    return item.first_id if isinstance(item, Fold) else item.id


def _bounded(entry: frames.Said) -> frames.Said:
    """Cut the text of an entry to what is shown of it: a hostile server could send megabytes."""
    if len(entry.text) <= SHOWN_MAX:
        return entry
    return replace(entry, text=f"{entry.text[:SHOWN_MAX]} …")
