"""Painters, one for each way in which terminals show pictures. Pure.

A painter turns the pixels of a frame into what is sent to the terminal. Half blocks and the placeholders of kitty are
text, which can stand anywhere; a `stream` moves the cursor, and suits a view that only ever prints below what it
printed before.
"""

from collections.abc import Callable
from itertools import count
from typing import Protocol

from trio_chat.stickers import iterm, kitty
from trio_chat.stickers.half_blocks import Runs, half_blocks
from trio_chat.stickers.picture import PictureFrame
from trio_chat.stickers.pixels import Pixels, Resolution
from trio_chat.stickers.sixel import sixels


class Painter(Protocol):
    """A way of showing pictures."""

    @property
    def resolution(self) -> Resolution:
        """The resolution of the pixels that it takes."""

    def paint(self, pixels: Pixels, duration_s: float, *, columns: int, rows: int) -> PictureFrame:
        """Return a frame that takes so many cells. It may take long: call it in a thread."""


class HalfBlocks:
    """Text in colours, for every terminal that has 256 of them."""

    resolution = Resolution()

    def paint(self, pixels: Pixels, duration_s: float, *, columns: int, rows: int) -> PictureFrame:
        """Return a frame of half blocks."""
        del columns, rows
        return PictureFrame(half_blocks(pixels.data, pixels.width), duration_s)


class KittyPlaceholders:
    """Text of placeholders, for kitty and Ghostty."""

    resolution = kitty.RESOLUTION

    def __init__(self, first: int) -> None:
        """`first` is a random number, so that pictures of other programs at the terminal hardly have the same ones."""
        self._numbers = count(first)

    def paint(self, pixels: Pixels, duration_s: float, *, columns: int, rows: int) -> PictureFrame:
        """Return a frame of placeholders, with the commands that send it."""
        number = next(self._numbers) % (kitty.NUMBERS - 1) + 1
        sent = kitty.send_picture(pixels, number, columns=columns, rows=rows)
        cells = kitty.placeholders(number, columns=columns, rows=rows)
        return PictureFrame(cells, duration_s, sent_before=sent, sent_after=kitty.forget_picture(number))


class CursorPainter:
    """Commands that draw a picture where the cursor is."""

    def __init__(self, resolution: Resolution, draw: Callable[[Pixels, int, int], str]) -> None:
        """`draw` returns the commands for pixels that take columns and rows."""
        self.resolution = resolution
        self._draw = draw

    def paint(self, pixels: Pixels, duration_s: float, *, columns: int, rows: int) -> PictureFrame:
        """Return a frame of blank cells, with the commands that draw over them."""
        blank: Runs = ()
        return PictureFrame(blank, duration_s, stream=self._draw(pixels, columns, rows))


def sixel_painter(cell: tuple[int, int], colours: int) -> CursorPainter:
    """Return the painter of sixels, for cells of so many pixels and a palette of so many colours."""
    resolution = Resolution(*cell, colours=max(colours - 1, 1))
    return CursorPainter(resolution, lambda pixels, _columns, _rows: sixels(pixels))


def iterm_painter() -> CursorPainter:
    """Return the painter for iTerm2."""

    def draw(pixels: Pixels, columns: int, rows: int) -> str:
        return iterm.inline_picture(pixels, columns=columns, rows=rows)

    return CursorPainter(iterm.RESOLUTION, draw)
