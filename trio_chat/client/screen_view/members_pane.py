"""The pane of the members: who spoke last is first, in the colour of their lines; those who are away are dim."""

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
        mark = people.mark_of(name)
        text = cut_with_mark(clean(excerpt(name, _NAME_CHARS_MAX)), columns - len(mark))
        rows.append((Part(text + mark, _style(state, name)),))
    if count > len(shown) and len(rows) > height - 1:
        rows[height - 1 :] = [(Part(f"and {count - height + 2} more", Style.NOTICE),)]
    return rows


def _style(state: ViewState, name: str) -> Style:
    """Return the style of a name: of somebody who has spoken, the one that it has beside their lines."""
    narrator = state.narrator
    if name == state.layout.label:
        return Style.OWN
    if narrator.people.is_away(name):
        return Style.NOTICE
    return narrator.transcript.name_styles.known(name) or Style.PLAIN
