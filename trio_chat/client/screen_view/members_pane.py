"""The pane of the members: who spoke last is first; those who are away are dim."""

from trio_chat.chat.text import clean, excerpt
from trio_chat.client.screen_view.view_state import ViewState
from trio_chat.client.transcript.row_breaking import cut_with_mark
from trio_chat.client.transcript.rows import Part, Row, Style

_NAME_CHARS_MAX = 64


def members_pane(state: ViewState, columns: int, height: int) -> list[Row]:
    """Return the rows of the pane: the number of members, then their names as far as they fit."""
    room, people = state.rooms.current, state.narrator.people
    if room.is_private:
        return []
    count = people.count(room.name)
    shown = [state.layout.label, *people.names(room.name)][: max(height - 1, 0)]
    rows: list[Row] = [(Part(f"{count} here", Style.NOTICE),)]
    for name in filter(None, shown):
        style = Style.OWN if name == state.layout.label else Style.NOTICE if people.is_away(name) else Style.PLAIN
        mark = people.mark_of(name)
        text = cut_with_mark(clean(excerpt(name, _NAME_CHARS_MAX)), columns - len(mark))
        rows.append((Part(text, style), Part(mark, Style.NOTICE)))
    if count > len(shown) and len(rows) > height - 1:
        rows[height - 1 :] = [(Part(f"and {count - height + 2} more", Style.NOTICE),)]
    return rows
