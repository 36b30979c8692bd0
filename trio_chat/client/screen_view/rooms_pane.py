"""The pane of the rooms: with the numbers of new lines and of mentions. Pure."""

from trio_chat.chat.text import clean
from trio_chat.client.transcript.muted_rooms import MutedRooms
from trio_chat.client.transcript.room_list import RoomState, RoomStates
from trio_chat.client.transcript.row_breaking import cut_with_mark, fit_row, width_of_text
from trio_chat.client.transcript.rows import Part, Row, Style

_COUNT_MAX = 999
_NUMBERED = 9
"""Rooms that a key with Alt shows."""


def rooms_pane(rooms: RoomStates, muted: MutedRooms, columns: int, height: int) -> list[Row]:
    """Return the rows of the pane: rooms, a line, and private conversations; those around the current one."""
    listed = rooms.all
    rows: list[Row] = []
    for room in _shown(rooms, height):
        if room is None:
            rows.append((Part("─" * columns, Style.BAR),))
            continue
        quiet = Style.NOTICE if muted.has(room.name) else Style.PLAIN
        number = listed.index(room) + 1
        rows.append(_row(room, number, columns, is_current=room is rooms.current, quiet=quiet))
    return rows


def room_in_row(rooms: RoomStates, height: int, row: int) -> RoomState | None:
    """Return the room that stands in a row of the pane, if there is one."""
    shown = _shown(rooms, height)
    return shown[row] if row < len(shown) else None


def _shown(rooms: RoomStates, height: int) -> list[RoomState | None]:
    """Return the rooms that are shown, row by row, with None for the line above private conversations."""
    listed: list[RoomState | None] = [*rooms.all]
    first_private = next((at for at, room in enumerate(rooms.all) if room.is_private), 0)
    if first_private:
        listed.insert(first_private, None)
    first = max(min(listed.index(rooms.current) - height // 2, len(listed) - height), 0)
    return listed[first : first + height]


def _row(room: RoomState, number: int, columns: int, *, is_current: bool, quiet: Style) -> Row:
    """Return the row of a room; its look is `quiet` where there is nothing new in it."""
    count = _count(room)
    style = Style.CHOSEN if is_current else Style.STRONG if room.unread or room.mentions else quiet
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
