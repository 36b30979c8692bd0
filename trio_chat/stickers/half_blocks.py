"""Pictures as text: each character is two pixels, one above the other. Pure.

A terminal's cell is about twice as high as wide, so half of one is about a square. `▀` has the colour of the upper half
in front and that of the lower half behind.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

from msgspec import Struct

_UPPER, _LOWER = "▀", "▄"
_OPAQUE = 128
"""Least alpha of a pixel that is drawn; where it is less, the terminal's own background is seen."""

_LEVELS = (0, 95, 135, 175, 215, 255)
"""The levels of xterm's cube of 216 colours, which begins at 16; the 24 greys from 232 on are 8, 18, ... 238."""


class Run(Struct, frozen=True):
    """Cells of one row that have the same colours, as 0xRRGGBB; None is the terminal's own."""

    text: str
    front: int | None = None
    back: int | None = None


Runs = tuple[tuple[Run, ...], ...]
"""The rows of a picture."""


def half_blocks(pixels: bytes, width: int) -> Runs:
    """Return a picture as text, of pixels in RGBA, row by row, each row `width` wide."""
    step = 4 * width
    rows = [pixels[start : start + step] for start in range(0, len(pixels), step)]
    if len(rows) % 2:
        rows.append(bytes(step))
    return tuple(tuple(_runs(above, below)) for above, below in zip(rows[::2], rows[1::2], strict=True))


def _runs(above: bytes, below: bytes) -> Iterator[Run]:
    cells = (_cell(_colour(above, at), _colour(below, at)) for at in range(0, len(above), 4))
    for (text, front, back), same in groupby(cells):
        yield Run(text * len(list(same)), front, back)


def _colour(row: bytes, at: int) -> int | None:
    return int.from_bytes(row[at : at + 3], "big") if row[at + 3] >= _OPAQUE else None


def _cell(above: int | None, below: int | None) -> tuple[str, int | None, int | None]:
    if above is None:
        return (" ", None, None) if below is None else (_LOWER, below, None)
    return (" ", None, above) if above == below else (_UPPER, above, below)


@lru_cache(maxsize=4096)
def to_256(colour: int) -> int:
    """Return the number of the nearest of xterm's 256 colours, of which the first 16 are each person's own."""
    red, green, blue = colour >> 16, colour >> 8 & 255, colour & 255
    steps = [min(range(6), key=lambda step: abs(_LEVELS[step] - part)) for part in (red, green, blue)]
    grey = min(max((red + green + blue) // 3 - 3, 0) // 10, 23)
    of_cube = tuple(_LEVELS[step] for step in steps)
    of_greys = (8 + 10 * grey,) * 3
    if _distance(of_greys, (red, green, blue)) < _distance(of_cube, (red, green, blue)):
        return 232 + grey
    return 16 + 36 * steps[0] + 6 * steps[1] + steps[2]


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
