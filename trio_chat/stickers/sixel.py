"""Pictures as sixels, which DEC's VT340 knew: six rows of pixels in each character, colour by colour. Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from trio_chat.stickers.pixels import Pixels

_OPAQUE = 128
_BAND = 6


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
    used = sorted({number for row in rows for number in row if number >= 0})
    return "$".join(f"#{number}{''.join(_characters(rows, number))}" for number in used)


def _characters(rows: Sequence[Sequence[int]], number: int) -> Iterator[str]:
    """Yield the characters of one colour, those that repeat with their count."""
    columns = (sum((row[x] == number) << bit for bit, row in enumerate(rows)) for x in range(len(rows[0])))
    for bits, same in groupby(columns):
        count, char = len(list(same)), chr(63 + bits)
        yield f"!{count}{char}" if count > 3 else char * count
