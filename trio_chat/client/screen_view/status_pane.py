"""The status: who we are, where, whether we are in step, what waits, and a hint."""

from trio_chat.chat.text import clean, excerpt
from trio_chat.client.link.events import lines_of
from trio_chat.client.screen_view.view_state import ViewState
from trio_chat.client.transcript.row_breaking import cut_with_mark, fit_row, width_of_text
from trio_chat.client.transcript.rows import Part, Row, Style

_LABEL_MAX = 48
_LAG_SHOWN_S = 1.0
_HINT = "F1 keys"


def status_pane(state: ViewState, columns: int, *, shows_room: bool) -> Row:
    """Return the row of the status. Where the rooms have no pane, it `shows_room`, with what is new elsewhere."""
    connection = state.connection
    if state.message:
        return fit_row((Part(cut_with_mark(clean(state.message), columns), Style.STRONG),), columns)
    trouble = cut_with_mark(clean(connection.trouble), max(columns - 20, 10)) if not connection.is_connected else ""
    parts = [
        Part(state.rooms.current.title if shows_room else "", Style.STRONG),
        Part(excerpt(connection.label, _LABEL_MAX), Style.NOTICE if shows_room else Style.STRONG),
        Part(_waiting(state), Style.CALLED),
        Part(trouble, Style.FAILED),
        Part("" if trouble else "connected" if connection.is_connected else "connecting", Style.NOTICE),
        Part(_news_elsewhere(state) if shows_room else "", Style.CALLED),
        Part("" if state.rooms.current.place is None else "PgDn: newer lines", Style.CALLED),
        Part("" if trouble else connection.server, Style.NOTICE),
        Part(f"lag {connection.lag_s:.1f} s" if connection.lag_s >= _LAG_SHOWN_S else "", Style.CALLED),
    ]
    shown: list[Part] = []
    for part in parts:
        if part.text:
            shown += [Part(" · " if shown else " ", Style.NOTICE), Part(clean(part.text), part.style)]
    used = sum(width_of_text(part.text) for part in shown)
    if used + len(_HINT) + 2 <= columns:
        shown.append(Part(" " * (columns - used - len(_HINT) - 1) + _HINT, Style.NOTICE))
    return fit_row(tuple(shown), columns)


def _waiting(state: ViewState) -> str:
    count = sum(len(lines_of(message)) for message in state.connection.waiting)
    waits = f"{count} wait" if count > 1 else "1 waits"
    return "" if not count else waits if state.connection.is_connected else f"{waits} (/cancel)"


def _news_elsewhere(state: ViewState) -> str:
    others = [room for room in state.rooms.all if room is not state.rooms.current]
    mentions, unread = sum(room.mentions for room in others), sum(room.unread > 0 for room in others)
    return f"{mentions}! Alt-a" if mentions else f"{unread} new Alt-a" if unread else ""
