"""The layout of a draft: the rows around its cursor, and the place of the cursor in them. Pure."""

from msgspec import Struct
from wcwidth import iter_graphemes

from trio_chat.client.transcript.row_breaking import cluster_width

_CHARS_AROUND_MAX = 4096
"""Characters of the draft on each side of the cursor that are laid out."""


class DraftRows(Struct, frozen=True):
    """The visible rows of a draft, and the place of the cursor: column and row."""

    rows: list[str]
    cursor: tuple[int, int]


def lay_out_draft(text: str, cursor: int, columns: int, rows_max: int) -> DraftRows:
    """Break a draft into rows of so many columns; show the rows around the cursor."""
    columns = max(columns, 3)
    start = max(cursor - _CHARS_AROUND_MAX, 0)
    if start and (line := text.find("\n", start, cursor)) >= 0:
        start = line + 1
    near = text[start : cursor + _CHARS_AROUND_MAX]
    rows, place = _rows(near, cursor - start, columns)
    first = max(min(place[1] - rows_max // 2, len(rows) - rows_max), 0)
    return DraftRows(rows[first : first + rows_max], (place[0], place[1] - first))


def count_draft_rows(text: str, columns: int, rows_max: int) -> int:
    """Return the number of rows that a draft takes: `rows_max` for more."""
    rows, _ = _rows(text[: 2 * rows_max * columns], 0, max(columns, 3))
    return min(len(rows), rows_max)


def _rows(text: str, cursor: int, columns: int) -> tuple[list[str], tuple[int, int]]:
    rows, used, place, at = [""], 0, (0, 0), 0
    for cluster in iter_graphemes(text):
        if cluster in ("\n", "\r\n"):
            if at <= cursor < at + len(cluster):
                place = (used, len(rows) - 1)
            rows.append("")
            used, at = 0, at + len(cluster)
            continue
        width = cluster_width(cluster)
        if used + width > columns - 1:  # the last column is for the cursor
            rows.append("")
            used = 0
        if at <= cursor < at + len(cluster):
            place = (used, len(rows) - 1)
        rows[-1] += cluster
        used, at = used + width, at + len(cluster)
    if cursor >= at:
        place = (used, len(rows) - 1)
    return rows, place
