"""The pane of a search: the lines that it found, one of which is chosen."""

from trio_chat.chat.text import clean, excerpt
from trio_chat.client.screen_view.view_state import ViewState
from trio_chat.client.transcript.line_layout import Columns, LineLayout
from trio_chat.client.transcript.room_window import Line
from trio_chat.client.transcript.row_breaking import cut_with_mark
from trio_chat.client.transcript.rows import Part, Row, Style
from trio_chat.wire import frames


def hits_pane(state: ViewState, columns: Columns, height: int) -> list[Row]:
    """Return the rows of what was found, with the chosen line among them."""
    hits = state.hits
    assert hits is not None
    rows: list[Row] = []
    first = 0
    for at, entry in enumerate(hits.entries):
        if at == hits.chosen:
            first = len(rows)
        rows += _entry(
            entry, state.layout, columns, shows_room=entry.room != hits.search.room, is_chosen=at == hits.chosen
        )
    head = _head(state, columns.width)
    body = height - 1
    top = max(min(first - body // 2, len(rows) - body), 0)
    return [head, *rows[top : top + body]]


def _head(state: ViewState, columns: int) -> Row:
    hits = state.hits
    assert hits is not None
    count = f"{len(hits.entries)}{'+' if hits.has_more else ''} found" if hits.entries else "nothing found"
    text = f"{count}: {clean(excerpt(hits.search.text, 60))} · Up, Down choose · Enter goes there · Esc closes"
    return (Part(cut_with_mark(text, columns), Style.STRONG),)


def _entry(entry: frames.Said, layout: LineLayout, columns: Columns, *, shows_room: bool, is_chosen: bool) -> list[Row]:
    rows = layout.rows(Line(entry.id, entry.time, entry=entry), None, Columns(columns.width - 2, columns.has_times))
    mark = Part("▸ " if is_chosen else "  ", Style.CALLED)
    where: list[Row] = [(mark, Part(f"#{clean(excerpt(entry.room))}", Style.NOTICE))] if shows_room else []
    return [*where, *((mark, *row) for row in rows)]
