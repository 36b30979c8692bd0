"""A frame: all panes put together into the rows of the screen."""

from trio_chat.client.screen_view.hits_pane import hits_pane
from trio_chat.client.screen_view.input_pane import input_pane, input_rows, menu_pane, menu_rows
from trio_chat.client.screen_view.key_list import key_rows
from trio_chat.client.screen_view.members_pane import members_pane
from trio_chat.client.screen_view.picker_pane import picker_pane
from trio_chat.client.screen_view.rooms_pane import room_in_row, rooms_pane
from trio_chat.client.screen_view.status_pane import status_pane
from trio_chat.client.screen_view.transcript_pane import topic_row, transcript_pane
from trio_chat.client.screen_view.view_state import ViewState
from trio_chat.client.transcript.line_layout import Columns
from trio_chat.client.transcript.panes import Panes, panes_for
from trio_chat.client.transcript.room_list import RoomState
from trio_chat.client.transcript.row_breaking import fit_row
from trio_chat.client.transcript.rows import Part, Row, Style

_BAR = Part("│", Style.BAR)


def panes_of(state: ViewState, columns: int, rows: int) -> Panes:
    """Return the panes that fit now."""
    return panes_for(columns, rows, input_rows=input_rows(state, columns), menu_rows=menu_rows(state, columns))


def columns_of(panes: Panes, *, has_times: bool) -> Columns:
    """Return the columns of the transcript: beside other panes, with a margin."""
    margin = int(panes.rooms > 0) + int(panes.members > 0)
    return Columns(max(panes.transcript - margin, 1), has_times, max(panes.body_rows // 2, 1))


def room_at(state: ViewState, columns: int, rows: int, cell: tuple[int, int]) -> RoomState | None:
    """Return the room whose name is at a column and row of the screen, if there is one."""
    panes = panes_of(state, columns, rows)
    column, row = cell
    if column >= panes.rooms or row >= panes.body_rows:
        return None
    return room_in_row(state.rooms, panes.body_rows, row)


def make_frame(state: ViewState, columns: int, rows: int, *, has_times: bool) -> tuple[list[Row], tuple[int, int]]:
    """Return the rows of the screen, each of so many columns, and column and row of the cursor."""
    panes = panes_of(state, columns, rows)
    drawn = _body(state, panes, has_times=has_times)
    if panes.rule_rows:
        drawn.append((Part(_rule(panes), Style.BAR),))
    drawn.append(status_pane(state, columns, shows_room=not panes.rooms))
    if panes.menu_rows and state.menu:
        menu = menu_pane(state.menu, state.layout, columns, panes.menu_rows)
        drawn += [*menu, *[()] * (panes.menu_rows - len(menu))]
    typed, (x, y) = input_pane(state, columns, panes.input_rows)
    cursor = (min(x, columns - 1), min(len(drawn) + y, rows - 1))
    drawn += [*typed, *[()] * (panes.input_rows - len(typed))]
    return [fit_row(row, columns) for row in drawn][:rows], cursor


def _body(state: ViewState, panes: Panes, *, has_times: bool) -> list[Row]:
    height = panes.body_rows
    middle = _middle(state, panes, columns_of(panes, has_times=has_times))
    columns = [(fit_column(middle, panes.transcript, height))]
    if panes.rooms:
        columns.insert(
            0, fit_column(rooms_pane(state.rooms, state.narrator.muted, panes.rooms, height), panes.rooms, height)
        )
    if panes.members:
        members = [(Part(" "), *row) for row in members_pane(state, panes.members - 1, height)]
        columns.append(fit_column(members, panes.members, height))
    body: list[Row] = []
    for parts in zip(*columns, strict=True):
        first, *others = parts
        body.append((*first, *(part for row in others for part in (_BAR, *row))))
    return body


def _middle(state: ViewState, panes: Panes, columns: Columns) -> list[Row]:
    """Return the rows between the panes at the sides: a transcript, or what stands in its place."""
    height = panes.body_rows - panes.topic_rows
    above: list[Row] = [topic_row(state, columns.width)] if panes.topic_rows else []
    if state.shows_keys:
        keys = key_rows(columns.width)
        state.keys_row = max(min(state.keys_row, len(keys) - panes.body_rows), 0)
        return _with_margin(keys[state.keys_row : state.keys_row + panes.body_rows], panes)
    if state.picker:
        return _with_margin([*above, *picker_pane(state, columns.width, height)], panes)
    if state.hits:
        return _with_margin([*above, *hits_pane(state, columns, height)], panes)
    lines = transcript_pane(state, columns, height)
    return _with_margin([*above, *[()] * (height - len(lines)), *lines], panes)


def _with_margin(rows: list[Row], panes: Panes) -> list[Row]:
    return [(Part(" "), *row) for row in rows] if panes.rooms else rows


def fit_column(rows: list[Row], columns: int, height: int) -> list[Row]:
    """Cut rows to a pane, or fill it up."""
    shown = [fit_row(row, columns) for row in rows[:height]]
    return [*shown, *[fit_row((), columns)] * (height - len(shown))]


def _rule(panes: Panes) -> str:
    joints = "─" * panes.rooms + "┴" if panes.rooms else ""
    members = "┴" + "─" * panes.members if panes.members else ""
    return joints + "─" * panes.transcript + members
