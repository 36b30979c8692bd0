"""The pane of the picker: stickers in a grid, one of which is chosen."""

from collections.abc import Sequence

from msgspec.structs import replace

from trio_chat.client.screen_view.view_state import Picker, ViewState
from trio_chat.client.transcript.line_layout import LineLayout
from trio_chat.client.transcript.picker import (
    Band,
    first_band,
    grid,
)
from trio_chat.client.transcript.picture_rows import moving_rows
from trio_chat.client.transcript.row_breaking import cut_with_mark, fit_row, width_of_text
from trio_chat.client.transcript.rows import Part, Row, Style
from trio_chat.stickers.sticker import Drawn

_HINT = " · type to search · Enter puts it in · Esc closes"
_BAND_ROWS_MIN = 4
"""Rows in which the upper part of a picture and its name still show which it is."""


def picker_pane(state: ViewState, columns: int, height: int) -> list[Row]:
    """Return the rows of the picker, with the chosen sticker among them."""
    picker = state.picker
    assert picker is not None
    bands = bands_of(picker, columns, height)
    body = height - 1
    rows: list[Row] = []
    for band in bands[first_band(bands, picker.chosen, body) :]:
        left = body - len(rows)
        if left < min(band.rows, _BAND_ROWS_MIN):
            break
        rows += _band(replace(band, rows=min(band.rows, left)), picker, state.layout, columns)
    return [_head(picker, columns), *rows]


def bands_of(picker: Picker, columns: int, height: int) -> list[Band]:
    """Return the grid of the picker in so many columns and rows."""
    return grid(picker.choices, columns, height - 1)


def _head(picker: Picker, columns: int) -> Row:
    count = len(picker.choices)
    found = f"{count} sticker{'' if count == 1 else 's'}" if count else "no sticker has that name"
    text = cut_with_mark(found, columns)
    return (Part(text, Style.STRONG), Part(cut_with_mark(_HINT, columns - width_of_text(text)), Style.NOTICE))


def _band(band: Band, picker: Picker, layout: LineLayout, columns: int) -> list[Row]:
    tiles = []
    for index, _ in band.places:
        drawn = picker.choices[index].drawn
        rows = drawing_rows(drawn, layout, band.columns, band.rows - 1) if band.rows > 1 else []
        tiles.append([*[()] * (band.rows - 1 - len(rows)), *rows, _label(picker, index, band.columns)])
    return _beside(tiles, band, columns)


def _label(picker: Picker, index: int, columns: int) -> Row:
    return (Part(picker.choices[index].label(columns), Style.CHOSEN if index == picker.chosen else Style.PLAIN),)


def drawing_rows(drawn: Drawn, layout: LineLayout, columns: int, rows: int) -> list[Row]:
    """Return the rows of a sticker that is drawn below its line, cut to so many columns and rows."""
    if not drawn.pictures:
        return [(Part(cut_with_mark(row, columns)),) for row in drawn.below[:rows]]
    moving, changes_at = moving_rows(drawn.pictures[0], layout.pictures, columns=columns, rows=rows, now=layout.now)
    layout.changes_at = min(layout.changes_at, changes_at)
    return moving[:rows] or [(Part(cut_with_mark(drawn.pictures[0].text, columns), Style.NOTICE),)]


def _beside(tiles: Sequence[Sequence[Row]], band: Band, columns: int) -> list[Row]:
    """Put tiles of the same number of rows beside each other, at the columns of their band."""
    rows: list[Row] = []
    for parts in zip(*tiles, strict=True):
        row: Row = ()
        for (_, column), part in zip(band.places, parts, strict=True):
            row = (*fit_row(row, column), *part)
        rows.append(fit_row(row, columns))
    return rows
