"""The panes that fit a terminal: rooms, transcript and members side by side, or fewer of them. Pure."""

from msgspec import Struct

THREE_PANES, TWO_PANES = 100, 60
"""Columns from which there are three panes, and two."""

ROOMS_WIDE, ROOMS_NARROW, MEMBERS = 20, 16, 16
"""Columns of the panes at the sides, without the line between."""

ROWS_WITH_RULES = 16
"""Rows of a terminal from which lines are drawn above the status, and the topic has a row of its own."""

INPUT_ROWS_MAX = 8
"""Rows of the draft that are shown at once, so that a long paste leaves room for others' lines."""


class Panes(Struct, frozen=True):
    """Columns and rows of each pane; 0 where it is not shown."""

    columns: int
    rows: int
    rooms: int
    transcript: int
    members: int
    topic_rows: int
    body_rows: int
    """Rows of the panes side by side, with the row of the topic."""
    rule_rows: int
    input_rows: int
    menu_rows: int
    """Rows of the choices that Tab offers."""


def panes_for(columns: int, rows: int, *, input_rows: int = 1, menu_rows: int = 0) -> Panes:
    """Return the panes of a terminal, in which a draft would take `input_rows`, and a menu `menu_rows`."""
    columns, rows = max(columns, 1), max(rows, 1)
    rooms = ROOMS_WIDE if columns >= THREE_PANES else ROOMS_NARROW if columns >= TWO_PANES else 0
    members = MEMBERS if columns >= THREE_PANES else 0
    sides = (rooms + 1 if rooms else 0) + (members + 1 if members else 0)
    is_roomy = rows >= ROWS_WITH_RULES
    rule_rows = int(is_roomy)
    for_input = min(max(input_rows, 1), INPUT_ROWS_MAX, max(rows // 2 - 1, 1))
    for_menu = min(menu_rows, max(rows - for_input - rule_rows - 4, 0))
    body = max(rows - for_input - for_menu - rule_rows - 1, 0)  # 1: the status
    return Panes(
        columns=columns,
        rows=rows,
        rooms=rooms,
        transcript=columns - sides,
        members=members,
        topic_rows=int(is_roomy and body > 1),
        body_rows=body,
        rule_rows=rule_rows,
        input_rows=for_input,
        menu_rows=for_menu,
    )
