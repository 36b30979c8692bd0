"""The pane of the draft: the lines that are typed, or a question in their place, and what Tab offers."""

from trio_chat.chat.text import clean, excerpt
from trio_chat.client.screen_view.picker_pane import drawing_rows
from trio_chat.client.screen_view.view_state import Menu, ViewState
from trio_chat.client.transcript.draft_layout import count_draft_rows, lay_out_draft
from trio_chat.client.transcript.editor import Editor
from trio_chat.client.transcript.line_layout import LineLayout
from trio_chat.client.transcript.panes import INPUT_ROWS_MAX
from trio_chat.client.transcript.row_breaking import break_row, cut_with_mark, fit_row, width_of_text
from trio_chat.client.transcript.rows import Part, Row, Style

_PROMPT, _FIND_PROMPT, _PICKER_PROMPT = "> ", "find: ", "sticker: "
_MENU_ROWS_MAX = 3
_DRAWING_COLUMNS, _DRAWING_ROWS = 32, 8
_PERSON_MAX = 12
_HIDDEN = "•"


def editor_of(state: ViewState) -> Editor:
    """Return the editor to which keys go."""
    return (state.picker or state.finding or state.rooms.current).editor


def input_rows(state: ViewState, columns: int) -> int:
    """Return the number of rows that the pane would take."""
    if state.question:
        return len(break_row((Part(state.question.shown(hidden=_HIDDEN)),), columns - 1))
    return count_draft_rows(editor_of(state).text, columns - width_of_text(_prompt(state)), INPUT_ROWS_MAX)


def input_pane(state: ViewState, columns: int, height: int) -> tuple[list[Row], tuple[int, int]]:
    """Return the rows of the pane, and column and row of the cursor."""
    if state.question:
        rows = break_row((Part(state.question.shown(hidden=_HIDDEN), Style.STRONG),), columns - 1)[-height:]
        return rows, (sum(width_of_text(part.text) for part in rows[-1]), len(rows) - 1)
    prompt, editor = _prompt(state), editor_of(state)
    margin = width_of_text(prompt)
    width = columns - margin
    drawn = lay_out_draft(editor.text, editor.cursor, width, height)
    shown: list[Row] = [
        (Part(prompt if at == 0 else " " * margin, Style.NOTICE), Part(clean(row)))
        if row
        else (Part(prompt if at == 0 else " " * margin, Style.NOTICE),)
        for at, row in enumerate(drawn.rows)
    ]
    return shown, (drawn.cursor[0] + margin, drawn.cursor[1])


def menu_rows(state: ViewState, columns: int) -> int:
    """Return the number of rows that the choices of Tab take, and the drawing of the one in the draft."""
    if state.menu is None:
        return 0
    return min(len(_menu_lines(state.menu, columns)[0]), _MENU_ROWS_MAX) + (_DRAWING_ROWS if state.menu.drawing else 0)


def menu_pane(menu: Menu, layout: LineLayout, columns: int, height: int) -> list[Row]:
    """Return the choices of Tab side by side, as many as fit, from the page on that has the chosen one.

    Above them is its drawing, if it has one and there is space.
    """
    lines, chosen = _menu_lines(menu, columns)
    drawing: list[Row] = []
    if menu.drawing:
        listed = min(len(lines), _MENU_ROWS_MAX, height)
        drawing = drawing_rows(menu.drawing, layout, min(columns - 1, _DRAWING_COLUMNS), height - listed)
        height = listed
    first = chosen - chosen % max(height, 1)
    above = [(Part(" "), *row) for row in drawing]
    return [*above, *(fit_row(line, columns) for line in lines[first : first + height])]


def _menu_lines(menu: Menu, columns: int) -> tuple[list[Row], int]:
    """Return all choices as rows, and the index of the row with the chosen one."""
    lines: list[Row] = [()]
    chosen = used = 0
    for at, preview in enumerate(menu.previews):
        text = f" {cut_with_mark(clean(preview), max(columns - 2, 1))} "
        width = width_of_text(text)
        if used + width > columns and lines[-1]:
            lines.append(())
            used = 0
        lines[-1] = (*lines[-1], Part(text, Style.CHOSEN if at == menu.chosen else Style.NOTICE))
        used += width
        chosen = len(lines) - 1 if at == menu.chosen else chosen
    return lines, chosen


def _prompt(state: ViewState) -> str:
    if state.picker:
        return _PICKER_PROMPT
    if state.finding:
        return _FIND_PROMPT
    room = state.rooms.current
    return f"{excerpt(room.person, _PERSON_MAX)}{_PROMPT}" if room.is_private else _PROMPT
