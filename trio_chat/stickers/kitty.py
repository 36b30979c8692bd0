"""Pictures in kitty's graphics protocol, shown by placeholder cells. Pure.

The pixels are sent once, under a number. Where text of placeholders has that number as its colour, the terminal draws
the picture: so it scrolls and is clipped as text is.
https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders
"""

import zlib
from base64 import standard_b64encode
from collections.abc import Iterator

from trio_chat.stickers.half_blocks import Run, Runs
from trio_chat.stickers.pixels import Pixels, Resolution

RESOLUTION = Resolution(10, 20)

NUMBERS = 1 << 24
"""Count of the numbers that a 24-bit colour can be."""

_PLACEHOLDER = "\U0010eeee"
_CHUNK = 4096
"""Characters of data in one command, which the protocol bounds."""

# The first of the marks that number rows and columns. A picture of ours has no more of either.
_MARKS = [chr(code) for code in (0x305, 0x30D, 0x30E, 0x310, 0x312, 0x33D, 0x33E, 0x33F, 0x346)]
_MARKS += [chr(code) for code in (*range(0x34A, 0x34D), *range(0x350, 0x353), 0x357, 0x35B, *range(0x363, 0x370))]
_MARKS += [chr(code) for code in (0x483, 0x484, 0x485, 0x486, 0x487)]

CELLS_MAX = len(_MARKS)
"""The most rows or columns of a picture."""


def send_picture(pixels: Pixels, number: int, *, columns: int, rows: int) -> str:
    """Return the commands that send a picture, to be shown in so many cells, and that ask for no answer."""
    data = standard_b64encode(zlib.compress(pixels.data)).decode()
    size = f"s={pixels.width},v={pixels.height},c={columns},r={rows}"
    return "".join(_commands(f"a=T,U=1,q=2,i={number},f=32,o=z,{size}", data))


def _commands(head: str, data: str) -> Iterator[str]:
    for start in range(0, len(data), _CHUNK):
        more = int(start + _CHUNK < len(data))
        keys = f"{head},m={more}" if start == 0 else f"q=2,m={more}"
        yield f"\x1b_G{keys};{data[start : start + _CHUNK]}\x1b\\"


def forget_picture(number: int) -> str:
    """Return the command that removes a picture from the terminal."""
    return f"\x1b_Ga=d,d=I,q=2,i={number}\x1b\\"


def placeholders(number: int, *, columns: int, rows: int) -> Runs:
    """Return the cells in which the terminal draws a picture."""
    return tuple(
        (Run("".join(f"{_PLACEHOLDER}{_MARKS[row]}{_MARKS[column]}" for column in range(columns)), number, None),)
        for row in range(rows)
    )
