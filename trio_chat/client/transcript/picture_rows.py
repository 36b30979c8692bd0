"""Pictures as rows: side by side where there is space, and with the moment when they look different. Pure."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from msgspec import Struct

from trio_chat.client.transcript.rows import Part, Row
from trio_chat.stickers.picture import Picture, PictureFrame
from trio_chat.stickers.sticker import PictureFile

PICTURE_COLUMNS_MAX, PICTURE_ROWS_MAX = 32, 8
"""The most cells of a picture in a transcript."""

_GAP = 2


class Pictures(Protocol):
    """Pictures that are decoded elsewhere."""

    @property
    def version(self) -> int:
        """Rises when a picture is there that was not."""

    def find(self, file: PictureFile, columns: int, rows: int) -> Picture | None:
        """Return a picture that fits into so many cells; None where it is not there, or cannot be shown."""


class NoPictures:
    """No pictures, for a view that shows none."""

    version = 0

    def find(self, _file: PictureFile, _columns: int, _rows: int) -> Picture | None:
        """Return None."""
        return None


class DrawnPictures(Struct, frozen=True):
    """Rows of pictures."""

    rows: list[Row]
    missing: tuple[PictureFile, ...]
    """Those that are not there."""
    changes_at: float = math.inf
    """The time of their next change, in seconds since they were first shown."""


def draw_pictures(
    files: Sequence[PictureFile], pictures: Pictures, *, columns: int, rows: int, elapsed_s: float
) -> DrawnPictures:
    """Return the rows of pictures in so many columns, each of at most so many rows."""
    width, height = max(min(columns, PICTURE_COLUMNS_MAX), 1), max(min(rows, PICTURE_ROWS_MAX), 1)
    found = {file: pictures.find(file, width, height) for file in files}
    bands: list[list[tuple[Picture, PictureFrame]]] = []
    used, changes_at = columns, math.inf
    for picture in filter(None, found.values()):
        frame, end = picture.frame_at(elapsed_s)
        changes_at = min(changes_at, end)
        if used + _GAP + picture.columns > columns:
            bands.append([])
            used = -_GAP
        bands[-1].append((picture, frame))
        used += _GAP + picture.columns
    drawn = [row for band in bands for row in _side_by_side(band)]
    return DrawnPictures(drawn, tuple(file for file in files if found[file] is None), changes_at)


def moving_rows(
    file: PictureFile, pictures: Pictures, *, columns: int, rows: int, now: float
) -> tuple[list[Row], float]:
    """Return the rows of a picture whose animation repeats for ever, and the time of its next change.

    There are none while it is not there.
    """
    picture = pictures.find(file, max(columns, 1), max(rows, 1))
    if picture is None:
        return [], math.inf
    start = now - now % picture.duration_s
    frame, end = picture.frame_at(now - start)
    return list(parts_of(frame)), start + end


def _side_by_side(band: Sequence[tuple[Picture, PictureFrame]]) -> list[Row]:
    """Put pictures beside each other; their upper edges are level."""
    rows: list[Row] = []
    for at in range(max(picture.rows for picture, _ in band)):
        row: list[Part] = []
        for picture, frame in band:
            parts = parts_of(frame)
            row += [*(parts[at] if at < len(parts) else (Part(" " * picture.columns),)), Part(" " * _GAP)]
        rows.append(tuple(row[:-1]))
    return rows


@lru_cache(maxsize=512)
def parts_of(frame: PictureFrame) -> tuple[Row, ...]:
    """Return the rows of a frame, which all lines that show it share."""
    return tuple(
        tuple(
            Part(run.text) if run.front is run.back is None else Part(run.text, colours=(run.front, run.back))
            for run in row
        )
        for row in frame.rows
    )
