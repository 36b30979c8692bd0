"""Pictures as sixels, which DEC's VT340 knew: six rows of pixels in each character, colour by colour. Pure."""

import re
from collections.abc import Sequence

from trio_chat.stickers.pixels import Pixels

_OPAQUE = 128
_BAND = 6
_EMPTY = b"?"
"""The character of six pixels of which none is drawn; each that is adds its bit."""

_REPEATED = re.compile(r"(.)\1{3,}")


def sixels(pixels: Pixels) -> str:
    """Return a picture as sixels; where a pixel has too little alpha, the terminal's background stays.

    No pixel has colour number 0, which some terminals take for that background.
    """
    numbers: dict[int, int] = {}
    rows = [_row(pixels, y, numbers) for y in range(pixels.height)]
    palette = "".join(f"#{number};2;{_percent(colour)}" for colour, number in numbers.items())
    bands = "-".join(_band(rows[top : top + _BAND]) for top in range(0, len(rows), _BAND))
    return f'\x1bP0;1;0q"1;1;{pixels.width};{pixels.height}{palette}{bands}\x1b\\'


def _row(pixels: Pixels, y: int, numbers: dict[int, int]) -> list[int]:
    """Return the number of the colour of each pixel of a row; -1 where there is none."""
    start = 4 * pixels.width * y
    data = pixels.data[start : start + 4 * pixels.width]
    row = []
    for at in range(0, len(data), 4):
        if data[at + 3] < _OPAQUE:
            row.append(-1)
        else:
            colour = int.from_bytes(data[at : at + 3], "big")
            row.append(numbers.setdefault(colour, len(numbers) + 1))
    return row


def _percent(colour: int) -> str:
    return ";".join(str(round(part * 100 / 255)) for part in colour.to_bytes(3, "big"))


def _band(rows: Sequence[Sequence[int]]) -> str:
    """Return six rows, one colour after the other."""
    of_colour: dict[int, bytearray] = {}
    for bit, row in enumerate(rows):
        for x, number in enumerate(row):
            if number >= 0:
                if number not in of_colour:
                    of_colour[number] = bytearray(_EMPTY * len(row))
                of_colour[number][x] += 1 << bit
    return "$".join(f"#{number}{_shortened(of_colour[number].decode())}" for number in sorted(of_colour))


def _shortened(characters: str) -> str:
    """Put a count in the place of characters that repeat."""
    return _REPEATED.sub(lambda same: f"!{len(same[0])}{same[1]}", characters)
