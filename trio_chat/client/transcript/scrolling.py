"""Scrolling through a window: the rows that a pane shows, and the anchor that it keeps while lines arrive. Pure."""

from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from trio_chat.client.transcript.line_layout import Columns, LineLayout
from trio_chat.client.transcript.room_window import Item, RoomWindow
from trio_chat.client.transcript.rows import Row


class Anchor(Struct, frozen=True):
    """The lowest row that is shown: a row of an item. Without one, the newest row is."""

    item: Item
    row: int


class Scroller:
    """A pane of so many columns and rows onto a window."""

    def __init__(self, window: RoomWindow, layout: LineLayout, columns: Columns, height: int) -> None:
        self._window = window
        self._layout = layout
        self._columns = columns
        self._height = max(height, 1)

    def visible(self, anchor: Anchor | None, height: int | None = None) -> list[Row]:
        """Return the rows above and at an anchor, oldest first: at most as many as the pane has."""
        rows: list[Row] = []
        for index, row in self._upwards(anchor):
            if len(rows) == (self._height if height is None else height):
                break
            rows.append(self._rows(index)[row])
        return rows[::-1]

    def shows(self, item: Item, anchor: Anchor | None) -> bool:
        """Tell whether an item is in the pane."""
        return any(self._window.items[index] is item for index, _ in islice(self._upwards(anchor), self._height))

    def up(self, anchor: Anchor | None, count: int) -> tuple[Anchor | None, bool]:
        """Scroll up by rows, to the top at most. -> the new anchor, and whether the top is shown there"""
        wanted = count + self._height
        seen: list[tuple[int, int]] = []
        for at in self._upwards(anchor):
            seen.append(at)
            if len(seen) > wanted:
                break
        if not seen or len(seen) <= self._height:
            return anchor, True
        index, row = seen[min(count, len(seen) - self._height)]
        return Anchor(self._window.items[index], row), len(seen) <= wanted

    def down(self, anchor: Anchor | None, count: int) -> Anchor | None:
        """Scroll down by rows. -> the new anchor; None at the end"""
        if anchor is None or (index := self._index(anchor)) is None:
            return None
        row = anchor.row
        while count > 0:
            left = len(self._rows(index)) - 1 - row
            if count <= left:
                row, count = row + count, 0
                break
            count -= left + 1
            index, row = index + 1, 0
            if index >= len(self._window.items):
                return None
        is_last = index == len(self._window.items) - 1 and row >= len(self._rows(index)) - 1
        return None if is_last else Anchor(self._window.items[index], row)

    def _upwards(self, anchor: Anchor | None) -> Iterator[tuple[int, int]]:
        """Yield index and row of everything above and at an anchor, the lowest first."""
        index = None if anchor is None else self._index(anchor)
        last_row = anchor.row if anchor is not None and index is not None else None
        for at in range(len(self._window.items) - 1 if index is None else index, -1, -1):
            count = len(self._rows(at))
            start = count - 1 if last_row is None else min(last_row, count - 1)
            last_row = None
            yield from ((at, row) for row in range(start, -1, -1))

    def _index(self, anchor: Anchor) -> int | None:
        """Return the index of the item of an anchor; None where that was dropped."""
        try:
            return self._window.items.index(anchor.item)
        except ValueError:
            return None

    def _rows(self, index: int) -> list[Row]:
        items = self._window.items
        return self._layout.rows(items[index], items[index - 1] if index else None, self._columns)
