"""The pane of a search: the lines that it found, one of which is chosen."""

from trio_chat.chat.text import clean, excerpt
from trio_chat.client.screen_view.view_state import Hits, ViewState
from trio_chat.client.transcript.line_layout import Columns, day_of
from trio_chat.client.transcript.room_window import Line
from trio_chat.client.transcript.row_breaking import cut_with_mark, width_of_text
from trio_chat.client.transcript.rows import Part, Row, Style
from trio_chat.wire import frames

_HINT = " · ↑ ↓ · Enter goes there · Esc closes"
_MARGIN = Part("  ")
_BEFORE_FIRST = frames.Said(id=0, room="", kind="", time=0.0, author="", text="")
"""An entry of another day, as if before the first hit, which has its date above it then."""


def hits_pane(state: ViewState, columns: Columns, height: int) -> list[Row]:
    """Return the rows of what was found, with the chosen line among them. No more lines are laid out than fit."""
    hits = state.hits
    assert hits is not None
    body = height - 1
    above: list[Row] = []
    for at in range(hits.chosen - 1, -1, -1):
        if len(above) >= body:
            break
        above[:0] = _hit(state, hits, at, columns)
    rows = above.copy()
    for at in range(hits.chosen, len(hits.entries)):
        if len(rows) - len(above) >= body:
            break
        rows += _hit(state, hits, at, columns)
    top = max(min(len(above) - body // 2, len(rows) - body), 0)
    return [_head(hits, columns.width), *rows[top : top + body]]


def _hit(state: ViewState, hits: Hits, at: int, columns: Columns) -> list[Row]:
    """Return the rows of one of the lines, below its day where that is not the day of the line before it."""
    entry, before = hits.entries[at], _line(hits.entries[at - 1] if at else _BEFORE_FIRST)
    line = _line(entry)
    shown = state.layout.rows(line, before, Columns(columns.width - 2, columns.has_times))
    has_day = day_of(before) != day_of(line)
    mark = Part("▸ ", Style.CALLED) if at == hits.chosen else _MARGIN
    room: Row = (mark, Part(f"#{clean(excerpt(entry.room))}", Style.NOTICE))
    return [
        *((_MARGIN, *row) for row in shown[:has_day]),
        *([room] if entry.room != hits.search.room else []),
        *((mark, *row) for row in shown[has_day:]),
    ]


def _line(entry: frames.Said) -> Line:
    return Line(entry.id, entry.time, entry=entry)


def _head(hits: Hits, columns: int) -> Row:
    count = f"{len(hits.entries)}{'+' if hits.has_more else ''} found" if hits.entries else "nothing found"
    text = cut_with_mark(f"{count}: {clean(excerpt(hits.search.text, 60))}", columns)
    return (Part(text, Style.STRONG), Part(cut_with_mark(_HINT, columns - width_of_text(text)), Style.NOTICE))
