"""The status: our name, the room, the connection, the messages that wait, and a hint."""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

from trio_chat.chat.search_query import FILTERS
from trio_chat.chat.text import clean, excerpt
from trio_chat.client.link.events import lines_of
from trio_chat.client.screen_view.view_state import ViewState
from trio_chat.client.transcript.room_list import RoomState
from trio_chat.client.transcript.row_breaking import cut_with_mark, fit_row, width_of_text
from trio_chat.client.transcript.rows import Part, Row, Style
from trio_chat.client.transcript.transcript import timestamp

_LABEL_MAX, _WHY_MAX = 48, 60
LAG_SHOWN_MIN_S = 1.0
"""Lag from which on it is shown."""

_HINT, _DOT = "F1 keys", " · "
_CUT_COLUMNS_MIN = 12
"""Columns in which the beginning of a trouble still says something."""


class _Piece(NamedTuple):
    """A piece of the status. Where there is not enough space, those of a higher `rank` are left out."""

    rank: int
    text: str
    style: Style = Style.NOTICE
    can_be_cut: bool = False


def status_pane(state: ViewState, columns: int, *, shows_room: bool) -> Row:
    """Return the row of the status. Where the rooms have no pane, it `shows_room`, with what is new elsewhere."""
    if state.message:
        return fit_row((Part(cut_with_mark(clean(state.message), columns), Style.STRONG),), columns)
    if state.finding:
        room = state.rooms.current
        where = "all private conversations" if room.is_private else room.title
        return fit_row(
            (Part(cut_with_mark(f" Enter searches {clean(where)} · {FILTERS}", columns), Style.NOTICE),), columns
        )
    shown: list[Part] = [Part(" ", Style.NOTICE)]
    for piece in _that_fit(_pieces(state, shows_room=shows_room), columns - 1):
        shown += [Part(_DOT if len(shown) > 1 else "", Style.NOTICE), Part(piece.text, piece.style)]
    gap = columns - 1 - sum(width_of_text(part.text) for part in shown) - len(_HINT)
    if gap > 0:
        shown.append(Part(" " * gap + _HINT, Style.NOTICE))
    return fit_row(tuple(shown), columns)


def _pieces(state: ViewState, *, shows_room: bool) -> Sequence[_Piece]:
    """Return all pieces, in the order in which they stand."""
    connection, room = state.connection, state.rooms.current
    trouble = "" if connection.is_connected else connection.trouble
    return (
        _Piece(0, room.title if shows_room else "", Style.STRONG),
        _Piece(5, excerpt(connection.label, _LABEL_MAX), Style.NOTICE if shows_room else Style.STRONG),
        _Piece(9, "" if trouble else _why_no_name(state), Style.FAILED, can_be_cut=True),
        _Piece(2, _offline(state) if trouble else "", Style.FAILED),
        _Piece(1, _waiting(state), Style.CALLED),
        _Piece(3, _lag(state), Style.CALLED),
        _Piece(6, "" if trouble else "connected" if connection.is_connected else "connecting"),
        _Piece(4, _news_elsewhere(state) if shows_room else "", Style.CALLED),
        _Piece(2, _below(room), Style.CALLED),
        _Piece(7, "" if trouble else connection.server),
        _Piece(8, trouble, Style.FAILED, can_be_cut=True),
    )


def _that_fit(pieces: Sequence[_Piece], columns: int) -> list[_Piece]:
    """Return the pieces that fit, the most important ones before others, in the order in which they stand."""
    left = columns
    kept: dict[int, _Piece] = {}
    for at in sorted(range(len(pieces)), key=lambda at: pieces[at].rank):
        piece, text = pieces[at], clean(pieces[at].text)
        space = left - len(_DOT) if kept else left
        if piece.can_be_cut and space >= _CUT_COLUMNS_MIN:
            text = cut_with_mark(text, space)
        if text and (not kept or width_of_text(text) <= space):
            kept[at] = piece._replace(text=text)
            left = space - width_of_text(text)
    return [kept[at] for at in sorted(kept)]


def _below(room: RoomState) -> str:
    """Return the hint at what is below the rows to which the person has scrolled, or the way back from the past."""
    item = room.anchor.item if room.anchor else next(reversed(room.window.items), None)
    if item and not room.window.is_live:
        newest = f"{room.unread} new" if room.unread else "newest"
        return f"reading {timestamp(item.time, time.time()).text.strip()} · Esc: {newest}"
    if room.anchor is None:
        return f"{room.unseen_rule} · Alt-u" if room.unseen_rule else ""
    return f"Esc: {room.unread} new" if room.unread else "Esc: newest line"


def _offline(state: ViewState) -> str:
    """Return that there is no connection, and when the next attempt is made."""
    retry_s = state.connection.retry_at - state.layout.now
    return f"offline · again in {math.ceil(retry_s)} s" if retry_s > 0 else "offline · connecting"


def _why_no_name(state: ViewState) -> str:
    why = state.connection.why_no_name
    return f"no name: {excerpt(why, _WHY_MAX)} · /nick NAME" if why and ":" in state.connection.label else ""


def _waiting(state: ViewState) -> str:
    count = sum(len(lines_of(message)) for message in state.connection.waiting)
    waits = f"{count} wait" if count > 1 else "1 waits"
    return "" if not count else waits if state.connection.is_connected else f"{waits} (/cancel)"


def _lag(state: ViewState) -> str:
    lag_s = state.connection.lag_s
    return f"lag {lag_s:.0f} s" if state.connection.is_connected and lag_s >= LAG_SHOWN_MIN_S else ""


def _news_elsewhere(state: ViewState) -> str:
    others = [room for room in state.rooms.all if room is not state.rooms.current]
    mentions, unread = sum(room.mentions for room in others), sum(room.unread > 0 for room in others)
    return f"{mentions}! Alt-a" if mentions else f"{unread} new Alt-a" if unread else ""
