"""The pane of a search: the lines that it found, one of which is chosen."""

from trio_chat.chat.text import clean, excerpt
from trio_chat.client.screen_view.view_state import ViewState
from trio_chat.client.transcript.line_layout import Columns, day_of
from trio_chat.client.transcript.room_window import Line
from trio_chat.client.transcript.row_breaking import cut_with_mark, width_of_text
from trio_chat.client.transcript.rows import Part, Row, Style
from trio_chat.wire import frames

_HINT = " · ↑ ↓ choose · Enter goes there · Esc closes"
_MARGIN = Part("  ")
_NONE = frames.Said(id=0, room="", kind="", time=0.0, author="", text="")


def hits_pane(state: ViewState, columns: Columns, height: int) -> list[Row]:
    """Return the rows of what was found, with the chosen line among them."""
    hits = state.hits
    assert hits is not None
    rows: list[Row] = []
    first = 0
    before = Line(0, 0.0, entry=_NONE)  # of another day, so that the first one has its date
    for at, entry in enumerate(hits.entries):
        if at == hits.chosen:
            first = len(rows)
        line = Line(entry.id, entry.time, entry=entry)
        shown = state.layout.rows(line, before, Columns(columns.width - 2, columns.has_times))
        has_day = day_of(before) != day_of(line)
        rows += [(_MARGIN, *row) for row in shown[:has_day]]
        mark = Part("▸ ", Style.CALLED) if at == hits.chosen else _MARGIN
        if entry.room != hits.search.room:
            rows.append((mark, Part(f"#{clean(excerpt(entry.room))}", Style.NOTICE)))
        rows += [(mark, *row) for row in shown[has_day:]]
        before = line
    head = _head(state, columns.width)
    body = height - 1
    top = max(min(first - body // 2, len(rows) - body), 0)
    return [head, *rows[top : top + body]]


def _head(state: ViewState, columns: int) -> Row:
    hits = state.hits
    assert hits is not None
    count = f"{len(hits.entries)}{'+' if hits.has_more else ''} found" if hits.entries else "nothing found"
    text = cut_with_mark(f"{count}: {clean(excerpt(hits.search.text, 60))}", columns)
    return (Part(text, Style.STRONG), Part(cut_with_mark(_HINT, columns - width_of_text(text)), Style.NOTICE))
