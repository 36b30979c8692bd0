"""The pane of the rooms: with the numbers of new lines, and of those in which the person is called. Pure."""

from trio_chat.chat.text import clean
from trio_chat.client.transcript.room_list import RoomState, RoomStates
from trio_chat.client.transcript.row_breaking import cut_with_mark, fit_row, width_of_text
from trio_chat.client.transcript.rows import Part, Row, Style

_COUNT_MAX = 999
_NUMBERED = 9
"""Rooms that a key with Alt shows."""


def rooms_pane(rooms: RoomStates, columns: int, height: int) -> list[Row]:
    """Return the rows of the pane: rooms, a line, and private conversations; those around the current one."""
    listed = rooms.all
    rows: list[Row] = []
    current = 0
    for number, room in enumerate(listed, 1):
        if room.is_private and number > 1 and not listed[number - 2].is_private:
            rows.append((Part("─" * columns, Style.BAR),))
        if room is rooms.current:
            current = len(rows)
        rows.append(_row(room, number, columns, is_current=room is rooms.current))
    first = max(min(current - height // 2, len(rows) - height), 0)
    return rows[first : first + height]


def _row(room: RoomState, number: int, columns: int, *, is_current: bool) -> Row:
    count = _count(room)
    style = Style.CHOSEN if is_current else Style.STRONG if room.unread or room.mentions else Style.PLAIN
    digit = f"{number} " if number <= _NUMBERED else "  "
    name = cut_with_mark(clean(room.title), columns - 2 - len(count) - bool(count))
    gap = " " * (columns - 2 - width_of_text(name) - len(count))
    called = Style.CALLED if room.mentions and not is_current else style
    digit_style = style if is_current else Style.NOTICE
    return fit_row((Part(digit, digit_style), Part(name + gap, style), Part(count, called)), columns, style)


def _count(room: RoomState) -> str:
    if room.mentions:
        return f"{min(room.mentions, _COUNT_MAX)}!"
    return f"{min(room.unread, _COUNT_MAX)} " if room.unread else ""
